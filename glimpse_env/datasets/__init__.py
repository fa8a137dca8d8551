"""Labeled images from any source, through one function: `load`.

Reading order: ``base`` (what a dataset is) -> ``loading`` -> ``arrays``, ``folders``, ``items`` (your own), ``published``.
``splits`` holds the names of splits; ``pixels`` turns an image into bytes.
"""

from glimpse_env.datasets.base import ArrayDataset, Dataset, LazyDataset
from glimpse_env.datasets.loading import load
from glimpse_env.datasets.splits import NAMES, SPLITS

__all__ = ["NAMES", "SPLITS", "ArrayDataset", "Dataset", "LazyDataset", "load"]
