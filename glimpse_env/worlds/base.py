"""The base class of worlds, which compose scenes, keep their state and give the reward."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from glimpse_env.names import refuse


@dataclasses.dataclass(frozen=True)
class Task:
    """What a task asks of an agent; every environment has one, as ``env.get_wrapper_attr("task")``.

    Args:
        measure: the score. "error": the share of episodes whose actions, the answers, are not all ``info["label"]``. Any
            other word names the return, such as "balls caught".
        num_glimpses: T, the most glimpses of an episode; None if episodes end otherwise.
        action_names: a short name for each action, for people; empty for continuous actions.
        splits: the values of ``split=``; empty for a task without images.
        num_images: how many images of the split ``options={"index": ...}`` can choose from; 0 for no choice.
        best: the highest return of an episode; None if unknown.
        goal: what to do, in a short sentence.
        grid: (rows, columns) if the actions name the cells of a grid over the scene, row by row; else None.
    """

    measure: str = "return"
    num_glimpses: int | None = None
    action_names: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    num_images: int = 0
    best: float | None = None
    goal: str = ""
    grid: tuple[int, int] | None = None


class Scenery:
    """What eyes look at: the part of a `World` that they need; see there."""

    scenes: npt.NDArray[np.uint8]
    cues: npt.NDArray[np.uint8] | None = None
    task: Task
    still: ClassVar[bool] = False

    def __init__(self, scenes: npt.NDArray[np.uint8], task: Task) -> None:
        self.scenes, self.task = scenes, task


class World(Scenery, abc.ABC):
    """B episodes side by side, for `GlimpseVectorEnv`. Optional members have defaults here.

    `glimpse_env.testing.check_world` checks a world.

    Args:
        num_envs: B.
        num_threads: number of threads that may share the batch; it must not change results.
        arguments: the world's own, by name, each with a default.

    Attributes:
        scenes: (B, H, W, C) uint8, the current scenes.
        cues: (B, h, w, C) uint8, the observation's entry ``cue``; None for none.
        task: what the world asks of an agent.
        num_draws: the number of uniform numbers that the reset of a row takes.
        splits: the values of its argument ``split``; empty if it has none.
        changeable: the arguments that `set_arguments` takes.
        still: whether no step changes the scenes, so that wide patches may be read from sums made at reset.
    """

    num_draws: int
    splits: ClassVar[tuple[str, ...]] = ()
    changeable: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def __init__(self, num_envs: int, *, num_threads: int = 1, **arguments: Any) -> None: ...

    @property
    def targets(self) -> npt.NDArray[np.int64] | None:
        """The box of what is to be found in each scene: (B, 4) pixels, x, y, width and height; None if there is no such thing.

        For analysis; agents never see it.
        """
        return None

    @abc.abstractmethod
    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new episode in some rows.

        Args:
            rows: (b,) int64, which of the B.
            draws: (b, num_draws) float64, uniform in [0, 1), the only randomness.
            indices: (b,) int64 in [0, task.num_images), the image of each, or None to draw it.
        """

    @abc.abstractmethod
    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Take one environment action in each row that is playing.

        Args:
            actions: (B,) int64, in [0, len(task.action_names)) where playing.
            playing: (B,) bool.

        Returns:
            rewards (B,) float64 and ended (B,) bool, new arrays; 0 and False where not playing.
        """

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """The info at each step: name -> (B,) array."""
        return {}

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """The additional info at the end of an episode: name -> (B,) array."""
        return {}

    def set_arguments(self, **changes: Any) -> None:
        """Change how scenes are made, from the next episode on; current episodes do not change.

        This method refuses all but ``changeable``: call it first in an override.

        Raises:
            ValueError: an argument cannot be changed, or a value is out of range; nothing has changed.
        """
        refuse(f"{type(self).__name__}.set_arguments()", changes, self.changeable, ValueError)
