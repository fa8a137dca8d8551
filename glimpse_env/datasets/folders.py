"""A folder of class folders as a dataset: ``folder/<class>/**/<image>``."""

import dataclasses
import os
import pathlib

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import pixels
from glimpse_env.datasets.base import LazyDataset
from glimpse_env.datasets.items import lazy
from glimpse_env.extras import needed

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # whatever the suffix says; no others, such as programs in PostScript
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True)
class Files:
    """The images in some files."""

    root: str
    names: tuple[str, ...]

    def name(self, index: int) -> str:
        """The path of a file."""
        return os.path.join(self.root, self.names[index])

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        """Image number index.

        Raises:
            ValueError: what is no file; a file that is no image, damaged, or of more pixels than Pillow's limit.
        """
        from PIL import Image

        path = self.name(index)
        if not os.path.isfile(path):  # a pipe would keep it waiting
            raise ValueError(f"{path} is no file, or a link to none: repair it, or take it away.")
        try:
            with Image.open(path, formats=_FORMATS) as image:
                size, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
                if limit is None or size <= limit:
                    return pixels.decoded(image)
                raise Image.DecompressionBombError(f"{size:,} pixels, over the limit of {limit:,}")
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} is too large ({error}): shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS.") from error
        except Exception as error:  # Pillow's decoders raise what they like on damaged files
            raise ValueError(f"{path} cannot be read as an image ({error}): repair it, or take it away.") from error


def from_folder(path: str | os.PathLike[str], classes: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a folder with a folder for each class, the images anywhere within.

    Classes are numbered by their names' order as text; so are the images of a class. Files of other suffixes, and those whose
    name begins with a dot, are left out. Links to files and class folders that are links are followed, wherever they lead: a
    dataset may be a folder of links. Folders deeper within that are links are left out.

    Args:
        path: of the folder.
        classes: the names and their order, if they are known; folders may lack then.
        shape: see ``items.lazy``.

    Raises:
        ValueError: no class folders, one without images, or one of no class.
        ImportError: without the extra "data".
    """
    needed("PIL", "data", "A folder of images")
    root = pathlib.Path(path)
    found = sorted(child.name for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not found:
        raise ValueError(f"{root} has no folders in it: make one for each class, with its images.")
    if classes and (unknown := set(found) - set(classes)):
        raise ValueError(f"{root} has a folder {sorted(unknown)[0]!r}, and there is no such class: use {', '.join(classes)}.")
    names: list[str] = []
    labels: list[int] = []
    classes = classes or tuple(found)
    for label, name in enumerate(classes):
        files = _images_in(root, name)
        if not files and name in found:
            raise ValueError(f"{root / name} has no images ({', '.join(SUFFIXES)}): add some, or take the folder away.")
        names += files
        labels += [label] * len(files)
    return lazy(Files(str(root), tuple(names)), np.array(labels), len(classes), shape, classes)


def _images_in(root: pathlib.Path, name: str) -> list[str]:
    files = []
    for folder, _, inside in os.walk(root / name):
        place = os.path.relpath(folder, root)
        files += [os.path.join(place, file) for file in inside if file.lower().endswith(SUFFIXES) and file[0] != "."]
    return sorted(files)
