"""Games where looking might matter: ``python -m benchmarks.games [--frames 2000000] [--seeds 0 1]``.

MinAtar's Breakout and Freeway through a retina of one patch of 4x4 cells of the 10x10 screen (extra "minatar"). The preset
"game", with more entropy, is trained four ways: with learned, random and central looks, and with a retina that covers the
screen. Every episode has `LENGTH` frames, in which a lost game begins anew, so that all trainings of a budget see equally many
frames; the score is the points in an episode. Rows that are in the file of results already are not made again; a run that was
stopped goes on.
"""

import argparse
import dataclasses
import pathlib
import statistics
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from agents import checkpoints, ram, training
from agents.config import Config
from agents.presets import preset
from benchmarks import rows
from benchmarks.machine import machine, table
from glimpse_env.extras import needed
from glimpse_env.wrappers import GlimpseWrapper

GAMES = ("Breakout", "Freeway")
WAYS: dict[str, dict[str, Any]] = {
    "learned": {},
    "random": {"looking": "random"},
    "center": {"looking": "center", "env": {"initial_fixation": "center"}},
    "full view": {"looking": "center", "env": {"initial_fixation": "center", "patch_size": 10}},
}
LENGTH = 128  # frames of an episode
_ENTROPY = 0.05  # with the preset's 0.01 the policy soon makes one move, and stays there


class Screen(gym.Wrapper[Any, Any, Any, Any]):
    """A MinAtar game as an image, (10, 10, C) uint8 in {0, 255}; a lost game begins anew within the episode."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(0, 255, env.observation_space.shape, np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a game; MinAtar takes 32 bits of a seed, so the higher ones are folded into them."""
        folded = None if seed is None else (seed ^ seed >> 32) % 2**32
        state, info = self.env.reset(seed=folded, options=options)
        return _image(state), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play a frame."""
        state, reward, lost, truncated, info = self.env.step(action)
        if lost:
            state, info = self.env.reset()
        return _image(state), reward, False, truncated, info


def make(game: str, **arguments: Any) -> GlimpseWrapper:
    """A game through a retina; see `GlimpseWrapper` for the arguments."""
    env = needed("minatar.gym", "minatar", game).BaseEnv(game.lower(), use_minimal_action_set=True)
    return GlimpseWrapper(Screen(env), **arguments)


for _game in GAMES:
    gym.register(f"Glimpsed/{_game}-v0", entry_point=make, kwargs={"game": _game, "patch_size": 4, "num_scales": 1})  # type: ignore[arg-type]


def config_of(game: str, way: str, seed: int, frames: int) -> Config:
    """The training of a game with a way of looking, for a budget of frames."""
    start = dataclasses.replace(preset("game", f"Glimpsed/{game}-v0"), seed=seed, max_steps=LENGTH, entropy_coef=_ENTROPY)
    name = f"{game}-{way.replace(' ', '-')}-{frames}-{seed}"
    config = dataclasses.replace(start, name=name, **WAYS[way])
    return dataclasses.replace(config, num_episodes=frames // LENGTH, num_validations=4, num_test_episodes=128)


def show(found: list[rows.Row]) -> None:
    """Print the table: a row a way of looking, a column a game; the mean and each seed's score."""

    def cell(game: str, way: str) -> str:
        scores = [row["score"] for row in found if (row["game"], row["way"]) == (game, way)]
        each = ", ".join(f"{score:.2f}" for score in scores)
        return f"{statistics.fmean(scores):.2f} ({each})" if scores else ""

    print(f"Points in {LENGTH} frames after {found[0]['frames']:,} frames of training: {machine()}\n")
    table(("looks", *GAMES), [(way, *(cell(game, way) for game in GAMES)) for way in WAYS])


def _image(state: Any) -> Any:
    return 255 * state.astype(np.uint8)


def main(arguments: list[str] | None = None) -> None:
    """Make the rows that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="+", default=GAMES, choices=GAMES)
    parser.add_argument("--ways", nargs="+", default=tuple(WAYS), choices=tuple(WAYS), help="of looking")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1), help="of the trainings")
    parser.add_argument("--frames", type=int, default=2_000_000, help="of each training")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs"), help="the folder of runs and results")
    flags = parser.parse_args(arguments)
    with training.plain_errors("benchmarks.games"):

        def score(**key: Any) -> rows.Row:
            config = config_of(**key)
            result = ram.train(config, resume=checkpoints.exist(flags.runs / config.run_name), runs=flags.runs)
            return {"score": result.scores[config.looking][0]}

        keys = (
            {"game": game, "way": way, "seed": seed, "frames": flags.frames}
            for seed in flags.seeds
            for game in flags.games
            for way in flags.ways
        )
        found = rows.complete(flags.runs / "games.json", keys, score)
        show([row for row in found if row["frames"] == flags.frames])


if __name__ == "__main__":
    main()
