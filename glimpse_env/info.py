"""Infos and observations in Gymnasium's single and vector forms."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glimpse_env.eye import Observation

Info: TypeAlias = dict[str, Any]


def masked(values: Mapping[str, npt.NDArray[Any]], mask: npt.NDArray[np.bool_]) -> Info:
    """Convert values to Gymnasium's vector form: 0 where the mask is False, and the mask as ``_name``."""
    info: Info = {}
    full = np.count_nonzero(mask) == len(mask)  # mostly; a copy is faster than a product
    for name, value in values.items():
        info[name], info[f"_{name}"] = value.copy() if full else value * mask, mask.copy()
    return info


def split(observation: Observation, mask: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The observation of each row in a mask, None for the others: (B,) object."""
    parts = np.full(len(mask), None, object)
    for row in np.flatnonzero(mask):
        parts[row] = {key: value[row] for key, value in observation.items()}
    return parts


def first(observation: Observation) -> Observation:
    """The observation of a batch of one, without the leading 1."""
    return {key: value[0] for key, value in observation.items()}


def plain(info: Info) -> Info:
    """The info of a batch of one, as Python numbers."""
    return {name: value.item() for name, value in info.items() if not name.startswith("_")}
