"""Draw how data flow, with the arrays of a real step: ``python docs/dataflow.py``."""

import pathlib

import gymnasium as gym
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

import glimpse_env  # noqa: F401  # registers the ids

BLUE, AMBER, GREEN = "#0072B2", "#E69F00", "#009E73"
LOOK = np.float32([-0.3, 0.12])


def box(axes: Axes, x: float, y: float, width: float, height: float, title: str, note: str, color: str) -> None:
    """A part, its name on top and what it is below."""
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.12", fc="white", ec=color, lw=2))
    axes.text(x + width / 2, y + height - 0.16, title, ha="center", va="top", fontsize=13, weight="bold", color=color)
    axes.text(x + width / 2, y + 0.14, note, ha="center", va="bottom", fontsize=9.5, color="0.25", linespacing=1.3)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], words: str, at: tuple[float, float]) -> None:
    """From one part to the next, and what goes along."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=18, lw=1.8, color="0.2", shrinkA=0, shrinkB=0))
    axes.text(
        *at, words, ha="center", va="center", fontsize=9.5, linespacing=1.3, bbox={"fc": "white", "ec": "none", "pad": 1.5}
    )


def picture(axes: Axes, image: np.ndarray, x: float, y: float, side: float) -> None:
    """An image, sharp."""
    axes.imshow(image, extent=(x, x + side, y, y + side), cmap="gray", vmin=0, interpolation="nearest", zorder=3)
    axes.add_patch(Rectangle((x, y), side, side, fill=False, ec="0.3", lw=0.8, zorder=4))


def main() -> None:
    """Draw the picture."""
    env = gym.make("Glimpse-ClutteredMNIST-v0").unwrapped
    env.reset(seed=11)
    observation, *_ = env.step({"location": LOOK, "action": 0})
    scene, retina = env.world.scenes[0, ..., 0], env.retina
    figure = Figure(figsize=(11, 5.2))
    axes = figure.add_axes((0, 0, 1, 1))

    box(axes, 0.2, 0.95, 2.7, 3.4, "World", "scene (H, W, C)\nkept inside, never observed", AMBER)
    picture(axes, scene, 0.6, 1.75, 1.9)
    unit = 1.9 / len(scene)
    for (left, top), size in zip(retina.corners(LOOK, *scene.shape), retina.sizes, strict=True):
        x0, y0 = max(0, left), max(0, top)
        width, height = min(60, left + size) - x0, min(60, top + size) - y0
        corner = (0.6 + x0 * unit, 3.65 - (y0 + height) * unit)
        axes.add_patch(Rectangle(corner, width * unit, height * unit, fill=False, ec="#56B4E9", lw=1.6, zorder=5))

    box(axes, 4.0, 0.95, 2.9, 3.4, "Retina", "K patches around one point,\neach wider and coarser", BLUE)
    for k, patch in enumerate(observation["glimpse"]):
        side = 0.82
        picture(axes, patch, 4.12 + k * 0.92, 2.35, side)
        axes.text(4.12 + k * 0.92 + side / 2, 2.22, f"{retina.sizes[k]} px", ha="center", va="top", fontsize=9, color="0.25")

    box(axes, 8.3, 0.95, 2.5, 3.4, "Agent", "any policy:\nyours, RAM, PPO, ...", GREEN)
    belief = np.random.default_rng(2).dirichlet(np.full(10, 0.3))
    for k, value in enumerate(np.sort(belief)[[0, 4, 1, 9, 3, 2, 8, 5, 6, 7]]):
        axes.add_patch(Rectangle((8.6 + k * 0.19, 2.35), 0.15, 0.05 + value, color=GREEN, alpha=0.75))
    axes.text(9.55, 2.28, "belief over the classes", ha="center", va="top", fontsize=9, color="0.25")

    arrow(axes, (2.9, 2.75), (4.0, 2.75), "scene", (3.42, 2.98))
    arrow(axes, (6.9, 2.75), (8.3, 2.75), "observation:\nglimpse (K*C, G, G)\nfixation (x, y)", (7.6, 3.25))
    axes.plot((9.55, 9.55), (0.95, 0.45), color="0.2", lw=1.8)
    axes.plot((9.55, 1.55), (0.45, 0.45), color="0.2", lw=1.8)
    arrow(axes, (1.55, 0.45), (1.55, 0.95), "action: the class named, or the move", (3.25, 0.45))
    arrow(axes, (5.45, 0.45), (5.45, 0.95), "location (x, y): where to look next", (7.4, 0.45))
    axes.plot((1.55, 1.55), (4.35, 4.75), color="0.2", lw=1.8)
    axes.plot((1.55, 9.55), (4.75, 4.75), color="0.2", lw=1.8)
    arrow(axes, (9.55, 4.75), (9.55, 4.35), "reward, and at the end: terminated;   info: label, correct", (5.55, 4.75))
    axes.set(xlim=(0, 11), ylim=(0.1, 5.0), aspect="auto")
    axes.set_axis_off()
    path = pathlib.Path(__file__).parent / "images" / "dataflow.png"
    figure.savefig(path, dpi=120, facecolor="white")
    print(path)


if __name__ == "__main__":
    main()
