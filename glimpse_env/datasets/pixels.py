"""Convert an image from any source to (h, w, C) uint8, and fit it to a size."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

_ORIENTATION = 0x0112  # EXIF's tag
_BITS = 258  # TIFF's tag
_DEEP = re.compile(r"[IF]|\w+;16[BLNS]")  # Pillow's modes of more than 8 bits: "I;16", "RGB;16B", but not BMP's "BGR;16"
_MOST = 4  # channels that an image usually has at most
_DARK = 16  # of 255: pixels up to this look black


def decoded(image: Any) -> npt.NDArray[np.uint8]:
    """Convert an image to an array.

    A PIL image is rotated upright by its EXIF data; it becomes gray (C = 1) if it has no colors and RGB otherwise, and
    transparent parts become black; it must not be transparent everywhere. A torch tensor has its channels first, as in
    torchvision; an array has them last.

    Args:
        image: a PIL image; or an array (h, w) or (h, w, C), or a torch tensor (h, w) or (C, h, w), uint8, or float in [0, 1]
            (rounded to 1/255).

    Returns:
        (h, w, C) uint8.

    Raises:
        ValueError: the image is anything else.
    """
    if hasattr(image, "getbands"):
        return _of_pil(image)
    array = array_of(image, 0)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"an image must be (h, w) or (h, w, C) with none of them 0, got shape {array.shape}.")
    return bytes_of(array).reshape(*array.shape[:2], -1)


def array_of(images: Any, lead: int) -> npt.NDArray[Any]:
    """Convert images to an array with the channels last; torch tensors have them first.

    Args:
        images: an array (h, w) or (h, w, C), or a torch tensor (h, w) or (C, h, w), after ``lead`` other axes.
        lead: the number of axes before those of an image.

    Raises:
        ValueError: the images make no array, or their channels are clearly in the other place.
    """
    tensor = hasattr(images, "detach")
    try:
        array = np.asarray(images.detach().cpu() if tensor else images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"Cannot make an array of the images ({error}): pass images of one size, uint8 or float32.") from error
    if array.ndim != lead + 3:
        return array
    first, middle, last = array.shape[lead:][::-1] if tensor else array.shape[lead:]  # channels last
    if last > _MOST and (first <= _MOST or first < middle == last):
        order = (*range(lead), *(lead + axis for axis in ((2, 0, 1) if tensor else (1, 2, 0))))
        kind, place, turn = ("a tensor", "first", "permute") if tensor else ("an array", "last", "transpose")
        name = "images" if lead else "image"
        raise ValueError(f"{kind} must have its channels {place}, got shape {array.shape}: pass {name}.{turn}{order}.")
    return np.moveaxis(array, lead, -1) if tensor else array


def bytes_of(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Convert pixels, uint8 or float in [0, 1], to uint8."""
    if np.issubdtype(array.dtype, np.floating):
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # also true of NaN
            raise ValueError(f"float images must lie in [0, 1], got [{low}, {high}]: scale them, or pass uint8.")
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"images must be uint8, or float in [0, 1], got dtype {array.dtype}: convert them.")
    return array


def fitted(image: npt.NDArray[np.uint8], shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Fit an image to a shape: scale it, keeping its proportions, center it on black, and convert it to gray or RGB.

    Args:
        image: (h', w', C') uint8.
        shape: (h, w, C).

    Raises:
        ValueError: the image has another shape, and one of the two has neither 1 nor 3 channels; or it is so narrow that no
            pixel would be left of it.
    """
    if image.shape == shape:
        return image
    h, w, C = shape
    if {image.shape[2], C} - {1, 3}:
        raise ValueError(f"its shape {image.shape} differs from the others' {shape}, and only gray and RGB can be fitted.")
    from PIL import Image, ImageOps

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).convert("L" if C == 1 else "RGB")
    if picture.size != (w, h):
        across, tall = picture.size
        if round(min(across / tall * h, tall / across * w)) < 1:
            raise ValueError(f"its shape {image.shape} is so narrow that nothing would be left of it in {shape}: crop it.")
        picture = ImageOps.pad(picture, (w, h))
    return np.asarray(picture).reshape(shape)


def _of_pil(image: Any) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    if _is_deep(image):
        raise ValueError(f"it has more than 8 bits a channel (16, or Pillow's mode {image.mode!r}): convert it to 8 bits.")
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    transparent = image.has_transparency_data
    if transparent:
        image = image.convert("RGBA")
        least, most = image.getextrema()[3]
        if most == 0:
            raise ValueError("it is transparent everywhere, which becomes black: leave it out, or remove its transparency.")
        transparent = least < most
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    if transparent and array.max() < _DARK:
        raise ValueError("it is dark on a transparent background, which becomes black: give it a bright background.")
    return array.reshape(*array.shape[:2], -1)


def _is_deep(image: Any) -> bool:
    """Whether a PIL image has more than 8 bits a channel, by its mode or its file (which a loaded PNG does not keep)."""
    tiles = getattr(image, "tile", ())
    raw = [args[0] if isinstance(args, tuple) else args for *_, args in tiles]
    bits = getattr(image, "tag_v2", {}).get(_BITS, ())
    brightest = [args[1] for codec, *_, args in tiles if codec.startswith("ppm")]
    deep = any(_DEEP.match(str(mode)) for mode in (image.mode, *raw))
    return deep or max(bits, default=0) > 8 or max(brightest, default=0) > 255
