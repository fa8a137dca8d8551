"""Images with a class each, of any source, behind one function: `load`.

Reading order: ``base`` (what a dataset is) -> ``loading`` -> ``arrays``, ``folders``, ``items`` (yours), ``published``.
"""

from glimpse_env.datasets.base import ArrayDataset, Dataset, LazyDataset
from glimpse_env.datasets.loading import load
from glimpse_env.datasets.splits import SPLITS

__all__ = ["SPLITS", "ArrayDataset", "Dataset", "LazyDataset", "load"]
