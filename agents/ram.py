"""The recurrent attention model (Mnih et al. 2014), trained against any Glimpse environment: ``python -m agents.ram``."""

import argparse
import dataclasses
import json
import pathlib
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor
from torch.distributions import Categorical

import glimpse_env
from agents import figures, parallel, reinforce, training
from agents.config import PRESETS, Config, TrainingConfig, preset
from agents.networks import RecurrentAttentionModel, Step
from agents.rollout import Episodes, Gaze, collect

EVALUATION_BATCH = 500
_TILES = 12  # episodes in the figure of paths


@dataclasses.dataclass(frozen=True)
class Result:
    """What a training run ends with.

    Attributes:
        model: the trained agent.
        folder: of the run, under runs/.
        errors: way of looking -> (T,) test error in percent after each glimpse, all by the trained network.
    """

    model: RecurrentAttentionModel
    folder: pathlib.Path
    errors: dict[str, list[float]]


def make_envs(config: TrainingConfig, num_envs: int, split: str, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Make the environments of a run, with autoreset disabled: whole episodes."""
    arguments = {**config.env_arguments, **arguments}
    return gym.make_vec(config.env_id, num_envs=num_envs, split=split, autoreset_mode=AutoresetMode.DISABLED, **arguments)


def make_model(config: Config, envs: VectorEnv[Any, Any, Any]) -> RecurrentAttentionModel:
    """Make a new agent for the spaces of these environments, its input scaled to what they show."""
    torch.manual_seed(config.seed)
    model = RecurrentAttentionModel(
        envs.single_observation_space["glimpse"].shape,  # type: ignore[index]
        int(envs.single_action_space["action"].n),  # type: ignore[index]
        glimpse_network=config.glimpse_network,
        core=config.core,
        hidden_size=config.hidden_size,
        size=config.size,
        location_stream=config.location_stream,
        stop_gradient=config.hybrid,
        sequence=_num_glimpses(config) if config.looking == "fixed" else 0,
    )
    observation, _ = envs.reset(seed=config.seed)
    model.standardise.fit(torch.from_numpy(observation["glimpse"]))
    return model.to(config.device)


def losses(model: RecurrentAttentionModel, episodes: Episodes, config: Config, std: float, looked: bool) -> dict[str, Tensor]:
    """The parts of the loss, whose sum is minimised.

    Args:
        model: the agent that played them.
        episodes: with their graph.
        config: which rules.
        std: of the location policy that drew the locations.
        looked: whether it drew them; otherwise they were given and teach the location network nothing.

    Returns:
        Scalars: ``action``, and if it looked ``location`` and ``baseline``.
    """
    class_losses = reinforce.class_losses(episodes.logits, episodes.labels)
    scored = slice(None) if config.scored == "every" else slice(-1, None)
    # Reward t is what step t earned: the look after glimpse t earns from glimpse t + 1 on.
    rewards = -class_losses.detach() if config.credit == "log_prob" else episodes.rewards
    returns = reinforce.discounted_returns(rewards, config.gamma)
    baselines = model.baseline(episodes.features).float()
    parts = {}
    if config.hybrid:
        parts["action"] = class_losses[scored].mean()
    else:
        log_probs = Categorical(logits=episodes.logits[scored]).log_prob(episodes.actions[scored])  # type: ignore[no-untyped-call]
        advantages = reinforce.advantages(returns[scored], baselines[scored])
        parts["action"] = reinforce.policy_gradient_loss(log_probs, advantages)
    if looked and len(episodes.means):
        log_probs = reinforce.gaussian_log_prob(episodes.locations, episodes.means, std)
        advantages = reinforce.advantages(returns[1:], baselines[:-1])
        outside = (episodes.means.abs() - 1).clamp(min=0).square().sum(-1).mean()
        parts["location"] = reinforce.policy_gradient_loss(log_probs, advantages) + outside
    if looked or not config.hybrid:
        parts["baseline"] = reinforce.baseline_loss(baselines[:-1], returns[1:])
    return parts


def train(config: Config, resume: bool = False, runs: pathlib.Path = pathlib.Path("runs")) -> Result:
    """Train an agent, then evaluate it on the test split.

    Writes into runs/<name>/: ``config.json``, ``metrics.csv``, ``checkpoint.pt``, ``paths.png``, ``results.json``.

    Args:
        config: the run.
        resume: go on from the run's checkpoint; the rest comes out as if it had never stopped.
        runs: the folder of all runs.

    Raises:
        FileNotFoundError: nothing to resume.
        ValueError: the checkpoint is damaged, or of another config.
        KeyboardInterrupt: after a checkpoint was saved.
    """
    torch.set_num_threads(config.num_threads)
    ranks = parallel.Ranks(config.device)
    if config.batch_size % ranks.size:
        raise ValueError(f"batch_size={config.batch_size} must be a multiple of the {ranks.size} processes.")
    share = config.batch_size // ranks.size
    envs = make_envs(config, share, config.split)
    model = make_model(config, make_envs(config, EVALUATION_BATCH, config.split))
    optimizer = make_optimizer(model, config)
    folder = runs / config.run_name
    validation = make_envs(config, EVALUATION_BATCH, "validation")
    training.fit(
        config,
        folder,
        model,
        optimizer,
        step=lambda update: train_step(model, optimizer, envs, config, update, ranks),
        validate=lambda: evaluate(model, validation, config.looking)[-1],
        ranks=ranks,
        resume=resume,
    )
    errors: dict[str, list[float]] = {}
    if ranks.leads:
        final = make_envs(config, EVALUATION_BATCH, config.evaluated_on)
        ways = dict.fromkeys((config.looking, "random", "center"))
        errors = {looking: evaluate(model, final, looking) for looking in ways}
        (folder / "results.json").write_text(json.dumps(errors, indent=2) + "\n")
        draw_paths(
            model, make_envs(config, _TILES, config.evaluated_on, render_mode="rgb_array"), config.looking, folder / "paths.png"
        )
    ranks.close()
    return Result(model, folder, errors)


def train_step(
    model: RecurrentAttentionModel,
    optimizer: torch.optim.Optimizer,
    envs: VectorEnv[Any, Any, Any],
    config: Config,
    update: int,
    ranks: parallel.Ranks,
) -> dict[str, float]:
    """Play a batch and learn from it. All randomness comes from (config.seed, update), so any update can be made anew."""
    training.anneal(optimizer, config, update)
    done = update / config.num_updates
    std = config.std_start + (config.std_end - config.std_start) * done
    looking = "random" if done < config.blind else config.looking
    noise = np.random.default_rng((config.seed, update))
    start = envs.reset(seed=config.first_seed(update) + ranks.rank * envs.num_envs)
    gaze = make_gaze(model, looking, noise, config.batch_size, ranks.part(config.batch_size), std)
    sample = None if config.hybrid else lambda logits: _sampled(logits, noise, config.batch_size, ranks)
    with torch.autocast(torch.device(config.device).type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        episodes = collect(envs, model, start, gaze, sample)
        parts = losses(model, episodes, config, std, looked=looking in ("learned", "fixed"))
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    ranks.average_gradients(model)
    for group in optimizer.param_groups:
        torch.nn.utils.clip_grad_norm_(group["params"], config.clip)
    optimizer.step()
    error = (episodes.logits[-1].argmax(-1) != episodes.labels).float().mean()
    return {"error": 100 * error.item(), "std": std, **{name: part.item() for name, part in parts.items()}}


@torch.no_grad()
def evaluate(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, seed: int = 0) -> list[float]:
    """Measure each image of the environments' split once, the mean location looked at, one rollout an image, in float32.

    Args:
        model: the agent.
        envs: with autoreset disabled.
        looking: "learned": the mean of the location policy; "random" or "center": the same network, led elsewhere.
        seed: of the scenes; image j's is seed + j, however many environments there are.

    Returns:
        (T,) error in percent after each glimpse.
    """
    wrong, total = torch.zeros(()), 0
    noise = np.random.default_rng(seed)
    for observation, info, fresh in glimpse_env.walk(envs, seed):
        gaze = make_gaze(model, looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        wrong = wrong + (episodes.logits.argmax(-1) != episodes.labels).cpu()[:, fresh].sum(1)
        total += int(fresh.sum())
    return [100 * count / total for count in wrong.tolist()]


@torch.no_grad()
def draw_paths(
    model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], looking: str, path: pathlib.Path, seed: int = 0
) -> None:
    """Draw where the agent looks on the first images of a split, an episode a tile; see `figures.save_tiles`."""
    observation, info, _ = next(glimpse_env.walk(envs, seed))
    gaze = make_gaze(model, looking, np.random.default_rng(seed), envs.num_envs, slice(None), std=0.0)
    episodes = collect(envs, model, (observation, info), gaze)
    frames: Any = envs.render()
    figures.save_tiles(frames, episodes.labels.tolist(), episodes.actions[-1].tolist(), path)


def make_gaze(
    model: RecurrentAttentionModel, looking: str, noise: np.random.Generator, batch_size: int, part: slice, std: float
) -> Gaze:
    """Choose locations: "learned" or "fixed", with Gaussian noise of this std around the mean, "random" or "center".

    The noise is drawn for the whole batch, of which this process plays a part, so that it does not depend on how many share it.
    """

    def gaze(glimpse: int, step: Step) -> tuple[Tensor, Tensor]:
        mean = step.mean
        if looking == "center":
            return mean, torch.zeros_like(mean)
        if looking == "random":
            return mean, torch.from_numpy(noise.uniform(-1, 1, (batch_size, 2))[part]).to(mean)
        if looking == "fixed":
            mean = model.location_sequence[glimpse].expand_as(mean)
        return mean, mean + std * torch.from_numpy(noise.standard_normal((batch_size, 2))[part]).to(mean)

    return gaze


def _num_glimpses(config: Config) -> int:
    """T of the run's episodes."""
    return config.num_glimpses or int(gym.spec(config.env_id).kwargs["num_glimpses"])


def _sampled(logits: Tensor, noise: np.random.Generator, batch_size: int, ranks: parallel.Ranks) -> Tensor:
    """Draw an action (B,) from logits (B, n), by the Gumbel trick."""
    gumbel = noise.gumbel(size=(batch_size, logits.shape[1]))[ranks.part(batch_size)]
    return (logits.detach() + torch.from_numpy(gumbel).to(logits)).argmax(-1)


def make_optimizer(model: RecurrentAttentionModel, config: Config) -> torch.optim.Optimizer:
    """Make AdamW, the parameters that only REINFORCE trains in a group of their own."""
    looks = [p for name, p in model.named_parameters() if name.startswith("location")]
    reads = [p for name, p in model.named_parameters() if not name.startswith("location")]
    groups = [{"params": reads}, {"params": looks}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def table(errors: dict[str, list[float]]) -> str:
    """Error after each glimpse, a row for each way of looking, in Markdown."""
    T = len(next(iter(errors.values())))
    lines = ["| fixations | " + " | ".join(str(t + 1) for t in range(T)) + " |", "|---" * (T + 1) + "|"]
    for looking, values in errors.items():
        lines.append(f"| {looking} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Train as the flags say."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", choices=PRESETS, default="best")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--env-id", default=Config.env_id)
    own, rest = parser.parse_known_args(arguments)
    note = "--preset {best,paper}: where the defaults come from. --resume: go on from the run's checkpoint."
    default = preset(own.preset, own.env_id)
    config = tyro.cli(Config, default=default, args=rest, prog="python -m agents.ram", description=note)
    with training.plain_errors("agents.ram"):
        result = train(config, own.resume)
    if result.errors:
        T = len(result.errors[config.looking])
        print(f"{config.evaluated_on.title()} error in percent of {config.env_id} after each glimpse, by the same network:\n")
        print(table(result.errors))
        print(f"\n{result.folder}/paths.png shows where it looks.")
        print(f"{config.evaluated_on} error after {T} glimpses: {result.errors[config.looking][-1]:.2f} %")


if __name__ == "__main__":
    main()
