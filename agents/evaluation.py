"""Evaluation by greedy rollouts: the mean location and the most likely action at each step.

If the task has images, each image of the split is shown once; otherwise the config gives the number of episodes. The score is
the error if the task has a right answer, else the mean return. With several answers, an episode is wrong if any answer is.
"""

import dataclasses

import numpy as np
import torch

from agents.config import Config
from agents.environments import Envs, evaluation_envs, is_native, task, whole_arguments
from agents.episodes import Episodes, joined
from agents.heads import Step
from agents.networks import RecurrentAttentionModel
from agents.policy import Policy
from agents.rollout import greedy
from glimpse_env.datasets import Dataset
from glimpse_env.scanpaths import RecordScanpaths, Scanpaths
from glimpse_env.worlds import Task


def scores(episodes: Episodes, asked: Task) -> torch.Tensor:
    """The score of each episode: (T, B), the error in percent after each glimpse, or (1, B), the return.

    The return is in percent of the best return, if that is known.
    """
    if asked.measure == "error":
        return 100 * episodes.wrong.double()
    unit = 100 / asked.best if asked.best else 1.0
    return unit * episodes.rewards.double().sum(0, keepdim=True)


def evaluate(
    policy: Policy, envs: Envs, split: str, seed: int = 0, num_episodes: int = 10_000, progress: str = ""
) -> list[float]:
    """Measure a policy on each image of a split, with one rollout each, in float32.

    Args:
        policy: the agent.
        envs: the result of `environments.evaluation_envs`.
        split: the split of the environments.
        seed: the seed of the scenes, see `rollout.greedy`.
        num_episodes: the number of episodes if the task has no images.
        progress: see `rollout.greedy`.

    Returns:
        (T,), the error in percent after each glimpse, or (1,), the mean return.
    """
    batches = greedy(envs, policy, split, seed, num_episodes, progress=progress)
    parts = [scores(episodes, task(envs)).cpu()[:, fresh] for episodes, fresh in batches]
    means: list[float] = joined(parts).mean(1).tolist()
    return means


@dataclasses.dataclass(frozen=True)
class Report:
    """An agent measured in each way of looking.

    Attributes:
        scores: way of looking -> the result of `evaluate`. The first way is the agent's own, from a random first fixation, as
            in the paper. "center first" is the same from a central first fixation, in native environments. "random" and
            "center" use the same networks with other looks.
        env_id: the id of the task.
        task: the task.
        split: the split of the images.
        count: the number of episodes.
    """

    scores: dict[str, list[float]]
    env_id: str
    task: Task
    split: str
    count: int

    def __str__(self) -> str:
        """A table, and the main figure in the last line."""
        own = next(iter(self.scores.values()))
        what, of = self.task.measure, f"{self.count:,} {'images' if self.task.num_images else 'episodes'}"
        if what == "error":
            head = f"{self.split.title()} error in percent of {self.env_id} after each glimpse, {of}, by the same networks:"
            return f"{head}\n\n{table(self.scores)}\n\n{self.split} error after {len(own)} glimpses: {own[-1]:.2f} %"
        head = f"{self.env_id}, {self.split}, {of}: {what}, by the same networks:"
        rows = "\n".join(f"{way:>12}: {value:.2f}" for way, (value,) in self.scores.items())
        return f"{head}\n\n{rows}\n\n{what.removesuffix(', %')}: {own[0]:.2f}{' %' if what.endswith('%') else ''}"


def report(model: RecurrentAttentionModel, config: Config, split: str, seed: int = 0, progress: bool = True) -> Report:
    """Measure an agent on all images of a split, in each way of looking."""
    envs = evaluation_envs(config, split)

    def measured(looking: str, envs: Envs) -> list[float]:
        policy = Policy(model, envs.single_action_space, looking)
        return evaluate(policy, envs, split, seed, config.num_test_episodes, looking if progress else "")

    ways: list[str] = list(dict.fromkeys((config.looking, "random", "center")))
    found = {looking: measured(looking, envs) for looking in ways}
    if is_native(config.env_id):
        found["center first"] = measured(config.looking, evaluation_envs(config, split, initial_fixation="center"))
    asked = task(envs)
    return Report(found, config.env_id, asked, split, asked.num_images or config.num_test_episodes)


def asks_for_a_class(config: Config) -> bool:
    """Whether a run's environments are native ones that ask for the class of an image."""
    return is_native(config.env_id) and whole_arguments(config).get("world", "classification") == "classification"


def beliefs(model: RecurrentAttentionModel, config: Config, images: Dataset) -> torch.Tensor:
    """What an agent believes of other images than those of its splits, at the end of an episode on each.

    Args:
        model: the agent.
        config: the config that trained it.
        images: N images of the size, colors and n classes of its own; their labels are not read.

    Returns:
        (N, n), the probability of each class.

    Raises:
        ValueError: its environments do not ask for the class of an image.
    """
    if not asks_for_a_class(config):
        raise ValueError(f"{config.env_id} does not ask for the class of an image.")
    envs = evaluation_envs(config, None, dataset=images, image_size=None)
    policy = Policy(model, envs.single_action_space, config.looking)
    played = greedy(envs, policy, "test")
    last = [(episodes.logits * episodes.ends[..., None]).sum(0)[fresh] for episodes, fresh in played]
    return torch.cat(last)[:, : images.num_classes].float().softmax(-1).cpu()


def scanpaths(model: RecurrentAttentionModel, config: Config, split: str, seed: int = 0) -> Scanpaths:
    """Record the fixations of an agent on all images of a split, with its beliefs.

    Raises:
        ValueError: the environment is not a native one.
    """
    if not is_native(config.env_id):
        raise ValueError(f"{config.env_id} is not a native environment: record it with a wrapper of your own.")
    envs = RecordScanpaths(evaluation_envs(config, split), autoreset=False)
    policy = Policy(model, envs.single_action_space, config.looking)

    def seen(step: Step) -> None:
        envs.believe(step.logits.float().softmax(-1).cpu())

    played = greedy(envs, policy, split, seed, config.num_test_episodes, watched=seen, progress="fixations")
    fresh = [fresh for _, fresh in played]
    return envs.scanpaths(np.concatenate(fresh))


def table(errors: dict[str, list[float]]) -> str:
    """A Markdown table of the error after each glimpse, with a row for each way of looking."""
    T = len(next(iter(errors.values())))
    lines = ["| fixations | " + " | ".join(str(t + 1) for t in range(T)) + " |", "|---" * (T + 1) + "|"]
    for looking, values in errors.items():
        lines.append(f"| {looking} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(lines)
