"""Figures of an agent's looks and answers, readable in print, in gray, and by the color-blind."""

import csv
import io
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from agents import files
from agents.config import Config
from agents.environments import Envs, evaluation_envs, first_seed, is_native, make_envs, task
from agents.episodes import joined
from agents.networks import RecurrentAttentionModel
from agents.policy import Noise, Policy
from agents.rollout import collect, greedy
from glimpse_env.worlds import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAPS = 12  # the most glimpses that have a map
_BINS = 30  # along each axis of a map
_TILES = 12  # episodes in the figure of paths
_NUMBERED = 20  # the most classes for which each count is written


def save(figure: "Figure", path: pathlib.Path, dpi: int = 120) -> pathlib.Path:
    """Write a figure atomically, in the format of the path's suffix.

    Raises:
        OSError: the file cannot be written; an older one is unchanged.
    """
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix.removeprefix(".") or None, dpi=dpi)
    files.write(path, content.getvalue())
    return path


def log_scale(axes: "Axes", which: Literal["x", "y"], zero: float | None = None) -> None:
    """Give an axis a logarithmic scale with ticks at 1, 2 and 5; a tick at ``zero`` reads 0."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set(**{f"{which}scale": "log"})  # type: ignore[arg-type]
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == zero else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save_tiles(
    frames: Sequence[npt.NDArray[np.uint8]], titles: Sequence[str], good: Sequence[bool], path: pathlib.Path
) -> pathlib.Path:
    """Draw episodes side by side, each under its title, which is vermilion if the episode went wrong.

    Args:
        frames: the frames of `GlimpseVectorEnv.render` at the end of the episodes.
        titles: a title for each episode.
        good: whether each episode went well.
        path: the file to write.
    """
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(frames) // columns)
    figure = Figure(figsize=(16, 3.2 * rows), facecolor="white", layout="constrained")
    for n, (frame, title, well) in enumerate(zip(frames, titles, good, strict=True)):
        axes = figure.add_subplot(rows, columns, n + 1)
        axes.imshow(frame)
        axes.set_axis_off()
        axes.set_title(_literal(title), color="black" if well else "#D55E00")
    return save(figure, path, dpi=100)


def save_curve(metrics: pathlib.Path, path: pathlib.Path, title: str) -> pathlib.Path:
    """Draw the learning curve: the measure in training and on the validation split, over the episodes.

    Args:
        metrics: the ``metrics.csv`` of a run.
        path: the file to write.
        title: the title of the figure.
    """
    from matplotlib.figure import Figure

    with open(metrics, newline="") as file:
        rows = list(csv.DictReader(file))
    measure = "error" if "validation_error" in rows[0] else "score"
    episodes = [int(row["episodes"]) / 1000 for row in rows]
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, label, color, line in (
        (measure, "training, exploring", "#E69F00", "--"),
        (f"validation_{measure}", "validation", "#0072B2", "-"),
    ):
        axes.plot(episodes, [float(row[name]) for row in rows], label=label, color=color, linestyle=line, marker=".")
    axes.set(xlabel="thousand episodes", ylabel=f"{measure}, %" if measure == "error" else measure, title=title)
    if measure == "error":
        log_scale(axes, "y")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return save(figure, path)


def save_fixations(fixations: npt.NDArray[np.float32], path: pathlib.Path, height: int = 1, width: int = 1) -> pathlib.Path:
    """Draw how often the agent looks at each part of the scene, with a map for each glimpse; darker is more often.

    Args:
        fixations: (T, N, 2) in [-1, 1], of N episodes.
        path: the file to write.
        height: H of the scene.
        width: W of the scene; maps have its shape.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    shown = fixations if len(fixations) <= _MAPS else fixations[np.linspace(0, len(fixations) - 1, _MAPS).astype(int)]
    numbers = np.linspace(1, len(fixations), len(shown)).astype(int)
    edges = np.linspace(-1, 1, _BINS + 1)
    counts = [np.histogram2d(y, x, bins=(edges, edges))[0] for x, y in shown.transpose(0, 2, 1)]
    shares = [100 * count / fixations.shape[1] for count in counts]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    tall = min(max(height / width, 0.4), 2.5)
    figure = Figure(figsize=(2 * columns + 1.2, (1.7 * tall + 0.65) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    scale = LogNorm(100 / fixations.shape[1], max(share.max() for share in shares))
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, share, number in zip(grid.flat, shares, numbers, strict=False):
        seen = np.where(share > 0, share, np.nan)
        image = axes.imshow(seen, extent=(-1, 1, 1, -1), cmap="viridis_r", norm=scale, aspect=tall)
        axes.set_axis_on()
        axes.set(title=f"glimpse {number}", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    for axes in grid[:, 0]:
        axes.set_ylabel("y")
    for axes in grid.flat[max(0, len(shown) - columns) : len(shown)]:
        axes.set_xlabel("x")
    bar = figure.colorbar(image, ax=grid, label="% of the episodes in a cell", shrink=0.8)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    return save(figure, path)


def save_distances(
    labels: npt.NDArray[np.int64], named: npt.NDArray[np.int64], grid: tuple[int, int], path: pathlib.Path
) -> pathlib.Path:
    """Draw how far the named cells of a grid are from the right ones, as a histogram.

    Args:
        labels: (N,), the right cells, row by row.
        named: (N,), the named cells.
        grid: (rows, columns).
        path: the file to write.
    """
    from matplotlib.figure import Figure

    rows, columns = (np.stack([cells // grid[1], cells % grid[1]]) for cells in (labels, named))
    away = np.hypot(*(rows - columns))
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    edges = (np.arange(max(grid) + 1) - 0.5).tolist()
    axes.hist(away, bins=edges, weights=np.full(len(away), 100 / len(away)), color="#0072B2", rwidth=0.9)
    axes.set(xlabel="distance from the named cell to the right one, in cells", ylabel="% of the episodes")
    axes.set_title(f"right cell: {100 * np.mean(away == 0):.1f} % of {len(away):,}")
    axes.grid(alpha=0.3, axis="y")
    return save(figure, path)


def save_confusion(
    labels: npt.NDArray[np.int64], named: npt.NDArray[np.int64], names: Sequence[str], path: pathlib.Path
) -> pathlib.Path:
    """Draw the confusion matrix; the colors show only the mistakes.

    Args:
        labels: (N,), the right classes.
        named: (N,), the named classes.
        names: the names of the n classes.
        path: the file to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    num_classes = len(names)
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (labels, named), 1)
    mistakes = np.where(np.eye(num_classes, dtype=bool), 0, counts)
    side = 2.2 + 0.42 * min(num_classes, 20)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(mistakes, cmap="Blues", vmax=max(1, mistakes.max()))
    if num_classes <= _NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            dark = mistakes[row, column] > 0.6 * mistakes.max()
            color = "0.45" if row == column else "white" if dark else "black"
            axes.text(column, row, str(count) if count else "", ha="center", va="center", color=color, fontsize=8)
        told = [*map(_literal, names)]
        axes.set(xticks=range(num_classes), yticks=range(num_classes), xticklabels=told, yticklabels=told)
        if max(map(len, names)) > 2:
            axes.tick_params(axis="x", rotation=90)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="named", ylabel="right class", title=f"mistakes: {mistakes.sum():,} in {len(labels):,}")
    figure.colorbar(image, ax=axes, label="mistakes", shrink=0.8, ticks=MaxNLocator(integer=True))
    return save(figure, path)


def draw(model: RecurrentAttentionModel, config: Config, split: str, folder: pathlib.Path) -> list[pathlib.Path]:
    """Draw figures of greedy rollouts on a split, with each image once.

    Args:
        model: the agent.
        config: the config that trained it.
        split: the split of the images.
        folder: the folder of the figures; created if missing.

    Returns:
        The paths of ``paths.png`` if the environment has pictures, ``fixations.png``, ``confusion.png`` if the task has
        labels (``distances.png`` if they are the cells of a grid), and ``curve.png`` if the folder has metrics.
    """
    envs = evaluation_envs(config, split)
    policy = Policy(model, envs.single_action_space, config.looking)
    paths = [_draw_paths(policy, config, split, folder / "paths.png")]
    asked = task(envs)
    num_episodes = min(config.num_test_episodes, envs.num_envs)
    fixations, labels, named = [], [], []
    for episodes, fresh in greedy(envs, policy, split, 0, num_episodes, progress="figures"):
        fixations.append(episodes.fixations.cpu()[:, fresh])
        if episodes.labels is not None:
            counted = episodes.answers & torch.from_numpy(fresh).to(episodes.answers.device)
            labels.append(episodes.labels[counted].cpu().numpy())
            named.append(episodes.logits.argmax(-1)[counted].cpu().numpy())
    paths.append(save_fixations(joined(fixations).numpy(), folder / "fixations.png", *_scene_shape(envs)))
    if labels:
        answers = np.concatenate(labels), np.concatenate(named)
        if asked.grid is not None:
            paths.append(save_distances(*answers, asked.grid, folder / "distances.png"))
        else:
            paths.append(save_confusion(*answers, asked.action_names, folder / "confusion.png"))
    if (folder / "metrics.csv").exists():
        paths.append(save_curve(folder / "metrics.csv", folder / "curve.png", config.env_id))
    return [path for path in paths if path is not None]


def _scene_shape(envs: Envs) -> tuple[int, int]:
    """Height and width of a scene; 1 and 1 if unknown."""
    whole: Any = envs.unwrapped
    known = hasattr(whole, "scene_shape") or whole.envs[0].has_wrapper_attr("scene_shape")
    if not known:
        return 1, 1
    height, width, _ = whole.scene_shape if hasattr(whole, "scene_shape") else whole.get_attr("scene_shape")[0]
    return height, width


def _draw_paths(policy: Policy, config: Config, split: str, path: pathlib.Path) -> pathlib.Path | None:
    """Draw the fixation paths of the first episodes of a split, with a tile for each; see `save_tiles`."""
    native = is_native(config.env_id)
    tiles = min(_TILES, (native and task(make_envs(config, 1, split)).num_images) or _TILES)
    envs = make_envs(config, tiles, split, **({"render_mode": "rgb_array"} if native else {}))
    if not native and not envs.envs[0].has_wrapper_attr("picture"):  # type: ignore[attr-defined]
        return None
    asked = task(envs)
    index = np.arange(tiles) if asked.num_images else None
    start = envs.reset(seed=first_seed(0, split), options=None if index is None else {"index": index})
    with torch.no_grad():
        episodes = collect(envs, policy, start, Noise(0, tiles))
    frames: Any = envs.render() if native else envs.call("picture")  # type: ignore[attr-defined]
    if asked.measure == "error":
        assert episodes.labels is not None
        columns = zip(episodes.answers.T, episodes.labels.T, episodes.actions.T, strict=True)
        titles = [f"{_words(asked, label[due])} read as {_words(asked, named[due])}" for due, label, named in columns]
        good = (~episodes.wrong[-1]).tolist()
    else:
        returns = episodes.rewards.sum(0).tolist()
        titles, good = [f"return {value:g}" for value in returns], [value > 0 for value in returns]
    return save_tiles(frames, titles, good, path)


def _literal(text: str) -> str:
    """A text for matplotlib, which would read what stands between dollar signs as a formula."""
    return text.replace("$", r"\$")


def _words(asked: Task, actions: torch.Tensor) -> str:
    """The names of actions (n,)."""
    return " ".join(asked.action_names[action] for action in actions.tolist())
