"""Any environment with an image, seen through the retina."""

import collections
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from glimpse_env import inputs
from glimpse_env.eye import Eye
from glimpse_env.gaze import NUM_DRAWS, Gaze
from glimpse_env.info import first
from glimpse_env.rendering import draw
from glimpse_env.retina import MAX_CELL, Retina, RetinaLike, make_retina
from glimpse_env.streams import uniforms
from glimpse_env.worlds import Scenery, Task
from glimpse_env.wrappers.wrapped import action_names, image_and_others, shape_of
from glimpse_env.zoom import make_zoom

SOURCES = ("observation", "render")
_ROW, _EVERYONE = np.zeros(1, np.int64), np.ones(1, np.bool_)  # of a batch of one
_PATH_LENGTH = 8  # the most fixations in a picture: episodes may be long


class GlimpseWrapper(gym.Wrapper[dict[str, Any], dict[str, Any], Any, Any], RecordConstructorArgs):
    """Lets an agent see the image of any environment only through glimpses.

    ## Observation Space
    ``Dict``: ``glimpse`` (K*C, G, G) float32 in [0, 1], finest scale first; ``fixation`` (2,) float32 in [-1, 1], the (x, y)
    where it was taken. With ``zooms=`` also ``zoom_level`` (Z,) float32, one-hot, the zoom at which it was taken; with
    ``peripheral=`` also ``peripheral`` (C, P, P) float32 in [0, 1], a coarse view of the whole image. If the wrapped
    environment's observation is a Dict, its other entries follow unchanged.

    ## Action Space
    ``Dict``: ``location`` (2,) float32 in [-1, 1], where to look next, and ``action``, the wrapped environment's action of
    any kind; with ``zooms=`` also ``zoom``, the position in ``zooms`` of the next glimpse's zoom.

    ## Starting State
    The wrapped environment's. A random first fixation of episode k depends only on the seed and k, with k counted from the
    reset that gave the seed.

    ## Step
    The wrapped environment takes its action, the eye moves, and looks at the new image. If the episode terminates,
    ``location`` is ignored and the gaze does not move; if it is truncated, the gaze moves. Rewards, ends and infos are the
    wrapped environment's; ``zoom_cost`` is subtracted from the reward.

    ## Rendering
    With ``render_mode="rgb_array"``: the image, the path of the latest fixations and the patches. Otherwise the wrapped
    environment's own rendering.

    Args:
        env: an environment whose observation is an image (H, W) or (H, W, C) uint8, channels last, or a Dict with one; or any
            environment that renders such images, see source.
        patch_size: G, the pixels a side of each patch; default: 8.
        num_scales: K, the number of patches; default: 1.
        scale_factor: the ratio of the widths of successive patches; default: 2.
        retina: another glimpse sensor in place of these three sizes, such as a `LogPolarRetina` or your own `RetinaLike`. It
            sets the shape of ``glimpse``.
        initial_fixation: the first fixation: "random", "center", or a location (x, y).
        location_mode: "absolute": a location is where to look. "relative": location * max_step is added to the fixation,
            and the sum is clipped to [-1, 1]. "glimpse": the same in units of the latest glimpse, see `Gaze`.
        max_step: the largest move along each axis, in (0, 2]; see `Gaze`.
        zooms: factors, such as (1, 2, 4), that the agent can choose from; the first is that of an episode's first glimpse.
        zoom_cost: the price of a look at each zoom, subtracted from the reward; one number for all.
        source: the source of the image: "observation", or "render", the wrapped environment's ``render()``. "render" needs
            render_mode="rgb_array", resets the environment once to find the size, and drops an observation that is not a Dict.
        image_key: the entry of a Dict observation that is the image; with "render", an entry to drop, or None.
        peripheral: P, the side of a coarse view of the whole image: P x P of the smallest cells that cover the image,
            centered, 0 outside; None for no such view.

    Raises:
        ValueError: an argument is out of range, or a location is bad; the message names it. The environment is unchanged.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        patch_size: int | None = None,
        num_scales: int | None = None,
        scale_factor: int | None = None,
        *,
        retina: RetinaLike | None = None,
        initial_fixation: str | tuple[float, float] = "random",
        location_mode: str = "absolute",
        max_step: float | None = None,
        zooms: tuple[int, ...] | None = None,
        zoom_cost: tuple[float, ...] | float = 0.0,
        source: str = "observation",
        image_key: str | None = None,
        peripheral: int | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            patch_size=patch_size,
            num_scales=num_scales,
            scale_factor=scale_factor,
            retina=retina,
            initial_fixation=initial_fixation,
            location_mode=location_mode,
            max_step=max_step,
            zooms=zooms,
            zoom_cost=zoom_cost,
            source=source,
            image_key=image_key,
            peripheral=peripheral,
        )
        gym.Wrapper.__init__(self, env)
        if source not in SOURCES:
            raise ValueError(f"Unknown source {source!r}: use 'observation' or 'render'.")
        if source == "render":
            self.metadata = {**env.metadata, "render_modes": ["rgb_array"]}  # source='render' needs it
        sizes = {"patch_size": patch_size, "num_scales": num_scales, "scale_factor": scale_factor}
        given = {name: size for name, size in sizes.items() if size is not None}
        if retina is not None and given:
            raise ValueError(f"retina= has its own sizes: leave out {', '.join(given)}.")
        gaze = Gaze(initial_fixation, location_mode, max_step)
        self._source, self._image_key = source, image_key
        self._image, others = image_and_others(env, source, image_key)
        self.scene_shape = shape_of(self._image)
        H, W, C = self.scene_shape
        self.retina = make_retina(retina, (H, W), **given)
        zoom = make_zoom(zooms, zoom_cost, self.retina)
        self.task = Task(action_names=action_names(env))
        self._scenery = Scenery(np.zeros((1, H, W, C), np.uint8), self.task)
        self._eye = Eye(self._scenery, self.retina, gaze, zoom, canvas=None, observe="glimpse", num_threads=1)
        seen = dict(self._eye.space)
        self._overview: Retina | None = None
        if peripheral is not None:
            cells = inputs.integer("peripheral", peripheral, -(-max(H, W) // MAX_CELL), max(H, W) - 1)
            self._overview = Retina(cells, 2, -(-max(H, W) // cells))  # its coarser scale covers the image
            seen["peripheral"] = spaces.Box(0, 1, (C, cells, cells), np.float32)
        if taken := seen.keys() & others.keys():
            raise ValueError(f"The observation of {env} already has the entries {sorted(taken)}: rename them.")
        self.observation_space = spaces.Dict([*seen.items(), *others.items()])
        acted: list[tuple[str, gym.Space[Any]]] = [("zoom", zoom.action_space)] if zoom else []
        location = spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = spaces.Dict([("location", location), ("action", env.action_space), *acted])
        self._keys = inputs.ZOOMED_ACTION if zoom else inputs.ACTION

        self._seed: npt.NDArray[np.uint64] = np.random.default_rng().integers(2**64, size=1, dtype=np.uint64)  # until given
        self._episode = np.zeros(1, np.uint64)  # (1,), the number of the next episode, counted from the seed
        self._glimpse: npt.NDArray[np.float32] | None = None  # the latest
        self._path: collections.deque[npt.NDArray[np.float32]] = collections.deque(maxlen=_PATH_LENGTH)
        self._belief: npt.NDArray[np.float64] | None = None
        self._action: int | None = None  # the latest, if it has a name

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode of the wrapped environment, and look.

        Args:
            seed: the seed of the wrapped environment and of the first fixations.
            options: the wrapped environment's options.

        Raises:
            ValueError: the seed is bad; nothing has changed.
        """
        seeds, _ = inputs.checked_seeds(seed, ())
        observation, info = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._seed, self._episode = seeds, np.zeros(1, np.uint64)
        self._eye.begin(_ROW, uniforms(self._seed, self._episode, NUM_DRAWS))
        self._episode += np.uint64(1)
        self._path.clear()
        self._belief = self._action = None
        return self._look(observation), info

    def step(self, action: dict[str, Any]) -> tuple[dict[str, Any], SupportsFloat, bool, bool, dict[str, Any]]:
        """Act in the wrapped environment, and look.

        Args:
            action: ``location`` (2,) float in [-1, 1], ``action``, passed on unchanged, and ``zoom``, if there are zooms.

        Raises:
            ValueError: the location or the zoom is bad; nothing has changed.
        """
        location, base_action, *zoom = inputs.split(action, self._keys)
        locations = inputs.locations(location, ())
        if inputs.first_bad(locations, _ROW, _EVERYONE, 1) >= 0:
            raise inputs.out_of_range(self, locations[0])
        levels = inputs.choices("zoom", zoom[0], ()) if zoom else None
        self._eye.check(levels, _EVERYONE, self)
        observation, reward, terminated, truncated, info = self.env.step(base_action)
        if not terminated:
            prices = self._eye.move(locations, levels, _EVERYONE)
            if prices is not None and prices.any():
                reward = float(reward) - prices.item()
        named = self.task.action_names and np.ndim(base_action) == 0
        self._action = int(base_action) - int(self.env.action_space.start) if named else None  # type: ignore[attr-defined]
        return self._look(observation), reward, terminated, truncated, info

    def render(self) -> Any:
        """Return the `picture`, or the wrapped environment's own rendering; see the class."""
        return self.env.render() if self.render_mode != "rgb_array" or self._glimpse is None else self.picture()

    def picture(self) -> npt.NDArray[np.uint8]:
        """Draw the image, the path of the latest fixations, the patches, and the belief over a Discrete action.

        Returns:
            (height, width, 3) uint8, in any render_mode.
        """
        assert self._glimpse is not None, "call reset() first"
        H, W, _ = self.scene_shape
        return draw(
            self._scenery.scenes[0],
            self._eye.retina_of(0),
            list(self._path),
            self._glimpse,
            names=self.task.action_names,
            beliefs=[*[None] * (len(self._path) - 1), self._belief],
            action=self._action,
            title=f"{W} x {H}",
        )

    def believe(self, belief: npt.ArrayLike) -> None:
        """Set an agent's belief, (n,) probabilities of the n choices of a Discrete action, for rendering only.

        Raises:
            ValueError: the belief has another shape or range.
        """
        (self._belief,) = inputs.beliefs([belief], (1, len(self.task.action_names)))
        self._action = None  # it is that before the latest glimpse

    @property
    def scenes(self) -> npt.NDArray[np.uint8]:
        """The whole image, (1, H, W, C) uint8, which agents never see."""
        assert self._glimpse is not None, "call reset() first"
        return self._scenery.scenes

    @property
    def zooms(self) -> tuple[int, ...]:
        """The factors of the levels of zoom; (1,) without a choice."""
        return self._eye.zooms

    def _look(self, observation: Any) -> dict[str, Any]:
        others = dict(observation) if isinstance(self.env.observation_space, spaces.Dict) else {}
        image = observation if self._image_key is None else others.pop(self._image_key)
        if self._source == "render":
            image = self.env.render()
        image = np.ascontiguousarray(image)
        if image.shape != self._image.shape or image.dtype != np.uint8:
            raise ValueError(
                f"{self.env} promises images {self._image.shape} uint8, but returned {image.shape} {image.dtype}: correct its "
                "observation_space, or the image."
            )
        self._scenery.scenes = image.reshape(1, *self.scene_shape)
        seen = first(self._eye.observe())
        self._glimpse = seen["glimpse"].copy()
        self._path.append(seen["fixation"].copy())
        if self._overview:
            coarse = self._overview(self._scenery.scenes, np.zeros((1, 2), np.float32))[0]
            seen["peripheral"] = coarse[len(coarse) // 2 :]
        return seen | others
