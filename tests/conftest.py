"""No test opens a window on a real screen; how many times the fault tests kill a run."""

import os

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


def pytest_addoption(parser):
    """Add ``--faults``: a few kills are for every day, 20 are the full form."""
    parser.addoption("--faults", type=int, help="how many times test_faults.py kills a run in each way; a few unless given")
