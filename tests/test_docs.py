"""What the README, the docs and the examples show runs, as shown; commands, flags and links name what is there."""

import contextlib
import dataclasses
import functools
import importlib.util
import io
import json
import os
import pathlib
import re
import runpy
import subprocess
import sys
import warnings

import gymnasium as gym
import pytest

import glimpse_env

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PAGES = sorted((ROOT / "docs").glob("*.md"))
GENERATED = {"results", "benchmark", "beyond_ram"}  # by benchmarks
WRITTEN = [ROOT / "README.md", *[page for page in PAGES if page.stem not in GENERATED | {"changelog"}]]
LINKED = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


def test_the_readme_is_a_page():
    assert len(README.split()) <= 1000


def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    look, _ = BLOCKS
    exec(compile(look, "README.md", "exec"), {})


def test_the_shipped_agent_in_the_readme_reaches_its_figure(capsys):
    pytest.importorskip("torch")
    (block,) = [block for block in BLOCKS if "agents.load" in block]
    (id,) = re.findall(r'agents\.load\("([^"]+)"\)', block)
    exec(compile(block, "README.md", "exec"), {})
    error = float(re.findall(r"test error ([\d.]+) %", capsys.readouterr().out)[0])
    scores = json.loads((ROOT / "glimpse_env" / "data" / "scores.json").read_text())
    assert error == pytest.approx(100 - scores[id], abs=0.4)  # of other scenes: a standard error is 0.12


@pytest.fixture
def short_trainings(monkeypatch, undrawn):
    """Trainings that a page shows end after 64 episodes: that they are learned from is tested elsewhere."""
    from agents import ram

    train = ram.train
    monkeypatch.setattr(ram, "train", lambda config, **options: train(dataclasses.replace(config, num_episodes=64), **options))


# test_docs_own_images.py runs the blocks of own_images.md, once for each source; the recipes of consumers.md are below.
@pytest.mark.usefixtures("short_trainings")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem not in ("own_images", "consumers")], ids=lambda page: page.stem
)
def test_blocks_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some leave files
    names = {}
    for n, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
        exec(compile(block, f"{page.name} block {n}", "exec"), names)


SHARED, *RECIPES = (ROOT / "docs" / "consumers.md").read_text().split("\n## ")


@pytest.mark.filterwarnings("default")  # these are the libraries' own
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.splitlines()[0])
def test_recipe_runs_where_its_library_is_installed(recipe, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", SHARED + recipe, re.DOTALL)
    for module in re.findall(r"^(?:from|import) (\w+)", "".join(blocks), re.MULTILINE):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    names = {}
    for n, block in enumerate(blocks):
        exec(compile(block, f"consumers.md block {n}", "exec"), names)


@pytest.mark.parametrize("page", [*WRITTEN, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_code_fits_and_pictures_say_what_they_show(page):
    text = page.read_text()
    for block in re.findall(r"```(?:python|bash)\n(.*?)```", text, re.DOTALL):
        assert max(map(len, block.splitlines())) <= 100
    assert all(len(words) > 10 for words in re.findall(r"!\[([^]]*)\]\(", text))


def test_no_page_includes_the_readme():
    assert not [page.name for page in PAGES if re.search(r"include.*README", page.read_text())]


OURS = glimpse_env.TASKS | glimpse_env.FETCHED


def module_of_docs(name):
    where = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module


def environment_pages():
    pytest.importorskip("docstring_parser")
    return module_of_docs("environment_pages")


@pytest.mark.parametrize("id", OURS)
def test_page_of_an_environment_tells(id):
    text = environment_pages().task_page(id)
    headings = "Observation Space", "Action Space", "Rewards", "Starting State", "Episode End", "Info", "Arguments", "Results"
    for heading in headings:
        assert f"## {heading}\n" in text
    assert all(f"`{name}={value!r}`" in text for name, value in OURS[id].items() if name != "world")


@pytest.mark.parametrize("id", glimpse_env.TASKS)
def test_page_of_an_environment_shows_and_runs(id):
    text = environment_pages().task_page(id)
    assert re.search(r"!\[[^]]*\]\(\.\./images/[^)]+\)", text)
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(block, id, "exec"), {})


def test_every_environment_has_a_page(tmp_path):
    environment_pages().write(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {"index", *OURS, *glimpse_env.GAMES}
    for page in tmp_path.iterdir():
        for target in re.findall(r"\]\(\.\./([^)#]+)", page.read_text()):
            assert (ROOT / "docs" / target).exists(), target


def test_every_module_has_a_page(tmp_path):
    module_of_docs("api_pages").write(tmp_path)
    pages = {path.stem for path in tmp_path.iterdir()}
    assert {"glimpse_env", "glimpse_env.worlds.catch", "agents", "agents.policy"} <= pages
    assert all(importlib.util.find_spec(name) for name in pages)


def test_cells_of_the_notebook_run(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    pytest.importorskip("matplotlib").use("agg")
    notebook = json.loads((ROOT / "docs" / "quickstart.ipynb").read_text())
    assert any(cell.get("outputs") for cell in notebook["cells"]), "what it shows is stored"
    monkeypatch.chdir(tmp_path)  # it trains
    names = {}
    for n, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]).replace("100_000", "640"), f"quickstart.ipynb cell {n}", "exec"), names)


def slug(heading):
    """The anchor that GitHub and MyST make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_no_link_is_dead(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        if there.parent.name == "environments":  # made when the docs are built, and checked there
            continue
        assert there.exists(), target
        if anchor:
            assert anchor in [slug(heading) for heading in re.findall(r"^#+ (.*)", there.read_text(), re.MULTILINE)], target


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_commands_name_what_is_there(page):
    for module in re.findall(r"python -m ([\w.]+)", page.read_text()):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python ((?:examples|docs|tests|tools)/\S+\.py)", page.read_text()):
        assert (ROOT / script).exists(), script


@functools.cache
def help_of(module, *command):
    """What a command prints with ``--help``."""
    told, given = io.StringIO(), sys.argv
    sys.argv = [module, *command, "--help"]
    try:
        with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the module was imported before
            runpy.run_module(module, run_name="__main__")
    finally:
        sys.argv = given
        for id in [id for id, spec in gym.registry.items() if getattr(spec.entry_point, "__module__", "") == "__main__"]:
            del gym.registry[id]  # the module registers it again when it is imported
    return told.getvalue()


def flags_of(text):
    return {flag for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", text) if flag != "--help"}


COMMANDS = ("train", "evaluate", "watch", "name", "export")  # of agents.ram


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_flags_of_commands_are_there(page):
    pytest.importorskip("torch")
    text = page.read_text()
    for module, rest in re.findall(r"-m ((?:agents|benchmarks|glimpse_env)[\w.]*)([^`\n#]*)", text):
        command = re.findall(rf"^ ({'|'.join(COMMANDS)})\b", rest) if module == "agents.ram" else []
        given = flags_of(re.sub(r"--env\.\S+", "", rest))
        assert not given or given <= flags_of(help_of(module, *command)), rest
    alone = flags_of(" ".join(re.findall(r"`(--[^`]+)`", text)))
    known = [help_of("agents.ram", command) for command in COMMANDS] if alone else []
    assert alone <= flags_of(" ".join(known)) | {"--env"}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_targets_of_make_are_there(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


# Examples that learn: a short form, and the accuracy in percent that it reaches at least on 500 images. Chance is 10, and the
# commonest class 13; what each was seen to reach stands beside it, so that a seed's luck does not decide.
LEARNING = {
    "numpy_policy": (["--num-steps=200000"], 45, None),  # 62
    "log_polar": (["--num-episodes=9600"], 16, "torch"),  # 23
    "recurrent_ppo": (["--num-steps=60000"], 17, "torch"),  # 25
    "sb3_ppo": (["--num-steps=12000"], 16, "stable_baselines3"),  # 22
    "sb3_recurrent_ppo": (["--num-steps=12000"], 17, "sb3_contrib"),  # 24
    "torchrl_env": (["--num-steps=10000"], 20, "torchrl"),  # 30
    "tune_ram": (["--num-episodes=10000", "--num-trials=2"], 30, "ray"),  # 59
}
NOT_RUN = {"rllib_ppo"}  # RLlib pins another version of gymnasium


@pytest.mark.parametrize("example", [name for name in EXAMPLES if name not in NOT_RUN | LEARNING.keys()])
def test_example_runs_without_a_warning(example, tmp_path):
    """In a process of its own, as a user runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", ROOT / "examples" / f"{example}.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "%" in done.stdout


@pytest.mark.usefixtures("undrawn", "few_images")
@pytest.mark.parametrize("example", LEARNING)
def test_example_learns(example, tmp_path, monkeypatch, capsys):
    """In this process, which has loaded the libraries already; here, too, a warning is an error."""
    flags, least, needs = LEARNING[example]
    if needs:
        pytest.importorskip(needs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{example}.py", *flags])
    runpy.run_path(str(ROOT / "examples" / f"{example}.py"), run_name="__main__")
    accuracy = re.findall(r"(?:test|validation) accuracy ([\d.]+) %", capsys.readouterr().out)
    assert float(accuracy[-1]) >= least


def test_the_speed_of_an_example_is_that_of_its_steps_without_its_start(monkeypatch):
    examples = pytest.importorskip("benchmarks.examples")
    taking = {name for name in EXAMPLES if "num-steps" in (ROOT / "examples" / f"{name}.py").read_text()}
    assert examples.EXAMPLES.keys() == taking - NOT_RUN
    monkeypatch.setattr(examples, "seconds_of", lambda example, num_steps: 7 + num_steps / 500)
    assert examples.rate_of("sb3_ppo", 1000) == pytest.approx(500)


def test_every_example_is_short_and_says_what_it_reached():
    assert LEARNING.keys() | NOT_RUN <= set(EXAMPLES)
    for name in LEARNING:
        text = (ROOT / "examples" / f"{name}.py").read_text()
        docstring = text.split('"""')[1]
        assert f"python examples/{name}.py" in docstring
        assert re.search(r"\d %", docstring), name


def test_the_readme_lists_every_task():
    assert all(f"| `{task}` |" in README for task in glimpse_env.TASKS | glimpse_env.FETCHED | glimpse_env.GAMES)


def test_pictures_of_the_readme_exist():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).stat().st_size > 1000 for picture in pictures)
