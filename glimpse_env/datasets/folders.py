"""A folder of class folders as a dataset: ``folder/<class>/**/<image>``."""

import collections
import dataclasses
import os
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glimpse_env.datasets import pixels
from glimpse_env.datasets.base import LazyDataset
from glimpse_env.datasets.items import lazy
from glimpse_env.datasets.splits import by_split, resembles, split_of
from glimpse_env.extras import needed

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # checked by content; others, such as PostScript, are refused
_JPEG = (".jfif", ".jpe", ".jpeg", ".jpg")
SUFFIXES = (".bmp", ".gif", *_JPEG, ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
_HIDDEN = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini|__pycache__|@eaDir|\$RECYCLE\.BIN|lost\+found", re.IGNORECASE)
_MOST_BYTES = 2**30  # of a file: three times the largest image that Pillow reads, uncompressed
_MOST_SCANS = 30  # of a JPEG: each takes a full decoding; cameras write 1, progressive files about 10
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # except stuffed bytes and restarts
_TOLD = 3  # the most names listed for each reason


@dataclasses.dataclass(frozen=True)
class Files:
    """Images in files."""

    root: str
    names: tuple[str, ...]

    def name(self, index: int) -> str:
        """The path of a file."""
        return os.path.join(self.root, self.names[index])

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        """The image at an index.

        Raises:
            ValueError: the path is not a file, or the file is not an image, is damaged, or is too large.
        """
        from PIL import Image

        path = self.name(index)
        if not os.path.isfile(path):  # reading a pipe would hang
            raise ValueError(f"{path} is not a file: repair or remove it.")
        if os.path.getsize(path) > _MOST_BYTES:
            raise ValueError(f"{path} is too large (more than {_MOST_BYTES:,} bytes): shrink or remove it.")
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
        except Exception as error:  # Pillow raises any exception on damaged files
            raise ValueError(f"{path} cannot be read as an image ({error}): repair or remove it.") from error


def _check_scans(path: str) -> None:
    """Refuse a JPEG with too many scans, which can take minutes to decode."""
    with open(path, "rb") as file:
        content = file.read()
    if content.count(b"\xff\xda") <= _MOST_SCANS:  # true of nearly all files, and fast
        return
    at, scans = 2, 0
    while (marker := _MARKER.search(content, at)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        if scans > _MOST_SCANS:
            raise ValueError(f"a JPEG with more than {_MOST_SCANS} scans")
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])


class _Listing:
    """Lists a folder and its subfolders, and remembers what it leaves out."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._left_out: dict[str, list[str]] = collections.defaultdict(list)

    def inside(self, place: str = "") -> tuple[list[str], list[str]]:
        """The names of the folders and files in a subfolder, sorted, without hidden ones."""
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
            raise ValueError(f"Cannot read the folder {path} ({error}): grant access, or move it away.") from error
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
                if os.path.islink(os.path.join(self.root, path)):  # it may form a cycle
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
        """Record paths that are not in the dataset."""
        self._left_out[why] += paths

    def notes(self) -> tuple[str, ...]:
        """A line for each reason of leaving out, with the first few names."""
        return tuple(
            f"left out: {len(paths):,} {why} ({', '.join(sorted(paths)[:_TOLD])}{', ...' if len(paths) > _TOLD else ''})"
            for why, paths in sorted(self._left_out.items())
            if paths
        )


def sets_in(path: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Find the splits in a folder.

    Returns:
        The path of each split ("train" alone if there are no split folders), and notes about files beside the splits.

    Raises:
        ValueError: some folders are named as splits and others are not.
    """
    listing = _Listing(path)
    folders, files = listing.inside()
    if not any(map(split_of, folders)):
        _refuse_splits(path, folders)
        return {"train": path}, ()
    listing.leave_out("beside the splits", *files)
    remedy = "If these are classes, rename them, or pass {'train': the folder} from Python."
    try:
        names = by_split(folders, f"The folder {path}")
    except ValueError as error:
        raise ValueError(f"{error} {remedy}") from error
    return {split: os.path.join(path, name) for split, name in names.items()}, listing.notes()


def from_folder(path: str, shape: tuple[int, ...] = ()) -> LazyDataset:
    """Make a dataset of a folder that has a folder for each class, with images at any depth.

    Classes, and the images of a class, are sorted by name. Hidden files and files with other suffixes are left out, and
    counted in the dataset's notes. Links to files and to class folders are followed; links to deeper folders are left out.

    Args:
        path: the folder.
        shape: see ``items.lazy``.

    Raises:
        ValueError: there are no class folders, or one has no images, holds splits, or cannot be read.
        ImportError: the extra "data" is not installed.
    """
    needed("PIL", "data", "A folder of images")
    listing = _Listing(path)
    classes, files = listing.inside()
    listing.leave_out("beside the class folders", *files)
    if not classes:
        raise ValueError(f"{path} has no folders in it: make one for each class.")
    _refuse_splits(path, classes)
    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = listing.images(name)
        if not found:
            raise ValueError(
                f"{os.path.join(path, name)} has no images ({', '.join(SUFFIXES)}): add some, or remove the folder."
            )
        names += found
        labels += [label] * len(found)
    found_set = lazy(Files(path, tuple(names)), np.array(labels), len(classes), shape, tuple(classes), listing.notes())
    return dataclasses.replace(found_set, stable=True)


def unlabeled(paths: Sequence[str | os.PathLike[str]], classes: Sequence[str], shape: Sequence[int]) -> LazyDataset:
    """Make a dataset of images that are in no class folder, to be named: each has label 0, for nobody knows its class.

    Args:
        paths: the paths of the images.
        classes: the names of the classes.
        shape: (h, w, C), to which each image is fitted.

    Raises:
        ValueError: there are no paths. A file that cannot be read is an error once its episode begins.
        ImportError: the extra "data" is not installed.
    """
    needed("PIL", "data", "A file with an image")
    files = Files("", tuple(os.fspath(path) for path in paths))
    return lazy(files, np.zeros(len(paths), np.int64), len(classes), tuple(shape), tuple(classes))


def _refuse_splits(path: str, folders: list[str]) -> None:
    """Refuse class folders, or folders within one, if two or more look like splits."""
    if len(resembles(folders)) > 1:
        raise ValueError(
            f"{path} has class folders that look like splits, {', '.join(map(repr, folders[:9]))}: pass "
            "{'train': a folder, 'test': another}, or rename them."
        )
