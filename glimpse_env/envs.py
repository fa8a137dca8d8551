"""World and retina under Gymnasium's rules. The only place where episodes begin and end."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from glimpse_env import inputs
from glimpse_env.canvas import Canvas
from glimpse_env.gaze import NUM_DRAWS, Gaze
from glimpse_env.rendering import SIDE, Trail, draw, tile
from glimpse_env.retina import RetinaLike, make_retina
from glimpse_env.streams import uniforms
from glimpse_env.window import Window
from glimpse_env.worlds import Task, World
from glimpse_env.worlds.catch import CatchWorld
from glimpse_env.worlds.circle_square import CircleSquareWorld
from glimpse_env.worlds.classification import ClassificationWorld
from glimpse_env.worlds.search import SearchWorld
from glimpse_env.worlds.sequence import SequenceWorld

WORLDS: dict[str, type[World]] = {
    "classification": ClassificationWorld,
    "catch": CatchWorld,
    "circle_square": CircleSquareWorld,
    "sequence": SequenceWorld,
    "search": SearchWorld,
}
_NOBODY = np.empty(0, np.int64)

Observation: TypeAlias = dict[str, npt.NDArray[np.float32]]
Action: TypeAlias = Mapping[str, Any]
Info: TypeAlias = dict[str, Any]

_METADATA: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 4}


class GlimpseVectorEnv(VectorEnv[Observation, Action, npt.NDArray[Any]]):
    """B worlds seen through one retina each, stepped together.

    ## Observation Space
    ``Dict``: ``glimpse`` (B, K*C, G, G) float32 in [0, 1], finest scale first, and ``fixation`` (B, 2) float32 in
    [-1, 1], the (x, y) where it was taken. With ``canvas=`` also ``canvas`` (B, C + 1, S, S) float32 in [0, 1]: all that the
    episode's glimpses have shown so far, painted where it was seen, and how sharply, see `Canvas`. Where the world gives
    one, also ``cue`` (B, C, h, w) float32 in [0, 1]: a picture of what is to be found.

    ## Action Space
    ``Dict``: ``location`` (B, 2) float32 in [-1, 1], where to look next: (0, 0) is the scene's centre, (-1, -1) its
    top-left corner; and ``action`` (B,) int64: the class named, or the game's move.

    ## Rewards
    The world's. For classification 1 for the right class at the end of the episode, or 1/T at each step (``reward=``); for
    catch 1 for each ball caught, when it is down; for others see their rules.

    ## Starting State
    Episode k of environment i depends on (seed + i, k) alone, k counted from the reset that gave the seed.
    ``reset(options={"index": j})`` shows image j of the split, whatever the seed; see `walk` for all of them in order.

    ## Episode End
    The world's last step terminates; nothing truncates. ``location`` is ignored then: the gaze stays, and of a still
    scene the last glimpse comes again.

    ## Info
    What the world tells at reset and at each step, such as ``label``, and at the end besides, such as ``correct``; see its
    ``info`` and ``final_info``. Each with Gymnasium's mask ``_name``.

    Args:
        num_envs: B.
        world: the name of the world, "classification" or "catch".
        patch_size: G, the pixels a side of each patch.
        num_scales: K, the number of patches.
        scale_factor: how many times wider each next patch is.
        retina: another glimpse sensor, such as a `LogPolarRetina`, or your own, see `RetinaLike`. It takes the place of the one
            that these three sizes describe: they, and so those of a registered id, do not count then, and ``glimpse`` has its
            shape.
        initial_fixation: the first fixation: "random", "center", or a location (x, y).
        location_mode: "absolute": a location is where to look. "relative": it is added, times max_step, to the fixation,
            and the sum is kept within [-1, 1].
        max_step: the farthest move along each axis, in (0, 2]; 2 spans the scene. Unless given, 0.5 with "relative" and no
            limit with "absolute"; there, the gaze stops on its way to a location that is farther off.
        canvas: the side S, in pixels of the scene, of a window around the gaze in which all glimpses stay painted; "scene"
            for a window over the whole scene; None for no canvas.
        render_mode: "rgb_array" for frames, "human" for a window that shows each step (extra "render"), or None.
        render_size: about how many pixels the longer side of a scene has in a frame; it is enlarged by a whole number.
        autoreset_mode: Gymnasium's NEXT_STEP, SAME_STEP or DISABLED (with ``options={"reset_mask": ...}``).
        num_threads: how many threads share a batch. Results do not depend on it.
        world_arguments: the world's own arguments, see `ClassificationWorld` and `CatchWorld`.

    Raises:
        ValueError: an argument out of its range, or a bad action; the message names it and the environment is unharmed.
    """

    metadata: dict[str, Any] = {**_METADATA, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  # as the base has it

    def __init__(
        self,
        num_envs: int = 1,
        *,
        world: str = "classification",
        patch_size: int = 8,
        num_scales: int = 1,
        scale_factor: int = 2,
        retina: RetinaLike | None = None,
        initial_fixation: str | tuple[float, float] = "random",
        location_mode: str = "absolute",
        max_step: float | None = None,
        canvas: int | str | None = None,
        render_mode: str | None = None,
        render_size: int = SIDE,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        num_threads: int = 1,
        **world_arguments: Any,
    ) -> None:
        num_envs, num_threads = inputs.integer("num_envs", num_envs, 1), inputs.integer("num_threads", num_threads, 1)
        inputs.word("world", world, WORLDS)
        self._gaze = Gaze(initial_fixation, location_mode, max_step)
        if render_mode not in (None, *_METADATA["render_modes"]):
            raise ValueError(f"Unknown render_mode {render_mode!r}: use 'rgb_array', 'human' or None.")
        self.world = WORLDS[world](num_envs, num_threads=num_threads, **world_arguments)
        _, H, W, C = self.world.scenes.shape
        sizes = {"patch_size": patch_size, "num_scales": num_scales, "scale_factor": scale_factor}
        self.retina = make_retina(retina, (H, W), **sizes)

        self.num_envs = num_envs
        self.render_mode = render_mode
        self._render_size = inputs.integer("render_size", render_size, 1)
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.metadata = {**_METADATA, "autoreset_mode": self.autoreset_mode}  # one of our own
        self._canvas = None if canvas is None else Canvas(num_envs, (H, W, C), self.retina, inputs.canvas_size(canvas))
        self.single_observation_space = spaces.Dict(
            glimpse=spaces.Box(0, 1, self.retina.shape(C), np.float32), fixation=spaces.Box(-1, 1, (2,), np.float32)
        )
        if self._canvas:
            self.single_observation_space["canvas"] = spaces.Box(0, 1, self._canvas.shape, np.float32)
        if (cues := self._cues()) is not None:
            self.single_observation_space["cue"] = spaces.Box(0, 1, cues.shape[1:], np.float32)
        self.single_action_space = spaces.Dict(
            location=spaces.Box(-1, 1, (2,), np.float32), action=spaces.Discrete(len(self.task.action_names))
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        self._num_threads = num_threads
        self._seeds = np.zeros(num_envs, np.uint64)
        self._episodes = np.zeros(num_envs, np.uint64)  # of the next episode, counted from the seed
        self._seeded = np.zeros(num_envs, np.bool_)
        self._playing = np.zeros(num_envs, np.bool_)
        self._everyone = np.ones(num_envs, np.bool_)
        self._fixations = np.zeros((num_envs, 2), np.float32)
        self._trails = [Trail() for _ in range(num_envs)] if render_mode else []  # kept for pictures alone
        self._window: Window | None = None

    @property
    def task(self) -> Task:
        """What is asked of an agent."""
        return self.world.task

    @property
    def scenes(self) -> npt.NDArray[np.uint8]:
        """The whole scenes (B, H, W, C), which no agent sees: for networks to compare with, and for analysis."""
        return self.world.scenes

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in each environment, or in those of ``options["reset_mask"]``.

        Args:
            seed: an integer s for the seeds s, s + 1, ..., a list of them, or None to go on to each one's next episode.
            options: ``reset_mask``: (B,) bool, who begins anew, all unless given. ``index``: an image of the split, or
                (B,) of them.

        Returns:
            The observation (see the class), and the info.

        Raises:
            ValueError: a bad seed, mask, index or option; nothing has changed then. Or an image that cannot be read; the
                episodes that were to begin are not going on then.
        """
        return self._restart(seed, options, (self.num_envs,))

    def _restart(self, seed: Any, options: dict[str, Any] | None, lead: tuple[int, ...]) -> tuple[Observation, Info]:
        mask, indices = inputs.checked_options(options, lead, self.task.num_images)
        seeds, given = inputs.checked_seeds(seed, lead)
        if given[0]:
            super().reset(seed=int(seeds[0]))
        unknown = mask & ~given & ~self._seeded
        if unknown.any():
            seeds[unknown] = self.np_random.integers(2**63, size=unknown.sum(), dtype=np.uint64)
        anew = mask & (given | unknown)
        self._seeds[anew], self._episodes[anew], self._seeded[anew] = seeds[anew], 0, True
        rows = np.flatnonzero(mask)
        self._begin(rows, None if indices is None else indices[rows])
        self._show()
        return self._observe(), _masked(self.world.info(), mask)

    def step(
        self, actions: Action
    ) -> tuple[Observation, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], Info]:
        """Act in each environment, and look.

        Args:
            actions: ``location`` (B, 2) float in [-1, 1], ``action`` (B,) integer; see the class.

        Returns:
            observation, rewards (B,) float64, terminations (B,) bool, truncations (B,) bool (all False), info.

        Raises:
            ValueError: an action of another shape, dtype or range; nothing has changed then. Or an image that cannot be read;
                the episodes that were to begin are not going on then, and with SAME_STEP the step itself is taken.
            gymnasium.error.ResetNeeded: no episode is going on in an environment that does not begin one by itself.
        """
        return self._advance(*inputs.parts(actions, (self.num_envs,)))

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Draw each environment: its scene, the path of fixations, the patches seen last, and the belief; see `draw`.

        Returns:
            B frames, (height, width, 3) uint8 each, always of one size; None without a render_mode, and with "human", where
            they are shown side by side in the window.
        """
        if self.render_mode is None:
            gym.logger.warn("render() draws nothing without a render_mode: pass render_mode='rgb_array' to make_vec().")
        if self.render_mode != "rgb_array":
            self._show()
            return None
        return self._frames()

    def believe(self, beliefs: npt.ArrayLike) -> None:
        """Tell what an agent makes of the glimpses so far, for the pictures alone; without a render_mode, nothing comes of it.

        Args:
            beliefs: (B, n) float in [0, 1], the probabilities of the n actions.

        Raises:
            ValueError: another shape or range.
        """
        given = inputs.beliefs(beliefs, (self.num_envs, len(self.task.action_names)))
        for trail, belief in zip(self._trails, given, strict=False):
            if trail.beliefs:
                trail.beliefs[-1], trail.action = belief, None  # what was named before the latest glimpse is past

    def set_arguments(self, **changes: Any) -> None:
        """Change how the world makes its scenes, from each environment's next episode on: a curriculum.

        Episodes that are going on stay as they are. Later ones depend on their seed and number, as ever, and on the arguments
        in force when they begin. What shapes observations and actions cannot be changed.

        Args:
            changes: arguments of the world by name, as ``num_clutter=8, rotation=20.0, noise=0.1``.

        Raises:
            ValueError: an argument that cannot be changed, or a value out of its range; nothing has changed then.
        """
        self.world.set_arguments(**changes)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if one is open. There is nothing else to close: the environment can be played on."""
        if self._window:
            self._window.close()
            self._window = None

    def _frames(self) -> tuple[npt.NDArray[np.uint8], ...]:
        labels = self.world.info().get("label", [None] * self.num_envs)
        cues = [None] * self.num_envs if self.world.cues is None else self.world.cues
        return tuple(
            draw(
                scene,
                self.retina,
                trail.path,
                glimpse,
                cue=cue,
                names=self.task.action_names,
                beliefs=trail.beliefs,
                label=None if label is None else int(label),
                action=trail.action,
                title=f"glimpse {len(trail.path)}",
                side=self._render_size,
            )
            for scene, trail, glimpse, label, cue in zip(
                self.world.scenes, self._trails, self._look(), labels, cues, strict=True
            )
        )

    def _show(self) -> None:
        """Show all environments in the window, where there is to be one."""
        if self.render_mode == "human":
            self._window = self._window or Window("Glimpse", self.metadata["render_fps"])
            self._window.show(tile(self._frames()))

    def _advance(
        self, locations: npt.NDArray[np.float32], choices: npt.NDArray[np.int64]
    ) -> tuple[Observation, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], Info]:
        playing = self._playing.copy()
        resting = np.flatnonzero(~playing) if np.count_nonzero(playing) < self.num_envs else _NOBODY
        if len(resting) and not (self.autoreset_mode == AutoresetMode.NEXT_STEP and self._seeded.all()):
            raise gym.error.ResetNeeded(
                f"No episode is going on in environments {resting.tolist()}: call reset() first (with "
                "options={'reset_mask': ...} for some of several)."
            )
        bad = inputs.first_bad(locations, choices, playing, len(self.task.action_names))
        if bad >= 0:
            raise ValueError(
                f"Environment {bad} got location={locations[bad].tolist()} and action={choices[bad]}: a location must lie in "
                f"[-1, 1] and be finite (clip it), an action in [0, {len(self.task.action_names)})."
            )
        if len(resting):
            self._begin(resting)
        rewards, ended = self.world.step(choices, playing)
        moving = playing & ~ended
        self._gaze.move(self._fixations, locations, moving)
        if self._trails:
            for row in np.flatnonzero(playing):
                self._trails[row].action = int(choices[row])
            for row in np.flatnonzero(moving):
                self._trails[row].look(self._fixations[row])

        observation, info = self._observe(), _masked(self.world.info(), self._everyone)
        if np.count_nonzero(ended):
            self._playing &= ~ended
            final = _masked(self.world.final_info(), ended)
            if self.autoreset_mode == AutoresetMode.SAME_STEP:
                final |= _masked(self.world.info(), ended)
                self._begin(np.flatnonzero(ended))
                info = _masked(self.world.info(), self._everyone) | {
                    "final_obs": _split(observation, ended),
                    "_final_obs": ended.copy(),
                    "final_info": final,
                    "_final_info": ended.copy(),
                }
                observation = self._observe()
            else:
                info |= final
        self._show()
        return observation, rewards, ended, np.zeros(self.num_envs, np.bool_), info

    def _begin(self, rows: npt.NDArray[np.int64], indices: npt.NDArray[np.int64] | None = None) -> None:
        """Begin the next episode of some rows."""
        draws = uniforms(self._seeds[rows], self._episodes[rows], NUM_DRAWS + self.world.num_draws)
        self._episodes[rows] += np.uint64(1)
        self._playing[rows] = False  # until its scene is there: an image on disk may turn out to be damaged
        self.world.reset(rows, draws[:, NUM_DRAWS:], indices)
        self._playing[rows] = True
        self._fixations[rows] = self._gaze.begin(draws[:, :NUM_DRAWS])
        if self._canvas:
            self._canvas.clear(rows)
        if self._trails:
            for row in rows:
                self._trails[row] = Trail()
                self._trails[row].look(self._fixations[row])

    def _observe(self) -> Observation:
        observation = {"glimpse": self._look(), "fixation": self._fixations.copy()}
        if self._canvas:
            observation["canvas"] = self._canvas.paint(observation["glimpse"], self._fixations)
        if (cues := self._cues()) is not None:
            observation["cue"] = cues
        return observation

    def _cues(self) -> npt.NDArray[np.float32] | None:
        """The cues (B, C, h, w) in [0, 1], a new array; None in a world that has none."""
        cues = self.world.cues
        return None if cues is None else cues.transpose(0, 3, 1, 2).astype(np.float32, order="C") / np.float32(255)

    def _look(self) -> npt.NDArray[np.float32]:
        return self.retina(self.world.scenes, self._fixations, self._num_threads)


class GlimpseEnv(gym.Env[Observation, Action]):
    """One world seen through a retina: a `GlimpseVectorEnv` of one, without the leading B.

    Args:
        render_mode: "rgb_array" for frames, "human" for a window that shows each step (extra "render"), or None.
        arguments: those of `GlimpseVectorEnv` and of its world, but for num_envs and autoreset_mode.
    """

    metadata: dict[str, Any] = _METADATA

    def __init__(self, *, render_mode: str | None = None, **arguments: Any) -> None:
        self._batch = GlimpseVectorEnv(1, render_mode=render_mode, autoreset_mode=AutoresetMode.DISABLED, **arguments)
        self.render_mode = render_mode
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space

    @property
    def retina(self) -> RetinaLike:
        """The glimpse sensor."""
        return self._batch.retina

    @property
    def task(self) -> Task:
        """What is asked of an agent."""
        return self.world.task

    @property
    def scene_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the scene."""
        _, H, W, C = self.world.scenes.shape
        return H, W, C

    @property
    def world(self) -> World:
        """What is out there: a batch of one."""
        return self._batch.world

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin an episode: episode 0 of a seed, or the next one without.

        Args:
            seed: an integer of at least 0, or None.
            options: ``index``: an image of the split.

        Raises:
            ValueError: a bad seed, index or option; nothing has changed then.
        """
        observation, info = self._batch._restart(seed, options, ())
        super().reset(seed=None if seed is None else int(seed))
        return _first(observation), _plain(info)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, Info]:
        """Act, and look.

        Args:
            action: ``location`` (2,) float in [-1, 1], ``action`` an integer; see `GlimpseVectorEnv`.

        Raises:
            ValueError: an action of another shape, dtype or range; nothing has changed then.
            gymnasium.error.ResetNeeded: no episode is going on.
        """
        observation, rewards, terminations, _, info = self._batch._advance(*inputs.parts(action, ()))
        return _first(observation), rewards.item(), terminations.item(), False, _plain(info)

    def render(self) -> npt.NDArray[np.uint8] | None:  # type: ignore[override]
        """Draw the scene, the path, the patches seen last, and the belief: (height, width, 3) uint8; see `draw`."""
        frames = self._batch.render()
        return None if frames is None else frames[0]

    def set_arguments(self, **changes: Any) -> None:
        """Change how the world makes its scenes, from the next episode on, see `GlimpseVectorEnv.set_arguments`."""
        self._batch.set_arguments(**changes)

    def believe(self, belief: npt.ArrayLike) -> None:
        """Tell what an agent makes of the glimpses so far, for the pictures alone: (n,) probabilities of the actions."""
        self._batch.believe([belief])  # type: ignore[arg-type]  # checked there

    def close(self) -> None:
        """Close the window, if one is open. There is nothing else to close: the environment can be played on."""
        self._batch.close()


def walk(envs: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], seed: int = 0) -> Iterator[tuple[Any, Info, Any]]:
    """Begin an episode on each image of the split, in order, each exactly once: for exact evaluation.

    The scene of image j is that of seed + j, so it does not depend on how many environments share the walk.

    Args:
        envs: a `GlimpseEnv` or `GlimpseVectorEnv` (with autoreset disabled), wrapped or not.
        seed: of image 0.

    Yields:
        observation, info, and which of the environments to count: (B,) bool, or True for a single one. It is False only
        in the last round, where B does not divide the number of images.
    """
    num_images = envs.unwrapped.task.num_images  # type: ignore[union-attr]
    if isinstance(envs, gym.Env):
        for j in range(num_images):
            yield *envs.reset(seed=seed + j, options={"index": j}), True
        return
    for start in range(0, num_images, envs.num_envs):
        indices = np.arange(start, start + envs.num_envs)
        seeds: Any = (seed + indices).tolist()
        yield *envs.reset(seed=seeds, options={"index": indices % num_images}), indices < num_images


def _autoreset_mode(value: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(value)
    except ValueError as error:
        names = ", ".join(map(str, AutoresetMode))
        raise ValueError(f"Unknown autoreset_mode {value!r}: use one of {names}.") from error


def _masked(values: Mapping[str, npt.NDArray[Any]], mask: npt.NDArray[np.bool_]) -> Info:
    """Give values in Gymnasium's vector form: 0 where the mask is False, the mask beside each as ``_name``."""
    info: Info = {}
    for name, value in values.items():
        info[name], info[f"_{name}"] = value * mask, mask.copy()
    return info


def _split(observation: Observation, mask: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The observation of each row of a mask, None for the others: (B,) object."""
    parts = np.full(len(mask), None, object)
    for row in np.flatnonzero(mask):
        parts[row] = {key: value[row] for key, value in observation.items()}
    return parts


def _first(observation: Observation) -> Observation:
    return {key: value[0] for key, value in observation.items()}


def _plain(info: Info) -> Info:
    """The info of a batch of one, as Python numbers."""
    return {name: value.item() for name, value in info.items() if not name.startswith("_")}
