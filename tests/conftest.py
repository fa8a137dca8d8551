"""No test opens a window on a real screen; how many cases Hypothesis makes.

``pytest --hypothesis-profile=long`` makes 4,000 of each test that does not say otherwise, in place of 100.
``unshrunk`` gives the first case that fails as it is found.
"""

import os

from hypothesis import HealthCheck, Phase, settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

settings.register_profile("everyday", deadline=None, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("everyday"), max_examples=4_000)
settings.register_profile("unshrunk", settings.get_profile("everyday"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("everyday")
