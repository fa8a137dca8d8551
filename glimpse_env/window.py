"""A window on the screen; pygame is imported when it opens."""

import os
import time
import warnings
from typing import Any

from glimpse_env.extras import needed
from glimpse_env.ink import Picture


class Window:
    """Shows pictures; opens with the first.

    Args:
        title: the title of the window.
        fps: the most pictures a second.
        resizable: whether the user may resize it; pictures are then shown in its middle.
    """

    def __init__(self, title: str, fps: float, resizable: bool = False) -> None:
        self._title = title
        self._resizable = resizable
        self._corner = (0, 0)  # of the picture
        self._pause = 1 / fps
        self._due = 0.0

    def show(self, picture: Picture) -> None:
        """Show a picture (height, width, 3) when its time has come.

        Raises:
            ImportError: the extra "render" is not installed.
            RuntimeError: there is no display.
        """
        pygame = load_pygame()
        size = (picture.shape[1], picture.shape[0])
        screen = pygame.display.get_surface()
        if screen is None or (screen.get_size() != size and not self._resizable):
            self.resize(picture)
            screen = pygame.display.get_surface()
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + self._pause
        self._corner = tuple((room - side) // 2 for room, side in zip(screen.get_size(), size, strict=True))
        screen.fill(picture[0, 0].tolist())
        screen.blit(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), self._corner)
        pygame.event.pump()
        pygame.display.flip()

    def resize(self, picture: Picture) -> None:
        """Open the window, or change its size, for a picture."""
        pygame = load_pygame()
        if pygame.display.get_surface() is None:
            _open_display(pygame)
            pygame.display.set_caption(self._title)
        pygame.display.set_mode((picture.shape[1], picture.shape[0]), pygame.RESIZABLE if self._resizable else 0)

    def within(self, event: Any) -> Any:
        """One of pygame's events, its position measured from the picture's corner."""
        if not hasattr(event, "pos"):
            return event
        place = (event.pos[0] - self._corner[0], event.pos[1] - self._corner[1])
        return load_pygame().event.Event(event.type, {**event.dict, "pos": place})

    def asked_to_close(self) -> bool:
        """Whether the user has closed the window, by mouse, Escape or Q, since the last call."""
        return any([asks_to_close(event) for event in load_pygame().event.get()])

    def close(self) -> None:
        """Close it, if it is open."""
        load_pygame().display.quit()


def asks_to_close(event: Any) -> bool:
    """Whether one of pygame's events closes the window: its button, Escape or Q."""
    pygame = load_pygame()
    return bool(event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key in (pygame.K_ESCAPE, pygame.K_q)))


def _open_display(pygame: Any) -> None:
    """Open the display; raise an error if SDL would draw to an invisible one."""
    try:
        pygame.display.init()
        unseen = pygame.display.get_driver() == "offscreen" and "SDL_VIDEODRIVER" not in os.environ
    except pygame.error:
        unseen = True
    if unseen:
        pygame.display.quit()
        raise RuntimeError("There is no display to open a window on: use render_mode='rgb_array', or write a GIF.")


def load_pygame() -> Any:
    """Import pygame, silently.

    Raises:
        ImportError: the extra "render" is not installed.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from its own imports
        return needed("pygame", "render", "A window")
