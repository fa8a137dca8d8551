"""Importing the environment is light, silent, and registers the ids."""

import subprocess
import sys

import pytest

import glimpse_env

HEAVY = {"torch", "pygame", "matplotlib", "agents", "stable_baselines3", "PIL", "tqdm", "tyro", "pooch"}
HEAVY |= {"Box2D", "ale_py", "minigrid"}


def python(code, tmp_path):
    """Run it in a fresh interpreter, all warnings errors, away from the repository."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def test_pulls_in_nothing_heavy_and_reads_no_data(tmp_path):
    code = (
        "import glimpse_env, glimpse_env.games, glimpse_env.wrappers, sys; print(*sys.modules);"
        "assert glimpse_env.datasets.published.load.cache_info().currsize == 0"
    )
    names = set(python(code, tmp_path))
    modules = {name.partition(".")[0] for name in names}
    assert "glimpse_env" in modules
    assert "scipy.io" not in names
    assert not modules & HEAVY


def test_playing_pulls_in_nothing_heavy_either(tmp_path):
    code = (
        "import gymnasium, sys; env = gymnasium.make('glimpse_env:Glimpse-MNIST-v0', render_mode='rgb_array', split='test');"
        "env.reset(seed=0); env.step(env.action_space.sample()); env.render(); print(*sys.modules)"
    )
    assert not {name.partition(".")[0] for name in python(code, tmp_path)} & HEAVY


def test_the_agents_are_imported_without_a_warning(tmp_path):
    pytest.importorskip("torch")
    assert python("import agents.ram", tmp_path) == []


def test_registers_every_id(tmp_path):
    code = "import gymnasium, glimpse_env; print(*(id for id in gymnasium.registry if id.startswith('Glimpse-')))"
    assert python(code, tmp_path) == [*glimpse_env.TASKS, *glimpse_env.FETCHED, *glimpse_env.GAMES]


@pytest.mark.parametrize("name", glimpse_env.__all__)
def test_public_names_exist(name):
    assert hasattr(glimpse_env, name)
