"""A folder of class folders as a dataset: ``folder/<class>/**/<image>``; and the files in it, one by one."""

import collections
import dataclasses
import os
import re

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import pixels
from glimpse_env.datasets.base import LazyDataset
from glimpse_env.datasets.items import lazy
from glimpse_env.datasets.splits import by_split, resembles, split_of
from glimpse_env.extras import needed

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # whatever the suffix says; no others, such as PostScript
_JPEG = (".jfif", ".jpe", ".jpeg", ".jpg")
SUFFIXES = (".bmp", ".gif", *_JPEG, ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
_HIDDEN = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini|__pycache__|@eaDir|\$RECYCLE\.BIN|lost\+found", re.IGNORECASE)
_MOST_BYTES = 2**30  # of a file; uncompressed images of as many pixels as Pillow reads have a third
_MOST_SCANS = 30  # of a JPEG, each decoded in full; cameras write 1, progressive files about 10
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # but for stuffed bytes and restarts
_TOLD = 3  # names of what is left out


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
            ValueError: what is no file; a file that is no image, damaged, or too large to be read at once.
        """
        from PIL import Image

        path = self.name(index)
        if not os.path.isfile(path):  # a pipe would keep it waiting
            raise ValueError(f"{path} is no file, or a link to none: repair it, or take it away.")
        if os.path.getsize(path) > _MOST_BYTES:
            raise ValueError(f"{path} is too large (more than {_MOST_BYTES:,} bytes): shrink it, or take it away.")
        try:
            with Image.open(path, formats=_FORMATS) as image:
                size, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
                if limit is not None and size > limit:
                    raise Image.DecompressionBombError(f"{size:,} pixels, over the limit of {limit:,}")
                if image.format in ("JPEG", "MPO"):
                    _check_scans(path)
                return pixels.decoded(image)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} is too large ({error}): shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS.") from error
        except Exception as error:  # Pillow's decoders raise what they like on damaged files
            raise ValueError(f"{path} cannot be read as an image ({error}): repair it, or take it away.") from error


def _check_scans(path: str) -> None:
    """Refuse a JPEG of very many scans, which can take minutes."""
    with open(path, "rb") as file:
        content = file.read()
    if content.count(b"\xff\xda") <= _MOST_SCANS:  # soon known of nearly all
        return
    at, scans = 2, 0
    while (marker := _MARKER.search(content, at)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        if scans > _MOST_SCANS:
            raise ValueError(f"a JPEG of more than {_MOST_SCANS} scans")
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])


class _Listing:
    """What is in a folder, and in the folders within, but for what is left out, which is remembered."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._left_out: dict[str, list[str]] = collections.defaultdict(list)

    def inside(self, place: str = "") -> tuple[list[str], list[str]]:
        """The names of the folders and of the files in a place, sorted, none of them hidden."""
        folders, files = [], []
        try:
            with os.scandir(os.path.join(self.root, place)) as entries:
                for entry in entries:
                    if _HIDDEN.fullmatch(entry.name):
                        self.leave_out("hidden", os.path.join(place, entry.name))
                    elif entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path)):
                        folders.append(entry.name)
                    else:
                        files.append(entry.name)
        except (OSError, ValueError) as error:
            path = os.path.join(self.root, place)
            raise ValueError(f"Cannot read the folder {path} ({error}): allow it, or move it away.") from error
        return sorted(folders), sorted(files)

    def images(self, name: str) -> list[str]:
        """The paths of all images in a class folder, sorted as text."""
        found, places = [], [name]
        while places:
            place = places.pop()
            folders, files = self.inside(place)
            _refuse_splits(os.path.join(self.root, place), folders)
            for folder in folders:
                path = os.path.join(place, folder)
                if os.path.islink(os.path.join(self.root, path)):  # it may lead in circles
                    self.leave_out("links to folders", path)
                else:
                    places.append(path)
            for file in files:
                path = os.path.join(place, file)
                if file.lower().endswith(SUFFIXES):
                    found.append(path)
                else:
                    self.leave_out("of other suffixes", path)
        return sorted(found)

    def leave_out(self, why: str, *paths: str) -> None:
        """Remember what is not in the dataset."""
        self._left_out[why] += paths

    def notes(self) -> tuple[str, ...]:
        """A line for each reason for which something was left out, with the first few names."""
        return tuple(
            f"left out: {len(paths):,} {why} ({', '.join(sorted(paths)[:_TOLD])}{', ...' if len(paths) > _TOLD else ''})"
            for why, paths in sorted(self._left_out.items())
            if paths
        )


def sets_in(path: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Find the sets that a folder consists of.

    Returns:
        The path of each split, that of "train" alone if there are no split folders; and notes of what lies beside the splits.

    Raises:
        ValueError: folders of which some are splits by their names and others are not.
    """
    listing = _Listing(path)
    folders, files = listing.inside()
    if not any(map(split_of, folders)):
        _refuse_splits(path, folders)
        return {"train": path}, ()
    listing.leave_out("beside the splits", *files)
    remedy = "If these are classes, pass {'train': the folder}."
    try:
        names = by_split(folders, f"The folder {path}")
    except ValueError as error:
        raise ValueError(f"{error} {remedy}") from error
    return {split: os.path.join(path, name) for split, name in names.items()}, listing.notes()


def from_folder(path: str, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a folder with a folder for each class, the images anywhere within.

    Classes are numbered by their names' order as text; so are the images of a class. Files of other suffixes, and whatever is
    hidden, are left out, and counted in the dataset's notes. Links to files and class folders that are links are followed,
    wherever they lead: a dataset may be a folder of links. Folders deeper within that are links are left out.

    Args:
        path: of the folder.
        shape: see ``items.lazy``.

    Raises:
        ValueError: no class folders, one without images, one that holds splits, or one that cannot be read.
        ImportError: the extra "data" is not installed.
    """
    needed("PIL", "data", "A folder of images")
    listing = _Listing(path)
    classes, files = listing.inside()
    listing.leave_out("beside the class folders", *files)
    if not classes:
        raise ValueError(f"{path} has no folders in it: make one for each class, with its images.")
    _refuse_splits(path, classes)
    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = listing.images(name)
        if not found:
            raise ValueError(
                f"{os.path.join(path, name)} has no images ({', '.join(SUFFIXES)}): add some, or take the folder away."
            )
        names += found
        labels += [label] * len(found)
    return lazy(Files(path, tuple(names)), np.array(labels), len(classes), shape, tuple(classes), listing.notes())


def _refuse_splits(path: str, folders: list[str]) -> None:
    """Refuse folders that would be read as classes, or as parts of one, where two or more look like splits."""
    if len(resembles(folders)) > 1:
        raise ValueError(
            f"{path} has folders that look like splits among its classes, {', '.join(map(repr, folders[:9]))}: pass those by "
            "their split, {'train': a folder, 'test': another}, or rename them."
        )
