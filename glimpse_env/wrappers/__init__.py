"""Wrappers: a gaze for any environment with an image, and more of what environments with a gaze can give."""

from glimpse_env.wrappers.glimpse import GlimpseWrapper
from glimpse_env.wrappers.persistence import PersistenceOfVision

__all__ = [
    "GlimpseWrapper",
    "PersistenceOfVision",
]
