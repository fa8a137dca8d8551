"""World and retina as a Gymnasium vector environment."""

from collections.abc import Mapping
from typing import Any, TypeAlias, Unpack, overload

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from glimpse_env import arguments, inputs, names, worlds
from glimpse_env.attributes import AskedVectorEnv
from glimpse_env.episodes import Episodes, Step
from glimpse_env.eye import Eye, Observation
from glimpse_env.gaze import Gaze
from glimpse_env.info import Info
from glimpse_env.recorder import Recorder
from glimpse_env.rendering import SIDE
from glimpse_env.retina import RetinaLike, make_retina
from glimpse_env.turn import Turn
from glimpse_env.worlds import Task, World
from glimpse_env.zoom import make_zoom

Action: TypeAlias = Mapping[str, Any]

_STREAMS = {"train": 0, "train+validation": 0, "validation": 1, "test": 2}  # for worlds without images
METADATA: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 4}


class GlimpseVectorEnv(AskedVectorEnv[Observation, Action, npt.NDArray[Any]]):
    """B worlds, each seen through a retina, stepped together.

    ## Observation Space
    ``Dict``: ``glimpse`` (B, K*C, G, G) float32 in [0, 1], finest scale first, and ``fixation`` (B, 2) float32 in
    [-1, 1], the (x, y) where it was taken. With ``canvas=`` also ``canvas`` (B, C + 1, S, S) float32 in [0, 1]: the
    episode's glimpses so far, painted where they were taken, and their sharpness, see `Canvas`. With ``zooms=`` also
    ``zoom_level`` (B, Z) float32, one-hot: the zoom at which it was taken. If the world has one, also ``cue`` (B, C, h, w)
    float32 in [0, 1]: a picture of what to find. With ``observe="scene"``, ``scene`` (B, C, H, W) float32 in [0, 1], the whole
    scene, is in place of ``glimpse``.

    ## Action Space
    ``Dict``: ``location`` (B, 2) float32 in [-1, 1], where to look next: (0, 0) is the scene's center, (-1, -1) its
    top-left corner; and ``action`` (B,) int64: the class named, or the game's move. With ``zooms=`` also ``zoom`` (B,) int64:
    the position in ``zooms`` of the next glimpse's zoom.

    ## Rewards
    The world's. Classification: 1 for the right class at the end of the episode, or 1/T at each step (``reward=``). Catch: 1
    for each ball caught. Others: see their classes.

    ## Starting State
    Episode k of environment i depends only on (seed + i, k), with k counted from the reset that gave the seed.
    ``reset(options={"index": j})`` shows image j of the split for any seed; `walk` shows all in order.

    ## Episode End
    The world's last step terminates the episode; only ``max_episode_steps`` truncates one. A step that terminates ignores
    ``location``: the gaze does not move, and a still scene returns the last glimpse unchanged.

    ## Info
    The world's ``info`` at reset and at each step, such as ``label``, and its ``final_info`` at the end, such as ``correct``.
    Each has Gymnasium's mask ``_name``.

    Args:
        num_envs: B.
        world: the name of a world ("classification", "catch" ...), a subclass of `World`, or "module:Class".
        patch_size: G, the pixels a side of each patch.
        num_scales: K, the number of patches.
        scale_factor: the ratio of the widths of successive patches.
        retina: another glimpse sensor, such as a `LogPolarRetina` or your own `RetinaLike`. It sets the shape of ``glimpse``;
            the three sizes above are then ignored.
        initial_fixation: the first fixation: "random", "center", or a location (x, y).
        location_mode: "absolute": a location is where to look. "relative": location * max_step is added to the fixation,
            and the sum is clipped to [-1, 1]. "glimpse": the same in units of the latest glimpse, see `Gaze`.
        max_step: the largest move along each axis, in (0, 2]; see `Gaze`.
        zooms: factors, such as (1, 2, 4), that the agent can choose from: all patches are this many times as wide, averaged to
            as many values. The first is that of an episode's first glimpse. None for no choice.
        zoom_cost: the price of a look at each zoom, subtracted from the reward; one number for all. It needs a task whose
            score is the return, such as one with ``decide="anytime"``.
        split: the images that scenes are made of: "train", "validation", "test" or "train+validation"; see the world. A world
            without images has different episodes in each of the three.
        canvas: the side S, in scene pixels, of a window around the gaze in which all glimpses stay painted; "scene" for the
            whole scene; None for no canvas.
        observe: "glimpse", or "scene" for the fully observed twin of the task: all else, rewards included, stays as it is.
        render_mode: "rgb_array" for frames, "human" for a window that shows each step (extra "render"), or None.
        render_size: approximate length of a scene's longer side in a frame, in pixels; the factor is an integer.
        autoreset_mode: Gymnasium's NEXT_STEP, SAME_STEP or DISABLED (with ``options={"reset_mask": ...}``).
        max_episode_steps: truncates an episode after so many steps, as Gymnasium's ``TimeLimit`` does; None for no limit.
        num_threads: number of threads that share the batch; it does not change results.
        world_arguments: the world's own arguments, see its class.

    Raises:
        TypeError: an argument is unknown; the message names the nearest one and lists all.
        ValueError: an argument is out of range, or an action is bad; the message names it. The environment is unchanged.
    """

    metadata: dict[str, Any] = {**METADATA, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  # as in the base class

    @overload
    def __init__(self, num_envs: int = 1, *, world: str = ..., **arguments: Unpack[arguments.VectorEnvArguments]) -> None: ...

    @overload
    def __init__(self, num_envs: int = 1, *, world: type[World], **arguments: Any) -> None: ...

    def __init__(
        self,
        num_envs: int = 1,
        *,
        world: str | type[World] = "classification",
        patch_size: int = 8,
        num_scales: int = 1,
        scale_factor: int = 2,
        retina: RetinaLike | None = None,
        initial_fixation: str | tuple[float, float] = "random",
        location_mode: str = "absolute",
        max_step: float | None = None,
        zooms: tuple[int, ...] | None = None,
        zoom_cost: tuple[float, ...] | float = 0.0,
        split: str | None = None,
        canvas: int | str | None = None,
        observe: str = "glimpse",
        render_mode: str | None = None,
        render_size: int = SIDE,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        num_threads: int = 1,
        **world_arguments: Any,
    ) -> None:
        kind = worlds.find(world)
        names.refuse_unknown(f"GlimpseVectorEnv(world={world!r})", (GlimpseVectorEnv, kind), world_arguments)
        num_envs, num_threads = inputs.integer("num_envs", num_envs, 1), inputs.integer("num_threads", num_threads, 1)
        gaze = Gaze(initial_fixation, location_mode, max_step)
        if render_mode not in (None, *METADATA["render_modes"]):
            raise ValueError(f"Unknown render_mode {render_mode!r}: use 'rgb_array', 'human' or None.")
        render_size = inputs.integer("render_size", render_size, 1)
        stream = _STREAMS[inputs.word("split", split, _STREAMS)] if split is not None and not kind.splits else 0
        if split is not None and kind.splits:
            world_arguments["split"] = split
        self.world = kind(num_envs, num_threads=num_threads, **world_arguments)
        sizes = {"patch_size": patch_size, "num_scales": num_scales, "scale_factor": scale_factor}
        seen_by = make_retina(retina, self.world.scenes.shape[1:3], **sizes)
        zoom = make_zoom(zooms, zoom_cost, seen_by, self.world.task)
        self._eye = Eye(self.world, seen_by, gaze, zoom, canvas, observe, num_threads)
        self.autoreset_mode = inputs.autoreset_mode(autoreset_mode)
        limit = None if max_episode_steps is None else inputs.integer("max_episode_steps", max_episode_steps, 1)
        self.recorder = Recorder(self.world, self._eye, render_size) if render_mode else None
        self.episodes = Episodes(self.world, self._eye, self.recorder, self.autoreset_mode, stream, limit)

        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {**METADATA, "autoreset_mode": self.autoreset_mode}  # a copy
        self.single_observation_space = self._eye.space
        self.single_action_space = spaces.Dict(
            location=spaces.Box(-1, 1, (2,), np.float32), action=spaces.Discrete(len(self.task.action_names))
        )
        if zoom:
            self.single_action_space["zoom"] = zoom.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._turn = Turn()

    @property
    def task(self) -> Task:
        """What the task asks of an agent."""
        return self.world.task

    @property
    def retina(self) -> RetinaLike:
        """The glimpse sensor."""
        return self._eye.retina

    @property
    def zooms(self) -> tuple[int, ...]:
        """The factors of the levels of zoom; (1,) without a choice."""
        return self._eye.zooms

    @property
    def scenes(self) -> npt.NDArray[np.uint8]:
        """The whole scenes (B, H, W, C), for baselines and analysis; agents see them only with ``observe="scene"``."""
        return self.world.scenes

    @property
    def scene_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a scene."""
        _, H, W, C = self.world.scenes.shape
        return H, W, C

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in each environment, or in those that ``options["reset_mask"]`` selects.

        Args:
            seed: an integer s for the seeds s, s + 1, ..., a list of seeds, or None for each environment's next episode.
            options: ``reset_mask``: (B,) bool, which environments to reset, default all. ``index``: an image of the split,
                or (B,) of them.

        Returns:
            The observation (see the class), and the info.

        Raises:
            ValueError: a seed, mask, index or option is bad, and nothing has changed; or an image cannot be read, and the
                environments being reset need another reset.
            RuntimeError: another thread uses the environment.
        """
        return self._restart(seed, options, (self.num_envs,))

    def _restart(self, seed: Any, options: dict[str, Any] | None, lead: tuple[int, ...]) -> tuple[Observation, Info]:
        """Begin episodes; lead is (B,), or () for a single environment."""
        begun = self._turn.take(self._seed_and_begin, seed, options, lead)
        self._show()
        return begun

    def _seed_and_begin(self, seed: Any, options: dict[str, Any] | None, lead: tuple[int, ...]) -> tuple[Observation, Info]:
        mask, indices = inputs.checked_options(options, lead, self.task.num_images)
        seeds, given = inputs.checked_seeds(seed, lead)
        if given[0]:
            super().reset(seed=int(seeds[0]))
        unknown = mask & ~given & ~self.episodes.seeded
        if unknown.any():
            seeds[unknown] = self.np_random.integers(2**63, size=unknown.sum(), dtype=np.uint64)
        return self.episodes.restart(mask, seeds, given | unknown, indices)

    def step(self, actions: Action) -> Step:
        """Act in each environment, and look.

        Args:
            actions: ``location`` (B, 2) float in [-1, 1], ``action`` (B,) integer, perhaps ``zoom`` (B,); see the class.

        Returns:
            observation, rewards (B,) float64, terminations (B,) bool, truncations (B,) bool, info.

        Raises:
            ValueError: an action has a wrong shape, dtype or range, and nothing has changed; or an image cannot be read, and
                the environments that were beginning an episode need a reset (with SAME_STEP, the step itself was taken).
            gymnasium.error.ResetNeeded: an environment needs a reset, for example after Ctrl-C within a step.
            RuntimeError: another thread uses the environment.
        """
        return self._advance(actions, (self.num_envs,))

    def _advance(self, actions: Action, lead: tuple[int, ...]) -> Step:
        """Take a step; lead is (B,), or () for a single environment."""
        step = self._turn.take(self.episodes.step, *inputs.parts(actions, lead, self._eye.zoom is not None))
        self._show()
        return step

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Draw each environment: its scene, the path of fixations, the latest patches, and the belief; see `draw`.

        Returns:
            B frames of one size, (height, width, 3) uint8; None without a render_mode, and with "human", which shows them
            side by side in the window.
        """
        if self.recorder is None:
            gym.logger.warn("render() draws nothing without a render_mode: pass render_mode='rgb_array' to make_vec().")
            return None
        if self.render_mode == "rgb_array":
            return self.recorder.frames()
        self._show()
        return None

    def believe(self, beliefs: npt.ArrayLike) -> None:
        """Set an agent's beliefs, for rendering only.

        Args:
            beliefs: (B, n) float in [0, 1], the probabilities of the n actions.

        Raises:
            ValueError: beliefs have another shape or range.
        """
        given = inputs.beliefs(beliefs, (self.num_envs, len(self.task.action_names)))
        if self.recorder:
            self.recorder.believe(given)

    def set_arguments(self, **changes: Any) -> None:
        """Change how the world makes its scenes, from each environment's next episode on, as for a curriculum.

        Current episodes do not change. Later ones depend on their seed, their number, and the arguments when they begin.
        Arguments that set the shape of observations or actions cannot be changed.

        Args:
            changes: arguments of the world by name, such as ``num_clutter=8, rotation=20.0, noise=0.1``.

        Raises:
            ValueError: an argument cannot be changed, or a value is out of range; nothing has changed.
            RuntimeError: another thread uses the environment.
        """
        self._turn.take(self.world.set_arguments, **changes)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if one is open. The environment remains usable."""
        if self.recorder:
            self.recorder.close()

    def _show(self) -> None:
        if self.recorder and self.render_mode == "human":
            self.closed = False  # close() has a window to close again
            self.recorder.show(self.metadata["render_fps"])
