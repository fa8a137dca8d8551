"""Labeled images from any source, through one function: `load`.

Reading order: ``base`` (what a dataset is) -> ``loading`` -> ``arrays``, ``folders``, ``items`` (your own), ``published``.
``splits`` holds the names of splits; ``pixels`` turns an image into bytes.
"""

from glimpse_env.datasets.base import ArrayDataset, Dataset, LazyDataset
from glimpse_env.datasets.folders import unlabeled
from glimpse_env.datasets.loading import is_folder, load
from glimpse_env.datasets.splits import NAMES, SPLITS

LONGEST = 64
"""The side, in pixels, to which commands fit larger images of the user's own, unless told otherwise."""

__all__ = ["LONGEST", "NAMES", "SPLITS", "ArrayDataset", "Dataset", "LazyDataset", "is_folder", "load", "unlabeled"]
