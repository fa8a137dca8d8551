"""What the README and the examples show runs, as shown."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_readme_block_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some leave files
    exec(compile(BLOCKS[block], f"README.md block {block}", "exec"), {})


# Examples that learn: a short form, and the accuracy in percent that it reaches at least. Chance is 10; what each was seen
# to reach stands beside it, so that a seed's luck does not decide.
LEARNING = {
    "numpy_policy": (["--num-steps=200000"], 45, None),  # 64
    "recurrent_ppo": (["--num-steps=20000", "--patch-size=16"], 25, "torch"),  # 39
    "sb3_ppo": (["--num-steps=20000"], 20, "stable_baselines3"),  # 35
    "sb3_recurrent_ppo": (["--num-steps=18000"], 20, "sb3_contrib"),  # 35
    "torchrl_env": (["--num-steps=20000"], 25, "torchrl"),  # 41
    "tune_ram": (["--num-episodes=10000", "--num-trials=2"], 30, "ray"),  # 59
}
NOT_RUN = {"rllib_ppo"}  # RLlib pins another version of gymnasium


def run(example, flags, folder):
    """Run it as a user does, all warnings errors, and give what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", ROOT / "examples" / f"{example}.py", *flags]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", [name for name in EXAMPLES if name not in NOT_RUN | LEARNING.keys()])
def test_example_runs_without_a_warning(example, tmp_path):
    assert "%" in run(example, [], tmp_path)


@pytest.mark.parametrize("example", LEARNING)
def test_example_learns(example, tmp_path):
    flags, least, needs = LEARNING[example]
    if needs:
        pytest.importorskip(needs)
    accuracy = re.findall(r"(?:test|validation) accuracy ([\d.]+) %", run(example, flags, tmp_path))
    assert float(accuracy[-1]) >= least


def test_every_example_is_short_and_says_what_it_reached():
    assert LEARNING.keys() | NOT_RUN <= set(EXAMPLES)
    for name in LEARNING:
        text = (ROOT / "examples" / f"{name}.py").read_text()
        docstring = text.split('"""')[1]
        assert f"python examples/{name}.py" in docstring
        assert re.search(r"\d %", docstring), name


def test_readme_lists_every_task():
    import glimpse_env

    text = (ROOT / "README.md").read_text()
    assert all(f"| `{task}` |" in text for task in glimpse_env.TASKS | glimpse_env.FETCHED | glimpse_env.GAMES)


def test_pictures_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures
    assert all((ROOT / picture).stat().st_size > 1000 for picture in pictures)
