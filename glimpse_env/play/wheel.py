"""The zoom of a person who plays: the mouse wheel, or the keys + and -."""

from typing import Any

from glimpse_env.retina import RetinaLike
from glimpse_env.window import load_pygame

_KEYS = {"+": 1, "=": 1, "-": -1}  # levels closer


class Wheel:
    """Keeps the zoom of the glimpse on the screen, and that of the next one; does nothing in a task without zooms.

    Args:
        env: the task, native or in a `GlimpseWrapper`.

    Attributes:
        zooms: whether the task has zooms.
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self.zooms = "zoom" in env.action_space.spaces
        self._factors = sorted(env.zooms)  # from the closest look
        self._now = self._next = env.zooms[0]

    def handle(self, event: Any) -> bool:
        """Handle one of pygame's events; return whether it chose a zoom."""
        if not self.zooms:
            return False
        pygame = load_pygame()
        levels = event.y if event.type == pygame.MOUSEWHEEL else 0
        if event.type == pygame.KEYDOWN:
            levels = _KEYS.get(pygame.key.name(event.key).strip("[]"), 0)
        place = self._factors.index(self._next) - levels
        self._next = self._factors[min(max(place, 0), len(self._factors) - 1)]
        return bool(levels)

    def begin(self, observation: dict[str, Any]) -> None:
        """Begin an episode with its first observation."""
        self._next = self._env.zooms[0]
        self.see(observation)

    def see(self, observation: dict[str, Any]) -> None:
        """Take over the zoom of the latest glimpse."""
        if self.zooms:
            self._now = self._env.zooms[observation["zoom_level"].argmax()]

    @property
    def action(self) -> dict[str, int]:
        """The entry ``zoom`` of the next action, if the task has zooms."""
        return {"zoom": self._env.zooms.index(self._next)} if self.zooms else {}

    @property
    def retina(self) -> RetinaLike:
        """The retina at the zoom of the latest glimpse."""
        return self._zoomed(self._now)

    @property
    def next_retina(self) -> RetinaLike:
        """The retina at the zoom of the next glimpse."""
        return self._zoomed(self._next)

    def _zoomed(self, factor: int) -> RetinaLike:
        return self._env.retina.zoomed(factor) if factor > 1 else self._env.retina  # type: ignore[no-any-return]
