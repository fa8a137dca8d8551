"""How alike two scan paths are. Paths are (T, 3): x and y in pixels, and the duration of each fixation; sizes are (H, W).

- `multimatch`: Jarodzka, Holmqvist & Nyström (2010); Dewhurst et al. (2012).
- `scanmatch`: Cristino, Mathôt, Theeuwes & Gilchrist (2010).
- `edit_score`: the string edit distance of visited cells (Brandt & Stark 1997; Foulsham & Underwood 2008).
- `nss`: normalized scanpath saliency (Peters, Iyer, Itti & Koch 2005).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.jit import jit
from glimpse_env.scanpaths.table import Scanpaths

Path = npt.NDArray[np.float64]
_DIMENSIONS = ("shape", "direction", "length", "position", "duration")
_STEPS = np.array([(1, 1), (1, 0), (0, 1)])  # of an alignment: both paths go on, or one of them


def multimatch(one: Path, other: Path, scene_size: tuple[int, int]) -> dict[str, float]:
    """Compare two paths as sequences of saccades, aligned so that their vectors differ least; without simplification.

    Args:
        one: (T, 3), T at least 3.
        other: (T', 3), T' at least 3.
        scene_size: (H, W) in pixels.

    Returns:
        The similarities ``shape``, ``direction``, ``length``, ``position`` and ``duration``, in [0, 1], 1 for the same; NaN if
        a path is too short.
    """
    if min(len(one), len(other)) < 3:
        return dict.fromkeys(_DIMENSIONS, float("nan"))
    (a, b), (v, w) = (one[:-1], other[:-1]), (np.diff(one[:, :2], axis=0), np.diff(other[:, :2], axis=0))
    differences = np.linalg.norm(v[:, np.newaxis] - w, axis=2)
    i, j = _aligned(differences)
    angles = np.abs(np.arctan2(v[i, 1], v[i, 0]) - np.arctan2(w[j, 1], w[j, 0]))
    durations = np.stack([a[i, 2], b[j, 2]])
    diagonal = float(np.hypot(*scene_size))
    apart = {
        "shape": differences[i, j] / (2 * diagonal),
        "direction": np.minimum(angles, 2 * np.pi - angles) / np.pi,
        "length": np.abs(np.linalg.norm(v[i], axis=1) - np.linalg.norm(w[j], axis=1)) / diagonal,
        "position": np.linalg.norm(a[i, :2] - b[j, :2], axis=1) / diagonal,
        "duration": np.abs(np.diff(durations, axis=0)[0]) / durations.max(axis=0),
    }
    return {name: 1 - float(np.median(values)) for name, values in apart.items()}


def scanmatch(
    one: Path,
    other: Path,
    scene_size: tuple[int, int],
    grid: tuple[int, int] = (8, 12),
    threshold: float = 3.5,
    gap: float = 0.0,
) -> float:
    """Align the sequences of visited cells by the algorithm of Needleman and Wunsch; near cells are nearly the same.

    Args:
        one: (T, 3).
        other: (T', 3).
        scene_size: (H, W) in pixels.
        grid: (rows, columns) of cells.
        threshold: the score of the same cell, less by the distance, in cells, of another one. The authors take twice the
            standard deviation of saccade lengths.
        gap: the score of a fixation without a partner, at most 0.

    Returns:
        The score over that of the longer path with itself; at most 1, which only the same cells reach.
    """
    cells = [_cells(path, scene_size, grid) for path in (one, other)]
    distances = np.linalg.norm(cells[0][:, np.newaxis] - cells[1], axis=2)
    return float(needleman_wunsch(threshold - distances, gap) / (threshold * max(distances.shape)))


def edit_score(one: Path, other: Path, scene_size: tuple[int, int], grid: tuple[int, int] = (5, 5)) -> float:
    """Compare the sequences of visited cells by the edits (insert, delete, replace) that make one of the other.

    Args:
        one: (T, 3).
        other: (T', 3).
        scene_size: (H, W) in pixels.
        grid: (rows, columns) of cells.

    Returns:
        1 - edits / the number of fixations of the longer path, in [0, 1].
    """
    cells = [_cells(path, scene_size, grid) for path in (one, other)]
    differ = (cells[0][:, np.newaxis] != cells[1]).any(axis=2)
    return float(1 + needleman_wunsch(-differ.astype(np.float64), -1.0) / max(differ.shape))


def nss(density: npt.NDArray[np.float64], path: Path) -> float:
    """The mean of a map at fixations, in standard deviations from its mean.

    Args:
        density: (H, W), such as the blurred fixations of others.
        path: (T, 3), fixations in its pixels.

    Raises:
        ValueError: the map is constant.
    """
    if not density.std() > 0:
        raise ValueError("The map is constant: it predicts no fixation.")
    H, W = density.shape
    x, y = (np.clip(path[:, axis], 0, side - 1).astype(np.int64) for axis, side in ((0, W), (1, H)))
    return float(((density - density.mean()) / density.std())[y, x].mean())


def needleman_wunsch(scores: npt.NDArray[np.float64], gap: float) -> float:
    """The best sum of scores (T, T') of an alignment of two sequences, in which an element without a partner scores ``gap``."""
    return float(_best(scores, gap))


def fixation_density(paths: list[Path], scene_size: tuple[int, int], sigma: float) -> npt.NDArray[np.float64]:
    """The fixations of some paths, blurred by a Gaussian with a standard deviation of sigma pixels: (H, W), for `nss`."""
    H, W = scene_size
    points = np.concatenate(paths)[:, :2]
    x, y = (np.exp(-(((np.arange(n) + 0.5)[:, np.newaxis] - points[:, a]) ** 2) / (2 * sigma**2)) for n, a in ((W, 0), (H, 1)))
    density: npt.NDArray[np.float64] = y @ x.T
    return density


METRICS: dict[str, Callable[[Path, Path, tuple[int, int]], dict[str, float] | float]] = {
    "multimatch": multimatch,
    "scanmatch": scanmatch,
    "edit_score": edit_score,
    "nss": lambda one, other, size: nss(fixation_density([one], size, max(size) / 20), other),
}
"""The metrics of `compare`: (path, other path, (H, W)) to one or several numbers. "nss" blurs by a 20th of the longer side."""


def compare(one: Scanpaths, other: Scanpaths, metric: str = "multimatch") -> dict[str, float]:
    """Compare two recordings of the same scenes: the mean over the episodes that both have.

    Args:
        one: the one, such as an agent's.
        other: the other, such as a person's; its ``episode`` must number the same scenes.
        metric: one of `METRICS`.

    Returns:
        The name of each similarity -> its mean, without episodes where it is undefined; and ``episodes``, their number.

    Raises:
        ValueError: the metric is unknown, the sizes of the scenes differ, or there is no common episode.
    """
    inputs.word("metric", metric, METRICS)
    size = one.scene_size
    if other.scene_size != size:
        raise ValueError(f"The scenes have other sizes, {size} and {other.scene_size}: scale the pixels of one.")
    paths, others = one.paths, other.paths
    common = sorted(paths.keys() & others.keys())
    if not common:
        raise ValueError("The two have no episode in common: number the same scenes alike.")
    found = [METRICS[metric](paths[episode], others[episode], size) for episode in common]
    rows = [value if isinstance(value, dict) else {metric: value} for value in found]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    means = {name: float(np.nanmean(values)) if not np.isnan(values).all() else float("nan") for name, values in table.items()}
    return means | {"episodes": float(len(common))}


def _cells(path: Path, scene_size: tuple[int, int], grid: tuple[int, int]) -> npt.NDArray[np.int64]:
    """The cells (T, 2), column and row, of the fixations of a path."""
    (H, W), (rows, columns) = scene_size, grid
    return np.clip(path[:, :2] * (columns / W, rows / H), 0, (columns - 1, rows - 1)).astype(np.int64)


def _aligned(costs: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The cheapest way through a matrix (n, m), from its first to its last entry by single steps: its rows and columns."""
    totals = _cheapest(costs)
    place = np.array(costs.shape) - 1
    way = [place]
    while place.any():
        before = [place - step for step in _STEPS if (place >= step).all()]
        place = min(before, key=lambda at: totals[at[0], at[1]])
        way.append(place)
    i, j = np.array(way[::-1]).T
    return i, j


@jit
def _cheapest(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The least sum of costs (n, m) on a way from the first entry to each, by single steps right, down, or both."""
    totals = costs.copy()
    for i in range(costs.shape[0]):
        for j in range(costs.shape[1]):
            least = np.inf
            if i > 0 and j > 0:
                least = min(least, totals[i - 1, j - 1])
            if i > 0:
                least = min(least, totals[i - 1, j])
            if j > 0:
                least = min(least, totals[i, j - 1])
            if i > 0 or j > 0:
                totals[i, j] += least
    return totals


@jit
def _best(scores: npt.NDArray[np.float64], gap: float) -> float:
    """See `needleman_wunsch`."""
    n, m = scores.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n + 1):
        best[i, 0] = gap * i
    for j in range(m + 1):
        best[0, j] = gap * j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i, j] = max(best[i - 1, j - 1] + scores[i - 1, j - 1], best[i - 1, j] + gap, best[i, j - 1] + gap)
    return float(best[n, m])
