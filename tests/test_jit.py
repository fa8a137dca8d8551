"""Kernels compile wherever they are installed, and compute the same bits when they do not."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import glimpse_env

KERNEL = """
import numpy as np
from glimpse_env.jit import jit

@jit
def double(x):
    return 2 * x

@jit(inline="always")
def triple(x):
    return 3 * x
"""
CALL = "import kernels, warnings; warnings.simplefilter('always'); print(kernels.double(4), kernels.triple(5))"
SCENES = """
import warnings, zlib, gymnasium as gym, glimpse_env
warnings.simplefilter("error", RuntimeWarning)
varied = {"rotation": 30.0, "scale": 1.5, "shear": 0.2, "shift": 2.0, "contrast": 0.5, "noise": 0.1}
retina = glimpse_env.LogPolarRetina(5, 6, 9)
for id, arguments in [(id, {}) for id in glimpse_env.TASKS] + [
    ("Glimpse-ClutteredMNIST-v0", varied | {"canvas": 20}),
    ("Glimpse-Search-v0", varied | {"shrink": 2, "retina": retina, "canvas": "scene"}),
]:
    env = gym.make(id, disable_env_checker=True, **arguments)
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    for _ in range(2):
        sums = [zlib.crc32(observation[key].tobytes()) for key in sorted(observation)]
        print(id, sums, zlib.crc32(env.unwrapped.world.scenes))
        observation = env.step(env.action_space.sample())[0]
"""


def run(code, folder, **environment):
    path = os.pathsep.join([str(folder), str(pathlib.Path(glimpse_env.__file__).parents[1])])
    environment = os.environ | {"PYTHONPATH": path} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNEL)
    return tmp_path


def cache(folder):
    return sorted((folder / "__pycache__").glob("kernels*.nb?"))


def test_what_was_compiled_is_kept_and_if_damaged_is_told_once_and_written_anew(folder):
    for _ in range(2):
        done = run(CALL, folder)
        assert (done.stdout, done.stderr) == ("8 15\n", "")
        assert len(cache(folder)) == 4
    for suffix, left in ((".nbi", 30), (".nbc", 0)):
        for path in cache(folder):
            if path.suffix == suffix:
                path.write_bytes(path.read_bytes()[:left])
        done = run(CALL, folder)
        assert done.stdout == "8 15\n"
        assert done.stderr.count("compiles without a cache") == 1
        done = run(CALL, folder)
        assert (done.stdout, done.stderr) == ("8 15\n", "")


def test_without_a_place_for_a_cache_it_is_told_once(folder):
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    (folder / "__pycache__").write_text("a file where a folder would be")
    done = run(CALL, folder, XDG_CACHE_HOME="/dev/null/none", HOME="/dev/null/none")
    assert done.stdout == "8 15\n", done.stderr
    assert done.stderr.count("compiles without a cache") == 1


def test_a_full_disk_is_told_once(folder):
    full = "import numba.core.caching as c\ndef full(*_): raise OSError(28, 'No space left on device')\n"
    done = run(f"{full}c.IndexDataCacheFile._save_index = full\n{CALL}", folder)
    assert done.stdout == "8 15\n", done.stderr
    assert done.stderr.count("compiles without a cache") == 1
    assert "No space left" in done.stderr


def test_the_same_bits_come_out_without_compilation(folder):
    compiled, plain = run(SCENES, folder), run(SCENES, folder, NUMBA_DISABLE_JIT="1")
    assert compiled.returncode == 0, compiled.stderr
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout == compiled.stdout
