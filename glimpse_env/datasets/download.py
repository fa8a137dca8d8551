"""Download published files once into a cache folder, and check them."""

import os
import pathlib

from glimpse_env.extras import needed

FOLDER_VARIABLE = "GLIMPSE_DATA"


def folder() -> pathlib.Path:
    """The folder of downloaded files: ``$GLIMPSE_DATA``, or else the user's cache folder for this package."""
    return pathlib.Path(os.environ.get(FOLDER_VARIABLE) or needed("pooch", "data", "A fetched dataset").os_cache("glimpse_env"))


def fetch(dataset: str, file: str, checksum: str, mirrors: tuple[str, ...]) -> pathlib.Path:
    """Download a file unless it exists. It is checked and then moved into place, so that several processes may do so at once.

    Args:
        dataset: the dataset's name, and its folder in the cache.
        file: the file's name.
        checksum: "md5:..." or "sha256:...".
        mirrors: URL prefixes, tried in turn.

    Returns:
        The file's path.

    Raises:
        ValueError: a name is a path.
        FileNotFoundError: no mirror has the file; the message says why, and where to put the file.
        ImportError: the extra "data" is not installed.
    """
    pooch = needed("pooch", "data", f"Fetching {dataset}")
    needed("tqdm", "data", f"Fetching {dataset}")
    for name in (dataset, file):
        if pathlib.PurePath(name).name != name or name in ("", ".."):
            raise ValueError(f"{name!r} would lead out of the cache: use a plain name.")
    place = folder() / dataset
    downloader = pooch.HTTPDownloader(progressbar=True, chunk_size=2**16)
    reasons = []
    for mirror in mirrors:
        try:
            return pathlib.Path(pooch.retrieve(mirror + file, checksum, fname=file, path=place, downloader=downloader))
        except (OSError, ValueError) as error:
            reasons.append(f"  {mirror}{file}: {error}")
    there = " The file that exists is a different one." if (place / file).exists() else ""
    raise FileNotFoundError(
        "\n".join(
            [
                f"{dataset} needs {file} ({checksum}), which could not be fetched:",
                *reasons,
                f"Get it on a machine with a network and put it at {place / file}, or set {FOLDER_VARIABLE} to a folder "
                f"that has {dataset}/{file}.{there}",
            ]
        )
    )
