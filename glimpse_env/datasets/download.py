"""Published files, fetched once into a cache folder and checked."""

import os
import pathlib

from glimpse_env.extras import needed

FOLDER_VARIABLE = "GLIMPSE_DATA"


def folder() -> pathlib.Path:
    """Where fetched files are kept: ``$GLIMPSE_DATA``, else the user's cache folder of this package."""
    return pathlib.Path(os.environ.get(FOLDER_VARIABLE) or needed("pooch", "data", "A fetched dataset").os_cache("glimpse_env"))


def fetch(dataset: str, file: str, checksum: str, mirrors: tuple[str, ...]) -> pathlib.Path:
    """Fetch a file, unless it is there. It is downloaded beside its place, checked, and then moved: several processes may.

    Args:
        dataset: its name, and that of the folder in the cache.
        file: its name.
        checksum: "md5:..." or "sha256:...".
        mirrors: addresses before the file's name, tried in turn.

    Returns:
        Its path.

    Raises:
        ValueError: a name that is a path.
        FileNotFoundError: no mirror has that very file; the message says why, and where to put it.
        ImportError: without the extra "data".
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
    there = " The file that is there is another one." if (place / file).exists() else ""
    raise FileNotFoundError(
        "\n".join(
            [
                f"{dataset} needs {file} ({checksum}), which could not be fetched:",
                *reasons,
                f"Get it on a machine with a network and put it at {place / file}, or set {FOLDER_VARIABLE} to a folder "
                f"in which {dataset}/{file} is.{there}",
            ]
        )
    )
