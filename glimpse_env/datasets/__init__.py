"""Images with a class each, of any source, behind one function: `load`.

Reading order: ``base`` (what a dataset is) -> ``loading`` -> ``arrays``, ``folders``, ``items`` (yours), ``published``.
``splits`` knows their names, ``pixels`` turns one image into bytes.
"""

from glimpse_env.datasets.base import ArrayDataset, Dataset, LazyDataset
from glimpse_env.datasets.loading import load
from glimpse_env.datasets.splits import NAMES, SPLITS

__all__ = ["NAMES", "SPLITS", "ArrayDataset", "Dataset", "LazyDataset", "load"]
