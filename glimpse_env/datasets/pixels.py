"""One image, as its source has it, turned into (h, w, C) uint8, and fitted to a size."""

from typing import Any

import numpy as np
import numpy.typing as npt

_ORIENTATION = 0x0112  # EXIF's tag
_DEEP = ("I", "F")  # how Pillow's modes of more than 8 bits begin


def decoded(image: Any) -> npt.NDArray[np.uint8]:
    """Turn an image into an array.

    A PIL image is turned upright as its EXIF data say; it becomes grey (C = 1) if it has no colours, RGB otherwise, black where
    it is transparent. A torch tensor has its channels first, as torchvision's have.

    Args:
        image: a PIL image; or an array (h, w) or (h, w, C), or a torch tensor (h, w) or (C, h, w), uint8, or float in [0, 1]
            (rounded to 1/255).

    Returns:
        (h, w, C) uint8.

    Raises:
        ValueError: anything else.
    """
    if hasattr(image, "getbands"):
        return _of_pil(image)
    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
        image = np.moveaxis(image, 0, -1) if image.ndim == 3 else image
    array: npt.NDArray[Any] = np.asarray(image)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"an image must be (h, w) or (h, w, C) with none of them 0, got shape {array.shape}.")
    return bytes_of(array).reshape(*array.shape[:2], -1)


def bytes_of(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """An array of pixels, uint8 as they are or float in [0, 1], as uint8."""
    if np.issubdtype(array.dtype, np.floating):
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # also true of NaN
            raise ValueError(f"float images must lie in [0, 1], got [{low}, {high}]: scale them, or pass uint8.")
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"images must be uint8, or float in [0, 1], got dtype {array.dtype}: convert them.")
    return array


def fitted(image: npt.NDArray[np.uint8], shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Bring an image to a shape: scaled, its proportions kept, to fit within, and centred on black; grey or RGB as asked.

    Args:
        image: (h', w', C') uint8.
        shape: (h, w, C).

    Raises:
        ValueError: an image of other channels than 1 or 3 that is not of the shape already.
    """
    if image.shape == shape:
        return image
    h, w, C = shape
    if {image.shape[2], C} - {1, 3}:
        raise ValueError(f"its shape {image.shape} differs from the others' {shape}, and only grey and RGB can be fitted.")
    from PIL import Image, ImageOps

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).convert("L" if C == 1 else "RGB")
    if picture.size != (w, h):
        picture = ImageOps.pad(picture, (w, h))
    return np.asarray(picture).reshape(shape)


def _of_pil(image: Any) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    if image.mode.startswith(_DEEP):
        raise ValueError(f"it has more than 8 bits a pixel (Pillow's mode {image.mode!r}): convert it to 8 bits.")
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array.reshape(*array.shape[:2], -1)
