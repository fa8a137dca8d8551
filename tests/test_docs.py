"""What the README and the examples show runs, as shown."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_readme_block_runs(block):
    exec(compile(BLOCKS[block], f"README.md block {block}", "exec"), {})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_without_a_warning(example):
    done = subprocess.run([sys.executable, "-W", "error", example], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "%" in done.stdout


def test_readme_lists_every_task():
    import glimpse_env

    text = (ROOT / "README.md").read_text()
    assert all(f"| `{task}` |" in text for task in glimpse_env.TASKS | glimpse_env.GAMES)


def test_pictures_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures
    assert all((ROOT / picture).stat().st_size > 1000 for picture in pictures)
