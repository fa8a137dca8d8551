"""Draw 60 photos of fruit on a table, to try a folder of images: ``python docs/photos.py photos``. Needs the extra "agents"."""

import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (640, 480)
KINDS = {"apple": (190, 40, 35), "banana": (225, 190, 50), "lemon": (235, 215, 60)}


def photo(kind: str, rng: np.random.Generator) -> Image.Image:
    """One photo: a table with grain and shadows, and a fruit somewhere on it."""
    grain = Image.fromarray(rng.integers(90, 150, (48, 64), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    wood = np.asarray(grain)[..., np.newaxis] * (np.array((1.0, 0.72, 0.5)) * rng.uniform(0.8, 1.3))
    table = Image.fromarray(wood.clip(0, 255).astype(np.uint8))
    radius = int(rng.integers(80, 120))
    side = 4 * radius
    fruit = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(fruit)
    color = tuple(int(part) for part in np.clip(np.array(KINDS[kind]) + rng.integers(-18, 18, 3), 0, 255))
    box = (side // 2 - radius, side // 2 - radius, side // 2 + radius, side // 2 + radius)
    if kind == "apple":
        draw.ellipse(box, fill=color)
        draw.line((side // 2, box[1] + 6, side // 2 + 10, box[1] - 22), fill=(80, 50, 30), width=8)
    elif kind == "banana":
        draw.arc(box, 20, 170, fill=color, width=radius // 2)
    else:
        draw.ellipse((box[0], box[1] + radius // 3, box[2], box[3] - radius // 3), fill=color)
    draw.ellipse((box[0] + radius // 2, side // 2 - radius // 3, box[0] + radius, side // 2), fill=(255, 255, 255, 90))
    fruit = fruit.rotate(int(rng.integers(-60, 60))).filter(ImageFilter.GaussianBlur(2))
    place = tuple(int(rng.integers(-radius, room - side + radius)) for room in SIZE)
    shadow = Image.new("RGBA", fruit.size, (20, 15, 10, 255))
    shadow.putalpha(fruit.getchannel("A").filter(ImageFilter.GaussianBlur(12)).point(lambda a: a * 0.6))
    table.paste(shadow, (place[0] + 12, place[1] + 16), shadow)
    table.paste(fruit, place, fruit)
    noise = rng.normal(0, 4, (SIZE[1], SIZE[0], 3))
    return Image.fromarray((np.asarray(table) + noise).clip(0, 255).astype(np.uint8))


def main(folder: pathlib.Path, each: int = 20) -> None:
    """Write the photos, in a folder for each class."""
    rng = np.random.default_rng(0)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for n in range(each):
            photo(kind, rng).save(folder / kind / f"{n:02}.jpg", quality=90)
    print(f"{folder}: {each} photos each of {', '.join(KINDS)}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "photos"))
