"""Wrappers: add a gaze to any environment with an image, and convert the actions and observations of one with a gaze.

Wrappers named ``Vector...`` are for vector environments, the others for single ones.
"""

from glimpse_env.wrappers.actions import DiscretizeAction, FlattenAction, VectorDiscretizeAction, VectorFlattenAction
from glimpse_env.wrappers.glimpse import GlimpseWrapper
from glimpse_env.wrappers.observations import VectorFlattenObservation
from glimpse_env.wrappers.persistence import PersistenceOfVision

__all__ = [
    "DiscretizeAction",
    "FlattenAction",
    "GlimpseWrapper",
    "PersistenceOfVision",
    "VectorDiscretizeAction",
    "VectorFlattenAction",
    "VectorFlattenObservation",
]
