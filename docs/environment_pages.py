"""The page of each environment, made from its docstrings and the TASKS table when the documentation is built."""

import functools
import inspect
import json
import pathlib
import re
from typing import Any

import docstring_parser
import gymnasium as gym
import numpy as np
from PIL import Image

import glimpse_env
from glimpse_env import GlimpseVectorEnv, games
from glimpse_env.datasets.published import PUBLISHED
from glimpse_env.worlds import Task, World
from glimpse_env.wrappers import GlimpseWrapper

ROOT = pathlib.Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SCORES = ROOT / "glimpse_env" / "data" / "scores.json"  # percent right, or percent of the best return
OURS = glimpse_env.TASKS | glimpse_env.FETCHED
SHAPES = {"fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3), "svhn": (32, 32, 3)}  # building a page downloads nothing
GAMES = {"Glimpse-CarRacing-v0": (games.car_racing, "carracing.png"), "Glimpse-Atari-v0": (games.atari, "atari.png")}

MOST = 30  # action names that a page lists
CARD = 260  # pixels: the width of a picture in the gallery
OBSERVED = {
    "glimpse": "the patches around the fixation, finest scale first (K*C, G, G)",
    "fixation": "(x, y), where the glimpse was taken: (0, 0) is the center of the scene, (-1, -1) its top-left corner",
    "canvas": "the glimpses so far, painted where they were taken, and their sharpness",
    "cue": "a picture of what to find",
}
ACTED = {"location": "(x, y), where to look next"}


def write(folder: pathlib.Path) -> None:
    """Write all pages, and one that lists them."""
    folder.mkdir(exist_ok=True)
    pages = {id: task_page(id) for id in OURS} | {id: game_page(id) for id in glimpse_env.GAMES}
    for id, text in pages.items():
        (folder / f"{id}.md").write_text(text)
    (folder / "index.md").write_text(index_page(list(pages)))


def index_page(ids: list[str]) -> str:
    """A gallery of all pages, then a table of them."""
    cards = [f'<a class="card" href="{id}.html"><img src="{_still(id)}" alt="{id}: {_summary(id)}"><span>{id}</span></a>'
             for id in ids if _still(id)]  # fmt: skip
    rows = [f"| [`{id}`]({id}.md) | {_summary(id)} |" for id in ids]
    head = [
        "# Environments",
        "",
        "Every environment shows a scene only through glimpses. Choose one to see its rules, and how to play it.",
        "",
    ]
    gallery = ["```{raw} html", '<div class="gallery">', *cards, "</div>", "```", ""]
    table = ["| id | task |", "|---|---|", *rows, ""]
    more = ["`gym.make(id, **arguments)` changes any of their arguments; [concepts](../concepts.md) explains the words.", ""]
    return "\n".join([*head, *gallery, *table, *more, "```{toctree}", ":hidden:", *ids, "```", ""])


def task_page(id: str) -> str:
    """The page of a native task."""
    env = _made(id)
    world = type(env.world)
    registered = {name: value for name, value in OURS[id].items() if name != "world"}
    H, W, C = env.scene_shape
    sections = _sections(world)
    lines = [f"# {id}", "", env.task.goal, "", *_picture(id)]
    lines += ["| | |", "|---|---|", f"| scene | {W}x{H} pixels, {C} channel{'s' * (C > 1)} |"]
    lines += [f"| patches see | {', '.join(f'{size}x{size}' for size in env.retina.sizes)} pixels, each shown as "]
    lines[-1] += f"{env.retina.patch_size}x{env.retina.patch_size} |"
    lines += [f"| actions | {_names(env.task.action_names)} |"]
    lines += [f"| registered with | {', '.join(f'`{name}={value!r}`' for name, value in registered.items())} |", ""]
    lines += ["```python", "import gymnasium as gym", "import glimpse_env", "", f'env = gym.make("{id}")']
    lines += ["observation, info = env.reset(seed=0)", "observation, reward, terminated, truncated, info = env.step("]
    lines += ["    env.action_space.sample()", ")", "```", ""]
    lines += ["Play it yourself:", "", "```bash", f"python -m glimpse_env.play {id}", "```", ""]
    lines += ["## Rules", "", f"{_summary(id)} {sections['']}".strip(), ""]
    lines += ["## Observation Space", "", "A `Dict`. Vector environments add an axis (B, ...) in front.", ""]
    lines += _entries(env.observation_space, OBSERVED)
    lines += ["## Action Space", "", "A `Dict`.", "", *_entries(env.action_space, ACTED | {"action": _acted(env.task)})]
    lines += ["## Rewards", "", sections.get("Rewards", f"See `{world.__name__}`."), ""]
    lines += [
        "## Starting State",
        "",
        "Episode k of a seed depends only on the seed and k. The first fixation is random, unless ",
    ]
    lines[-1] += "`initial_fixation=` says otherwise."
    if env.task.num_images:
        lines[-1] += ' `reset(options={"index": j})` shows image j of the split; `glimpse_env.walk` shows all in order.'
    T = env.task.num_glimpses
    after = f"After {T} glimpses" if T else "By the rules of the game"
    lines += [
        "",
        "## Episode End",
        "",
        f"{after}, by `terminated`; only `max_episode_steps=` truncates an episode. The last step ignores `location`.",
    ]
    told = _single(_said(world.info)) if world.info is not World.info else "At each step nothing."
    lines += ["", "## Info", "", f"- {told}", f"- At the end: {_single(_said(world.final_info))}", ""]
    lines += ["## Arguments", "", "Arguments of the world:", "", *_arguments(world, registered)]
    lines += ["", "Arguments of the eye, the rendering and the batch:", "", *_arguments(GlimpseVectorEnv, registered)]
    return "\n".join([*lines, "", *_results(id)])


def _sections(described: Any) -> dict[str, str]:
    """The text of a docstring between its first line and its arguments, by heading; "" is what stands before the first."""
    text = docstring_parser.parse(inspect.getdoc(described) or "").long_description or ""
    before, *parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {"": before.strip()} | {head: part.strip() for head, part in zip(parts[::2], parts[1::2], strict=True)}


def _entries(space: gym.Space[Any], meanings: dict[str, str]) -> list[str]:
    """A table of the entries of a Dict."""
    rows = []
    for name, part in space.spaces.items():  # type: ignore[attr-defined]
        if isinstance(part, gym.spaces.Discrete):
            kind = f"integer in [0, {part.n})"
        else:
            kind = f"{part.shape} {part.dtype} in [{part.low.min():g}, {part.high.max():g}]"
        rows.append(f"| `{name}` | {kind} | {meanings.get(name, '')} |")
    return ["| entry | shape and range | meaning |", "|---|---|---|", *rows, ""]


def _acted(task: Task) -> str:
    """What an action means."""
    if task.grid:
        return "the cell named"
    return "the class named" if task.measure == "error" else f"the move: {_names(task.action_names)}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= MOST else f"{names[0]}, {names[1]}, ... {names[-1]}: {len(names)} in all"


def _single(text: str) -> str:
    """What a docstring says of a batch, said of one environment."""
    return re.sub(r" ?\(B,\)", "", text.replace("(B, ", "("))


def game_page(id: str) -> str:
    """The page of a game of another package."""
    make, picture = GAMES[id]
    extra = make.__doc__.split('extra "')[1].split('"')[0]
    lines = [f"# {id}", "", _summary(id), "", f"![{id}: the image, and what the retina sees of it](../images/{picture})", ""]
    lines += ["```bash", f'python -m pip install -e ".[{extra},render]"', f"python -m glimpse_env.play {id}", "```", ""]
    lines += ["In the picture, no agent plays: the eye follows what moves. `GlimpseWrapper` gives the game an eye.", ""]
    for heading, text in _sections(GlimpseWrapper).items():
        lines += [f"## {heading}", "", text, ""] if heading else []
    lines += ["## Arguments", "", *_arguments(make, {}), "", "Arguments of the wrapper:", ""]
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


def _file(id: str) -> pathlib.Path | None:
    """A GIF of an agent, or else a still picture; None if there is neither."""
    name = GAMES[id][1] if id in GAMES else f"{id.split('-')[1].lower()}.png"
    return next((path for path in (IMAGES / f"watch-{id}.gif", IMAGES / name) if path.exists()), None)


def _picture(id: str) -> list[str]:
    """The picture of an environment, with an alternative text that says what it shows."""
    file = _file(id)
    if file is None:
        return []
    shipped = id in json.loads(SCORES.read_text())
    agent = "The shipped agent" if shipped else "An agent of an earlier version"
    shown = f"{agent} at work in {id}" if file.suffix == ".gif" else f"A scene of {id}, and what the retina sees of it"
    return [f"![{shown}](../images/{file.name})", ""]


def _still(id: str) -> str:
    """Where the gallery's picture of an environment is, as seen from its page: a still, so that the gallery loads at once."""
    file = _file(id)
    if file is None:
        return ""
    stills = ROOT / "docs" / "stills"
    stills.mkdir(exist_ok=True)
    with Image.open(file) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            picture.seek(min(5, picture.n_frames - 1))
        small = picture.convert("RGB")
    small.thumbnail((CARD, CARD))
    small.save(stills / f"{id}.png")
    return f"../_static/{id}.png"


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


def _results(id: str) -> list[str]:
    """The score of the agent, and a picture of where it looks."""
    head = ["## Results", ""]
    score = json.loads(SCORES.read_text()).get(id)
    if score is None:
        return [*head, f"No agent is shipped. `python -m agents.ram --env-id {id}` trains one.", ""]
    error = _made(id).task.measure == "error"
    what = f"misclassifies {100 - score:.2f} % of" if error else f"reaches {score:.2f} % of the best return in"
    text = f"The agent {what} the test episodes. [Results](../results.md) gives intervals, controls and commands."
    fixations = f"fixations-{id}.png"
    pictures = (
        [f"![How often the agent looks where in {id}, glimpse by glimpse](../images/{fixations})", ""]
        if (IMAGES / fixations).exists()
        else []
    )
    shipped = (ROOT / "agents" / "data" / f"{id}.safetensors").exists()
    watch = ["```bash", f"python -m agents.ram watch --weights {id}", "```", ""] if shipped else []
    return [*head, text, "", *watch, *pictures]
