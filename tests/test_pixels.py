"""One image: its axes, its bits, its transparency, its format; read rightly or refused by name."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from test_own_images import IMAGES, LABELS, taken

from glimpse_env import GlimpseEnv
from glimpse_env.datasets import load, pixels

Image = pytest.importorskip("PIL.Image")
torch = pytest.importorskip("torch")


# Axes.


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_tensors_have_their_channels_first_and_arrays_last(channels):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 9, channels), np.uint8)
    tensors, labels = torch.tensor(images).permute(0, 3, 1, 2), torch.arange(4)
    sources = {
        "a pair of tensors": (tensors, labels),
        "a TensorDataset": torch.utils.data.TensorDataset(tensors, labels),
        "a list of tensors": list(zip(tensors, labels, strict=True)),
        "floats": (tensors / 255, labels),
        "arrays": (images, labels.numpy()),
        "a list of arrays": list(zip(images, range(4), strict=True)),
        "transposed views": (tensors.numpy().transpose(0, 2, 3, 1), labels),
        "needing a gradient": ((tensors / 255).requires_grad_(), labels),
    }
    for name, source in sources.items():
        data = load(source)
        assert data.shape == (8, 9, channels), name
        np.testing.assert_array_equal(taken(data), images)
        assert GlimpseEnv(dataset=source, patch_size=4).scene_shape == (8, 9, channels)
    assert load((tensors[:, 0], labels)).shape == (8, 9, 1)


SWAPPED = [(3, 32, 32), (1, 28, 28), (4, 84, 84), (3, 40, 84), (2, 9, 5), (13, 64, 64), (10, 32, 32)]


@pytest.mark.parametrize("shape", SWAPPED)
def test_axes_in_the_other_order_are_refused_with_the_remedy(shape):
    images, labels = np.zeros((5, *shape), np.uint8), np.arange(5)
    last = torch.tensor(images).permute(0, 2, 3, 1)
    for source, message in [
        ((images, labels), r"an array must have its channels last, got shape .*: pass images.transpose\(0, 2, 3, 1\)"),
        (list(zip(images, labels, strict=True)), r"Item 0 of the dataset: .*pass image.transpose\(1, 2, 0\)"),
        ((last, labels), r"a tensor must have its channels first, got shape .*: pass images.permute\(0, 3, 1, 2\)"),
        (list(zip(last, labels, strict=True)), r"Item 0 of the dataset: .*pass image.permute\(2, 0, 1\)"),
        ((list(images), labels), r"pass images.transpose"),
    ]:
        with pytest.raises(ValueError, match=message):
            load(source)
    assert load((images.transpose(0, 2, 3, 1), labels)).shape == load((last.permute(0, 3, 1, 2), labels)).shape


@pytest.mark.parametrize("shape", [(5, 5, 5), (9, 9, 200), (3, 3, 3), (4, 4, 4), (3, 7, 4), (1, 5, 1)])
def test_small_images_of_many_channels_are_none_of_these(shape):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    np.testing.assert_array_equal(taken(load((images, [0, 1]))), images)
    np.testing.assert_array_equal(taken(load((torch.tensor(images).permute(0, 3, 1, 2), [0, 1]))), images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 8, 8, dtype=torch.bfloat16), r"Cannot make an array of the images \(.*BFloat16.*float32"),
        ([np.zeros((3, 3)), np.zeros((4, 4))], r"Cannot make an array of the images \(.*of one size"),
        ([Image.new("P", (3, 3))] * 2, r"got a list of PIL images: pass list\(zip\(images, labels\)\)"),
    ],
)
def test_what_makes_no_array_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        load((images, [0, 1]))


# Bits.


def png(color, channels, depth, value):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + np.full(4 * channels, value, f">u{depth // 8}").tobytes()
    header = struct.pack(">IIBBBBB", 4, 4, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 4)) + chunk(b"IEND", b"")


def tiff(bits, channels, photometric, extra=(), kind=1, order="<"):
    data = np.full((4, 4, channels), 4000 % 2**bits, f"{order}u{bits // 8}").tobytes()
    tags = [(256, 4), (257, 4), (258, (bits,) * channels), (259, 1), (262, photometric), (273, 400), (277, channels)]
    tags += [(278, 4), (279, len(data)), (284, 1), *([(338, extra)] if extra else []), (339, (kind,) * channels)]
    entries, far = b"", b""
    for tag, value in tags:
        values = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(values)}H", *values)
        if len(packed) > 4:
            packed, far = struct.pack(f"{order}I", 300 + len(far)), far + packed
        entries += struct.pack(f"{order}HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)
    return (start.ljust(300, b"\0") + far).ljust(400, b"\0") + data


DEEP = {
    "gray.png": png(0, 1, 16, 4000),
    "color.png": png(2, 3, 16, 4000),
    "gray-alpha.png": png(4, 2, 16, 4000),
    "color-alpha.png": png(6, 4, 16, 4000),
    "gray.pgm": b"P5 4 4 65535\n" + np.full(16, 4000, ">u2").tobytes(),
    "gray-12-bits.pgm": b"P5 4 4 4095\n" + np.full(16, 4000, ">u2").tobytes(),
    "color.ppm": b"P6 4 4 65535\n" + np.full(48, 4000, ">u2").tobytes(),
    "color-12-bits.ppm": b"P6 4 4 4095\n" + np.full(48, 4000, ">u2").tobytes(),
    "plain.ppm": b"P3 4 4 65535\n" + b"4000 " * 48,
    "gray.tif": tiff(16, 1, 1),
    "color.tif": tiff(16, 3, 2),
    "color-big-endian.tif": tiff(16, 3, 2, order=">"),
    "color-alpha.tif": tiff(16, 4, 2, (2,)),
    "color-padded.tif": tiff(16, 4, 2, (0,)),
    "cmyk.tif": tiff(16, 4, 5),
    "gray-32-bits.tif": tiff(32, 1, 1),
    "gray-signed.tif": tiff(16, 1, 1, kind=2),
    "gray-alpha.tif": tiff(16, 2, 1, (2,)),
}
PLAIN = {
    "gray.png": png(0, 1, 8, 200),
    "color.png": png(2, 3, 8, 200),
    "gray-alpha.png": png(4, 2, 8, 200),
    "color.ppm": b"P6 4 4 255\n" + bytes([200] * 48),
    "few.ppm": b"P6 4 4 100\n" + bytes([78] * 48),
    "plain.pgm": b"P2 4 4 255\n" + b"200 " * 16,
    "gray.tif": tiff(8, 1, 1),
    "color.tif": tiff(8, 3, 2),
}


def one(tmp_path, name, content):
    path = tmp_path / "class" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", DEEP)
def test_more_than_8_bits_a_channel_are_refused_in_each_mode(tmp_path, name):
    path = one(tmp_path, name, DEEP[name])
    with pytest.raises(ValueError, match=f"{path} cannot be read as an image .*(more than 8 bits|cannot identify)"):
        load(tmp_path)


@pytest.mark.parametrize("name", [name for name in DEEP if name.endswith(".tif") and name != "gray-alpha.tif"])
def test_a_tiff_tells_so_when_somebody_has_loaded_it_already(name):
    with Image.open(io.BytesIO(DEEP[name])) as image:
        image.load()
        with pytest.raises(ValueError, match="Item 0 of the dataset: it has more than 8 bits"):
            load([(image, 0)])


@pytest.mark.parametrize("name", PLAIN)
def test_8_bits_are_read(tmp_path, name):
    one(tmp_path, name, PLAIN[name])
    image = taken(load(tmp_path))
    expected = 157 if name == "gray-alpha.png" else 160 if name.endswith("tif") else 199 if name.startswith("few") else 200
    assert set(image.ravel().tolist()) == {expected}


def test_a_bitmap_of_16_bits_for_all_channels_is_none_of_these(tmp_path):
    data = np.full(16, 0x7BEF, "<u2").tobytes()  # 5 bits for each
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 16, 0, len(data), 0, 0, 0, 0)
    one(tmp_path, "a.bmp", b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data)
    assert taken(load(tmp_path)).shape == (1, 4, 4, 3)


# Transparency.


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("ink", [0, 10])
def test_dark_ink_on_a_transparent_ground_is_refused(mode, ink):
    alpha = np.zeros((8, 8), np.uint8)
    alpha[2:6, 2:6] = 255
    image = Image.merge("LA", [Image.new("L", (8, 8), ink), Image.fromarray(alpha)]).convert("RGBA")
    image = image.quantize() if mode == "P" else image.convert(mode)
    with pytest.raises(ValueError, match="dark on a transparent background, which becomes black: give it a bright background"):
        pixels.decoded(image)


@pytest.mark.parametrize("color", [(255, 255, 255, 0), (0, 0, 0, 0)])
def test_what_is_transparent_everywhere_is_refused(color):
    with pytest.raises(ValueError, match="transparent everywhere, which becomes black: leave it out"):
        pixels.decoded(Image.new("RGBA", (4, 4), color))


@pytest.mark.parametrize(("shape", "kept"), [((57, 1, 1), 0), ((1, 57, 3), 0), ((55, 1, 1), 1), ((1, 55, 3), 1)])
def test_images_of_which_nothing_would_be_left_are_refused(shape, kept):
    white = np.full(shape, 255, np.uint8)
    if kept:
        assert pixels.fitted(white, (28, 28, 1)).max() == 255
    else:
        with pytest.raises(ValueError, match=re.escape(f"its shape {shape} is so narrow that nothing would be left of it")):
            pixels.fitted(white, (28, 28, 1))


def test_bright_ink_and_what_is_not_transparent_are_read():
    alpha = Image.fromarray(np.eye(8, dtype=np.uint8) * 255)
    bright = pixels.decoded(Image.merge("LA", [Image.new("L", (8, 8), 200), alpha]))
    np.testing.assert_array_equal(bright[..., 0], np.eye(8) * 200)
    assert not pixels.decoded(Image.new("LA", (4, 4), (0, 255))).any()
    assert not pixels.decoded(Image.new("L", (4, 4), 0)).any()


# Formats.


@pytest.mark.parametrize(
    ("suffix", "format"),
    [("jfif", "jpeg"), ("jpe", "jpeg"), ("JPE", "jpeg"), ("gif", "gif"), ("pnm", "ppm"), ("pbm", "ppm"), ("dat.png", "bmp")],
)
def test_suffixes_beside_the_usual(tmp_path, suffix, format):
    content = io.BytesIO()
    Image.new("L", (16, 16), 200).save(content, format)
    one(tmp_path, f"a.{suffix}", content.getvalue())
    image = taken(load(tmp_path))
    assert set(image.ravel().tolist()) == {200}


def test_the_first_of_moving_pictures(tmp_path):
    content = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (value, 0, 0)) for value in (250, 99, 0)]
    frames[0].save(content, "gif", save_all=True, append_images=frames[1:])
    one(tmp_path, "a.gif", content.getvalue())
    assert taken(load(tmp_path))[0, 4, 4].tolist() == [250, 0, 0]


def jpeg(progressive):
    content = io.BytesIO()
    Image.fromarray(IMAGES[0]).resize((64, 64)).save(content, "jpeg", progressive=progressive)
    return content.getvalue()


def with_scans(extra):
    """A progressive JPEG whose last scan comes so many times more."""
    content = jpeg(True)
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * extra + content[-2:]


def test_a_jpeg_of_hundreds_of_scans_is_refused(tmp_path):
    path = one(tmp_path, "a.jpg", with_scans(500))
    with pytest.raises(ValueError, match=f"{path} cannot be read as an image .*a JPEG with more than 30 scans"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
def test_a_file_of_holes_is_refused(tmp_path, name):
    path = one(tmp_path, name, jpeg(True))
    with path.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=f"{path} is too large .more than 1,073,741,824 bytes"):
        load(tmp_path)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_film_behind_it_is_read(tmp_path, progressive):
    """As phones append one; its bytes may look like scans."""
    one(tmp_path, "a.jpg", jpeg(progressive) + b"\0\2" + b"\xff\xda\0\2" * 1000)
    assert load(tmp_path).shape == (64, 64, 3)


def test_pairs_of_pillows_images_are_a_list():
    images = [Image.fromarray(image) for image in IMAGES]
    np.testing.assert_array_equal(taken(load(list(zip(images, LABELS, strict=True)))), IMAGES)
