"""The page of each environment, made from its docstrings and the TASKS table when the documentation is built."""

import functools
import inspect
import json
import pathlib
from typing import Any

import docstring_parser
import gymnasium as gym
import numpy as np

import glimpse_env
from glimpse_env import GlimpseVectorEnv, games
from glimpse_env.datasets.published import PUBLISHED
from glimpse_env.wrappers import GlimpseWrapper

ROOT = pathlib.Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SCORES = ROOT / "glimpse_env" / "data" / "scores.json"  # percent right, or percent of the best return
OURS = glimpse_env.TASKS | glimpse_env.FETCHED
SHAPES = {"fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3), "svhn": (32, 32, 3)}  # building a page downloads nothing
GAMES = {"Glimpse-CarRacing-v0": (games.car_racing, "carracing.png"), "Glimpse-Atari-v0": (games.atari, "atari.png")}


def write(folder: pathlib.Path) -> None:
    """Write all pages, and one that lists them."""
    folder.mkdir(exist_ok=True)
    pages = {id: task_page(id) for id in OURS} | {id: game_page(id) for id in glimpse_env.GAMES}
    for id, text in pages.items():
        (folder / f"{id}.md").write_text(text)
    (folder / "index.md").write_text(index_page(list(pages)))


def index_page(ids: list[str]) -> str:
    """The list of all pages."""
    rows = [f"| [`{id}`]({id}.md) | {_summary(id)} |" for id in ids]
    head = ["# Environments", "", "| id | task |", "|---|---|", *rows]
    return "\n".join([*head, "", "```{toctree}", ":hidden:", *ids, "```", ""])


def task_page(id: str) -> str:
    """The page of a native task."""
    env = _made(id)
    world = type(env.world)
    registered = {name: value for name, value in OURS[id].items() if name != "world"}
    H, W, C = env.scene_shape
    lines = [f"# {id}", "", _summary(id), "", *_picture(id)]
    lines += ["| | |", "|---|---|", f"| scene | {W}x{H} pixels, {C} channel{'s' * (C > 1)} |"]
    lines += [f"| patches see | {', '.join(f'{size}x{size}' for size in env.retina.sizes)} pixels, each shown as "]
    lines[-1] += f"{env.retina.patch_size}x{env.retina.patch_size} |"
    lines += [f"| observation space | `{_plain(env.observation_space)}` |", f"| action space | `{_plain(env.action_space)}` |"]
    lines += [f"| actions | {', '.join(env.task.action_names)} |"]
    lines += [f"| registered with | {', '.join(f'`{name}={value!r}`' for name, value in registered.items())} |", ""]
    lines += ["```python", "import gymnasium as gym", "import glimpse_env", "", f'env = gym.make("{id}")']
    lines += ["observation, info = env.reset(seed=0)", "observation, reward, terminated, truncated, info = env.step("]
    lines += ["    env.action_space.sample()", ")", "```", ""]
    lines += _text(world) + _text(GlimpseVectorEnv)
    lines += [f"- {_said(world.info)}", f"- At the end: {_said(world.final_info)}", ""]
    lines += ["## Arguments", "", "Arguments of the world:", "", *_arguments(world, registered)]
    lines += ["", "Arguments of the eye, the rendering and the batch:", "", *_arguments(GlimpseVectorEnv, registered)]
    return "\n".join([*lines, "", *_results(id)])


def game_page(id: str) -> str:
    """The page of a game of another package."""
    make, picture = GAMES[id]
    lines = [f"# {id}", "", _summary(id), "", f"![{id}](../images/{picture})", ""]
    lines += [*_text(GlimpseWrapper), "## Arguments", "", *_arguments(make, {}), "", "Arguments of the wrapper:", ""]
    return "\n".join([*lines, *_arguments(GlimpseWrapper, {}), ""])


def _summary(id: str) -> str:
    """Describe an id in one line."""
    described: Any = GAMES[id][0] if id in GAMES else type(_made(id).world)
    first = str(docstring_parser.parse(inspect.getdoc(described) or "").short_description)
    registered = OURS.get(id, {})
    about = [f"dataset {registered['dataset']}, downloaded at its first use"] if "dataset" in registered else []
    about += [f"scenes of {registered['scene_size']}x{registered['scene_size']}"] if "scene_size" in registered else []
    about += ["the image at a random place"] if registered.get("translate") else []
    about += [f"{registered['num_clutter']} pieces of clutter"] if "num_clutter" in registered else []
    about += [f"{registered['num_glimpses']} glimpses"] if "num_glimpses" in registered else []
    first = first.removeprefix("B ").rstrip(".")
    return first[0].upper() + first[1:] + (f": {', '.join(about)}." if about else ".")


@functools.cache
def _made(id: str) -> Any:
    """Make a native environment; black images replace those that would have to be downloaded."""
    dataset = str(OURS[id].get("dataset"))
    if dataset not in SHAPES:
        return gym.make(id).unwrapped
    num_classes = len(PUBLISHED[dataset].classes)
    images = np.zeros((num_classes, *SHAPES[dataset]), np.uint8)
    return gym.make(id, dataset=(images, np.arange(num_classes))).unwrapped


def _picture(id: str) -> list[str]:
    """A GIF of the shipped agent, or of an earlier one if none is shipped; otherwise a still picture."""
    name = id.split("-")[1].lower()
    agent = "The trained agent" if id in json.loads(SCORES.read_text()) else "An agent of an earlier version"
    for file, shown in ((f"watch-{id}.gif", f"{agent} at work"), (f"{name}.png", id)):
        if (IMAGES / file).exists():
            return [f"![{shown}](../images/{file})", ""]
    return []


def _text(described: Any) -> list[str]:
    """The text of a docstring between its first line and its arguments, with its headings."""
    text = docstring_parser.parse(inspect.getdoc(described) or "").long_description or ""
    return [text, ""] if text.startswith("##") else ["## Rules", "", text, ""] if text else []


def _said(described: Any) -> str:
    return " ".join((inspect.getdoc(described) or "").split())


def _arguments(described: Any, registered: dict[str, Any]) -> list[str]:
    """A table of a docstring's arguments, their defaults and their meaning."""
    signature = inspect.signature(described).parameters
    rows = []
    for parameter in docstring_parser.parse(inspect.getdoc(described) or "").params:
        name, known = parameter.arg_name, signature.get(parameter.arg_name)
        if parameter.args[0] != "param" or name in ("num_envs", "env", "world") or name.endswith("arguments"):
            continue
        default = registered.get(name, known.default if known else "")
        meaning = " ".join((parameter.description or "").split())
        rows.append(f"| `{name}` | `{default!r}` | {meaning} |")
    return ["| argument | default | meaning |", "|---|---|---|", *rows]


def _plain(space: gym.Space[Any]) -> str:
    return str(space).replace("|", "\\|")


def _results(id: str) -> list[str]:
    """The score of the agent, and a picture of where it looks."""
    head = ["## Results", ""]
    score = json.loads(SCORES.read_text()).get(id)
    if score is None:
        return [*head, f"No agent is shipped yet. `python -m agents.ram --env-id {id}` trains one.", ""]
    error = _made(id).task.measure == "error"
    what = f"misclassifies {100 - score:.2f} % of" if error else f"reaches {score:.2f} % of the best return in"
    text = f"The agent {what} the test episodes. [Results](../results.md) gives intervals, controls and commands."
    fixations = f"fixations-{id}.png"
    pictures = [f"![Where it looks](../images/{fixations})", ""] if (IMAGES / fixations).exists() else []
    shipped = (ROOT / "agents" / "data" / f"{id}.safetensors").exists()
    watch = ["```bash", f"python -m agents.ram watch --weights {id}", "```", ""] if shipped else []
    return [*head, text, "", *watch, *pictures]
