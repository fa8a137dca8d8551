"""No test opens a window on a real screen; how many cases Hypothesis makes.

``pytest --hypothesis-profile=long`` makes 4,000 of each test that does not say otherwise, in place of 100.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

settings.register_profile("everyday", deadline=None, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("everyday"), max_examples=4_000)
settings.load_profile("everyday")
