"""No test opens a window on a real screen."""

import os

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
