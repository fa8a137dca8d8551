"""Type checkers know the arguments of the environments: a misspelling is found before anything runs."""

import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("mypy")
ROOT = pathlib.Path(__file__).parents[1]
CONFIG = "[mypy]\nfollow_imports = skip\nignore_missing_imports = true\n[mypy-glimpse_env.*]\nfollow_imports = silent\n"
SNIPPET = """
from glimpse_env.envs import GlimpseVectorEnv
from glimpse_env.single import GlimpseEnv
from glimpse_env.worlds import World

def of_ones_own(world: type[World]) -> None:
    GlimpseEnv(world=world, whatever=3)

GlimpseEnv(patch_size=4, num_clutter=2)
GlimpseEnv(world="catch", num_balls=3, canvas="scene")
GlimpseVectorEnv(4, autoreset_mode="SameStep", world="search", grid=4)
GlimpseEnv(patch_sizee=4)  # wrong
GlimpseEnv(world="catch", num_bals=3)  # wrong
GlimpseEnv(num_envs=3)  # wrong
GlimpseEnv(patch_size="four")  # wrong
GlimpseEnv(observe=True)  # wrong
GlimpseVectorEnv(4, n_scales=3)  # wrong
GlimpseVectorEnv(4, world="search", num_distractor=4)  # wrong
"""


def test_mypy_finds_a_misspelled_argument_and_nothing_else(tmp_path):
    (tmp_path / "mypy.ini").write_text(CONFIG)
    (tmp_path / "snippet.py").write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run([*command, tmp_path / "snippet.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    said = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert said == {n for n, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# wrong")}, done.stdout
