"""The recurrent attention model (Mnih et al. 2014), trained against any Glimpse environment: ``python -m agents.ram``."""

import argparse
import csv
import dataclasses
import json
import math
import pathlib
import sys
import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor
from torch.distributions import Categorical
from tqdm import tqdm

import glimpse_env
from agents import checkpoints, figures, parallel, reinforce
from agents.config import PRESETS, Config
from agents.networks import RecurrentAttentionModel, Step
from agents.rollout import Episodes, Gaze, collect

_EVALUATION_BATCH = 500
_TILES = 12  # episodes in the figure of paths
_WARM_UP = 0.02  # of the training, for the learning rate


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


def make_envs(config: Config, num_envs: int, split: str, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    """Make the environments of a run, with autoreset disabled: whole episodes."""
    if config.num_glimpses is not None:
        arguments["num_glimpses"] = config.num_glimpses
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
    envs = make_envs(config, share, "train")
    model = make_model(config, make_envs(config, _EVALUATION_BATCH, "train"))
    optimizer = make_optimizer(model, config)
    folder = runs / config.run_name
    checkpoint = folder / "checkpoint.pt"
    first = 0
    if resume:
        saved = checkpoints.load(checkpoint)
        if saved["config"] != dataclasses.asdict(config):
            raise ValueError(f"{checkpoint} is of another config: give the same flags, or another --name.")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["update"]
    elif ranks.leads:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")

    def save(update: int) -> None:
        if ranks.leads:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            checkpoints.save(checkpoint, {"config": dataclasses.asdict(config), "update": update, **state})

    validation = make_envs(config, _EVALUATION_BATCH, "validation")
    metrics = Metrics(folder / "metrics.csv", first) if ranks.leads else None
    every = max(1, config.num_updates // config.num_validations)
    progress = tqdm(
        range(first, config.num_updates),
        initial=first,
        total=config.num_updates,
        desc=config.run_name,
        unit="batch",
        disable=not ranks.leads,
        dynamic_ncols=True,
    )
    finished = first
    try:
        for update in progress:
            row = train_step(model, optimizer, envs, config, update, ranks)
            finished = update + 1
            if metrics is None:
                continue
            metrics.add(row)
            if finished % every == 0 or finished == config.num_updates:
                error = evaluate(model, validation, config.looking)[-1]
                metrics.write(finished, finished * config.batch_size, error)
                save(finished)
            if update % 20 == 0:
                progress.set_postfix(metrics.summary())
    except KeyboardInterrupt:
        save(finished)
        if ranks.leads:
            print(f"\nStopped. {checkpoint} is saved; go on with the same flags and --resume.", file=sys.stderr)
        raise
    errors: dict[str, list[float]] = {}
    if ranks.leads:
        test = make_envs(config, _EVALUATION_BATCH, "test")
        errors = {looking: evaluate(model, test, looking) for looking in ("learned", "random", "center")}
        (folder / "results.json").write_text(json.dumps(errors, indent=2) + "\n")
        draw_paths(model, make_envs(config, _TILES, "test", render_mode="rgb_array"), folder / "paths.png")
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
    done = update / config.num_updates
    std = config.std_start + (config.std_end - config.std_start) * done
    warm = min(1.0, (done + 1 / config.num_updates) / _WARM_UP)
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))

    looking = "random" if done < config.blind else config.looking
    begin = config.seed * 2**40 + update * config.batch_size + ranks.rank * envs.num_envs
    noise = np.random.default_rng((config.seed, update))
    start = envs.reset(seed=begin)
    gaze = make_gaze(looking, noise, config.batch_size, ranks.part(config.batch_size), std)
    sample = None if config.hybrid else lambda logits: _sampled(logits, noise, config.batch_size, ranks)
    with torch.autocast(torch.device(config.device).type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        episodes = collect(envs, model, start, gaze, sample)
        parts = losses(model, episodes, config, std, looked=looking == "learned")
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
        gaze = make_gaze(looking, noise, envs.num_envs, slice(None), std=0.0)
        episodes = collect(envs, model, (observation, info), gaze)
        wrong = wrong + (episodes.logits.argmax(-1) != episodes.labels).cpu()[:, fresh].sum(1)
        total += int(fresh.sum())
    return [100 * count / total for count in wrong.tolist()]


@torch.no_grad()
def draw_paths(model: RecurrentAttentionModel, envs: VectorEnv[Any, Any, Any], path: pathlib.Path, seed: int = 0) -> None:
    """Draw where the agent looks on the first images of a split, an episode a tile; see `figures.save_tiles`."""
    observation, info, _ = next(glimpse_env.walk(envs, seed))
    gaze = make_gaze("learned", np.random.default_rng(seed), envs.num_envs, slice(None), std=0.0)
    episodes = collect(envs, model, (observation, info), gaze)
    frames: Any = envs.render()
    figures.save_tiles(frames, episodes.labels.tolist(), episodes.actions[-1].tolist(), path)


def make_gaze(looking: str, noise: np.random.Generator, batch_size: int, part: slice, std: float) -> Gaze:
    """Choose locations: "learned", with Gaussian noise of this std around the mean, "random" or "center".

    The noise is drawn for the whole batch, of which this process plays a part, so that it does not depend on how many share it.
    """

    def gaze(glimpse: int, step: Step) -> Tensor:
        if looking == "center":
            return torch.zeros_like(step.mean)
        if looking == "random":
            return torch.from_numpy(noise.uniform(-1, 1, (batch_size, 2))[part]).to(step.mean)
        return step.mean + std * torch.from_numpy(noise.standard_normal((batch_size, 2))[part]).to(step.mean)

    return gaze


class Metrics:
    """The running averages of a training, and their file: one row a validation."""

    def __init__(self, path: pathlib.Path, first_update: int) -> None:
        """Open a new file, or keep an older one's rows up to the update from which it goes on."""
        self._path = path
        self._sums: dict[str, float] = {}
        self._count = 0
        self._recent = math.nan
        self._validation = math.nan
        self._start = time.perf_counter()
        self._rows: list[dict[str, Any]] = []
        if first_update and path.exists():
            with open(path, newline="") as file:
                self._rows = [row for row in csv.DictReader(file) if int(row["update"]) <= first_update]

    def add(self, row: dict[str, float]) -> None:
        """Take in the figures of one update."""
        for name, value in row.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        self._recent = row["error"] if math.isnan(self._recent) else 0.98 * self._recent + 0.02 * row["error"]

    def write(self, update: int, episodes: int, validation_error: float) -> None:
        """Write the averages since the last row, and the validation error after this update."""
        self._validation = validation_error
        seconds = time.perf_counter() - self._start
        means = {name: total / self._count for name, total in self._sums.items()}
        row = {"update": update, "episodes": episodes, "validation_error": validation_error, **means}
        self._rows.append({**row, "seconds": round(seconds, 1)})
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with open(self._path, "w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)
        self._sums, self._count = {}, 0

    def summary(self) -> dict[str, str]:
        """What the progress bar shows."""
        return {"error": f"{self._recent:.2f} %", "validation": f"{self._validation:.2f} %"}


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
    own, rest = parser.parse_known_args(arguments)
    note = "--preset {best,paper}: where the defaults come from. --resume: go on from the run's checkpoint."
    config = tyro.cli(Config, default=PRESETS[own.preset], args=rest, prog="python -m agents.ram", description=note)
    try:
        result = train(config, own.resume)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(f"agents.ram: {error}") from error
    if result.errors:
        T = len(result.errors["learned"])
        print(f"Test error in percent of {config.env_id} after each glimpse, by the same network:\n")
        print(table(result.errors))
        print(f"\n{result.folder}/paths.png shows where it looks.")
        print(f"test error after {T} glimpses: {result.errors[config.looking][-1]:.2f} %")


if __name__ == "__main__":
    main()
