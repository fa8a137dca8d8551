"""The arguments of environments, for editors and type checkers."""

from typing import Any, TypedDict

from gymnasium.vector import AutoresetMode

from glimpse_env.retina import RetinaLike


class WorldArguments(TypedDict, total=False):
    """The arguments of the built-in worlds, for editors and type checkers; see their classes."""

    dataset: Any
    split: str | None
    num_classes: int | None
    image_size: int | tuple[int, int] | None
    scene_size: int | tuple[int, int] | None
    translate: bool
    num_clutter: int
    clutter_size: int
    rotation: float
    scale: float
    shear: float
    shift: float
    contrast: float
    noise: float
    num_glimpses: int
    reward: str
    decide: str
    glimpse_cost: float
    num_balls: int
    paddle_width: int
    speed: int
    num_digits: int | tuple[int, int]
    overlap: bool
    glimpses_per_answer: int
    search_glimpses: int
    shrink: int
    num_distractors: int
    grid: int
    radius: float | None
    figure_size: int
    cut: bool
    gradient: float


class EnvArguments(WorldArguments, total=False):
    """The arguments of an environment; see `GlimpseVectorEnv`."""

    patch_size: int
    num_scales: int
    scale_factor: int
    retina: RetinaLike | None
    initial_fixation: str | tuple[float, float]
    location_mode: str
    max_step: float | None
    zooms: tuple[int, ...] | None
    zoom_cost: tuple[float, ...] | float
    canvas: int | str | None
    observe: str
    render_mode: str | None
    render_size: int
    max_episode_steps: int | None
    num_threads: int


class VectorEnvArguments(EnvArguments, total=False):
    """The arguments of a vector environment; see `GlimpseVectorEnv`."""

    autoreset_mode: AutoresetMode | str
