"""Where a trained agent looks, and its error in scenes unlike those of its training: ``python -m benchmarks.looks``.

Prints two tables. The first has the distance of each fixation from the digit's center, the share of fixations on the digit, and
the information that each glimpse adds. The second has the test error with more or less clutter and in larger scenes, without
retraining, beside the paper's conv net, which is trained first (twenty minutes) unless runs/ has it.
"""

import argparse
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv, VectorWrapper

from agents import baselines, checkpoints, environments, evaluation, training, weights
from agents.config import Config
from agents.networks import RecurrentAttentionModel
from agents.policy import Policy
from agents.reinforce import class_losses
from agents.rollout import greedy
from benchmarks import reproduce
from benchmarks.machine import table
from glimpse_env.worlds.classification import ClassificationWorld

CLUTTER = (0, 4, 8, 16)
SIZES = (80, 100, 200)


class SameScale(VectorWrapper):  # type: ignore[type-arg]
    """Scales locations to larger scenes: their unit stays half the scene of the training.

    Args:
        envs: environments with larger scenes.
        ratio: the size of the scenes relative to those of the training.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any], ratio: float) -> None:
        super().__init__(envs)
        self.ratio = np.float32(ratio)

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin episodes."""
        observation, info = self.env.reset(**arguments)
        return self._seen(observation), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take a step, with the location scaled."""
        location = np.clip(actions["location"] / self.ratio, -1, 1)
        observation, *rest = self.env.step({**actions, "location": location})
        return self._seen(observation), *rest

    def _seen(self, observation: dict[str, Any]) -> dict[str, Any]:
        return {**observation, "fixation": observation["fixation"] * self.ratio}


def looks(model: RecurrentAttentionModel, config: Config, looking: str, split: str) -> list[list[str]]:
    """Rows of the distance, the share on the digit, and the bits gained, with a column for each glimpse."""
    envs = environments.evaluation_envs(config, split)
    policy = Policy(model, envs.single_action_space, looking)
    world: Any = envs.unwrapped.world  # type: ignore[attr-defined]
    if not isinstance(world, ClassificationWorld):
        raise ValueError(f"{config.env_id} does not ask for the class of one image: name another agent.")
    half = np.array(world.dataset.shape[1::-1]) / 2
    size = np.array(world.scenes.shape[2:0:-1])
    distances, shares, losses = [], [], []
    for episodes, fresh in greedy(envs, policy, split):
        points = (episodes.fixations.numpy() + 1) / 2 * size - (world.places + half)  # (T, B, 2) pixels from the digit's center
        distances.append(np.linalg.norm(points, axis=-1)[:, fresh])
        shares.append((np.abs(points) < half).all(-1)[:, fresh])
        assert episodes.labels is not None
        losses.append(class_losses(episodes.logits, episodes.labels).numpy()[:, fresh])
    distance, share, loss = (np.concatenate(parts, axis=1).mean(1) for parts in (distances, shares, losses))
    gained = -np.diff(loss, prepend=np.log(world.dataset.num_classes)) / np.log(2)
    return [
        [f"{looking}: pixels from the digit's center", *(f"{value:.1f}" for value in distance)],
        [f"{looking}: fixations within the digit's box, %", *(f"{100 * value:.0f}" for value in share)],
        [f"{looking}: bits gained", *(f"{value:.2f}" for value in gained)],
    ]


def conv_error(id: str, **arguments: Any) -> float:
    """The error of the paper's conv net, trained as in the results table, in percent."""
    config = reproduce.config_of(id, "conv net on the whole scene", 0)
    folder = reproduce.train(config)  # results/ has no weights
    envs = environments.evaluation_envs(config, "test", **arguments)
    network = baselines.network_for(envs, "conv")
    network.load_state_dict(checkpoints.load(folder)["model"])
    return baselines.evaluate(network, envs, "test")


def error(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any]) -> float:
    """The agent's error in percent, after the last glimpse."""
    return evaluation.evaluate(Policy(model, envs.single_action_space), envs, "test")[-1]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="Glimpse-ClutteredMNIST-v0", help="an id, the folder of a run, or a file")
    arguments = parser.parse_args()
    with training.plain_errors("benchmarks.looks"):
        measure(*weights.load(arguments.weights))


def measure(model: RecurrentAttentionModel, config: Config) -> None:
    """Print the tables of an agent."""
    torch.set_num_threads(1)
    T = environments.task_of(config.env_id, **config.env_arguments).num_glimpses
    assert T is not None
    rows = [row for looking in ("learned", "random") for row in looks(model, config, looking, "test")]
    print(f"{config.env_id}, the test split:\n")
    table(["after glimpse", *map(str, range(1, T + 1))], rows)

    errors = []
    for pieces in CLUTTER:
        envs = environments.evaluation_envs(config, "test", num_clutter=pieces)
        theirs = conv_error(config.env_id, num_clutter=pieces)
        errors.append([f"{pieces} pieces of clutter", f"{error(model, envs):.2f}", f"{theirs:.2f}"])
    side = environments.make_envs(config, 1, "test").unwrapped.scene_shape[0]  # type: ignore[attr-defined]
    for size in (size for size in SIZES if size > side):
        envs = SameScale(environments.evaluation_envs(config, "test", scene_size=size), size / side)
        errors.append([f"scenes of {size}x{size}", f"{error(model, envs):.2f}", "cannot run"])
    print("Test error in percent without retraining:\n")
    table(["", "RAM", "conv net on the whole scene"], errors)


if __name__ == "__main__":
    main()
