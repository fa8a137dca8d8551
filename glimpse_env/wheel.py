"""The zoom of a person who plays: the mouse wheel, or the keys + and -."""

from typing import Any

from glimpse_env.retina import RetinaLike
from glimpse_env.single import GlimpseEnv
from glimpse_env.window import load_pygame

_KEYS = {"+": 1, "=": 1, "-": -1}  # levels closer


class Wheel:
    """Keeps the zoom of the glimpse on the screen, and that of the next one; does nothing in a task without zooms.

    Args:
        env: the task.
    """

    def __init__(self, env: GlimpseEnv) -> None:
        self._env = env
        self._factors = sorted(env.zooms)  # from the closest look
        self._now = self._next = env.zooms[0]

    def handle(self, event: Any) -> bool:
        """Handle one of pygame's events; return whether it was about the zoom."""
        pygame = load_pygame()
        levels = event.y if event.type == pygame.MOUSEWHEEL else 0
        if event.type == pygame.KEYDOWN and "zoom" in self._env.action_space.spaces:  # type: ignore[attr-defined]
            levels = _KEYS.get(pygame.key.name(event.key).strip("[]"), 0)
        place = self._factors.index(self._next) - levels
        self._next = self._factors[min(max(place, 0), len(self._factors) - 1)]
        return bool(levels)

    def see(self, observation: dict[str, Any]) -> None:
        """Take over the zoom of the latest glimpse."""
        if "zoom_level" in observation:
            self._now = self._env.zooms[observation["zoom_level"].argmax()]

    def begin(self) -> None:
        """Begin an episode."""
        self._next = self._env.zooms[0]

    @property
    def action(self) -> dict[str, int]:
        """The entry ``zoom`` of the next action, if the task zooms."""
        zooms = "zoom" in self._env.action_space.spaces  # type: ignore[attr-defined]
        return {"zoom": self._env.zooms.index(self._next)} if zooms else {}

    @property
    def retina(self) -> RetinaLike:
        """The retina at the zoom of the latest glimpse."""
        return self._zoomed(self._now)

    @property
    def next_retina(self) -> RetinaLike:
        """The retina at the zoom of the next glimpse."""
        return self._zoomed(self._next)

    def _zoomed(self, factor: int) -> RetinaLike:
        return self._env.retina.zoomed(factor) if factor > 1 else self._env.retina  # type: ignore[attr-defined]
