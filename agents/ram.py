"""The recurrent attention model (Mnih et al. 2014), trained against any Glimpse environment: ``python -m agents.ram``."""

import argparse
import dataclasses
import json
import pathlib
import sys
from typing import Any

import numpy as np
import torch
import tyro
from gymnasium.vector import VectorEnv
from torch import Tensor
from torch.distributions import Categorical

from agents import build, evaluation, gallery, parallel, reinforce, training, watch
from agents.config import PRESETS, Config, preset
from agents.networks import RecurrentAttentionModel
from agents.rollout import Episodes, collect, make_gaze

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


def losses(model: RecurrentAttentionModel, episodes: Episodes, config: Config, std: float, looked: bool) -> dict[str, Tensor]:
    """The parts of the loss, whose sum is minimised.

    Args:
        model: the agent that played them.
        episodes: with their graph.
        config: which rules.
        std: of the location policy that drew the locations.
        looked: whether it drew them; otherwise they were given and teach the location network nothing.

    Returns:
        Scalars: ``action``; ``location`` if it looked; ``baseline``, from whose b_t a later return is predicted, if it is read;
        ``entropy`` without hybrid.
    """
    scored = slice(None) if config.scored == "every" else slice(-1, None)
    # Reward t is what step t earned: the look after glimpse t earns from glimpse t + 1 on.
    rewards, parts = episodes.rewards, {}
    if config.hybrid or config.credit == "log_prob":
        assert episodes.labels is not None, "a world without labels"
        class_losses = reinforce.class_losses(episodes.logits, episodes.labels)
        if config.hybrid:
            parts["action"] = class_losses[scored].mean()
        if config.credit == "log_prob":
            rewards = -class_losses.detach()
    baselines = model.baseline(episodes.features).float()
    returns = reinforce.lambda_returns(rewards, baselines, config.gamma, config.trace)
    if not config.hybrid:
        policy = Categorical(logits=episodes.logits[scored])  # type: ignore[no-untyped-call]
        log_probs = policy.log_prob(episodes.actions[scored])  # type: ignore[no-untyped-call]
        advantages = reinforce.advantages(returns[scored], baselines[scored])
        parts["action"] = reinforce.policy_gradient_loss(log_probs, advantages)
        parts["entropy"] = -config.entropy * policy.entropy().mean()  # type: ignore[no-untyped-call]
        parts["baseline"] = reinforce.baseline_loss(baselines, returns)
    elif looked:
        parts["baseline"] = reinforce.baseline_loss(baselines[:-1], returns[1:])
    if looked and len(episodes.means):
        log_probs = reinforce.gaussian_log_prob(episodes.locations, episodes.means, std)
        advantages = reinforce.advantages(returns[1:], baselines[:-1])
        outside = (episodes.means.abs() - 1).clamp(min=0).square().sum(-1).mean()
        parts["location"] = reinforce.policy_gradient_loss(log_probs, advantages) + outside
    return parts


def train(config: Config, resume: bool = False, runs: pathlib.Path = pathlib.Path("runs"), tensorboard: bool = False) -> Result:
    """Train an agent, then evaluate it on the test split.

    Writes into runs/<name>/: ``config.json``, ``metrics.csv``, ``checkpoint.pt``, ``results.json``, and the figures
    ``paths.png``, ``curve.png``, ``fixations.png``, ``confusion.png``.

    Args:
        config: the run.
        resume: go on from the run's checkpoint; the rest comes out as if it had never stopped.
        runs: the folder of all runs.
        tensorboard: write scalars for TensorBoard as well.

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
    envs = build.make_envs(config, share, config.split, **config.variation)
    model = build.make_model(config, build.make_envs(config, evaluation.BATCH, config.split))
    optimizer = build.make_optimizer(model, config)
    folder = runs / config.run_name
    validation = build.make_envs(config, evaluation.BATCH, "validation")
    training.fit(
        config,
        folder,
        model,
        optimizer,
        step=lambda update: train_step(model, optimizer, envs, config, update, ranks),
        validate=lambda: evaluation.evaluate(model, validation, config.looking)[-1],
        measure="error" if envs.unwrapped.world.num_images else "return",  # type: ignore[attr-defined]
        ranks=ranks,
        resume=resume,
        tensorboard=tensorboard,
    )
    errors: dict[str, list[float]] = {}
    if ranks.leads:
        errors = evaluation.report(model, config, config.evaluated_on)
        (folder / "results.json").write_text(json.dumps(errors, indent=2) + "\n")
        evaluation.draw_paths(
            model,
            build.make_envs(config, _TILES, config.evaluated_on, render_mode="rgb_array"),
            config.looking,
            folder / "paths.png",
        )
        seen = build.make_envs(config, evaluation.BATCH, config.evaluated_on)
        gallery.draw(model, seen, config.looking, folder, config.env_id)
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
    figures = {"return": episodes.rewards.sum(0).mean().item(), "std": std}
    if episodes.labels is not None:
        figures["error"] = 100 * (episodes.logits[-1].argmax(-1) != episodes.labels).float().mean().item()
    return {**figures, **{name: part.item() for name, part in parts.items()}}


def _sampled(logits: Tensor, noise: np.random.Generator, batch_size: int, ranks: parallel.Ranks) -> Tensor:
    """Draw an action (B,) from logits (B, n), by the Gumbel trick."""
    gumbel = noise.gumbel(size=(batch_size, logits.shape[1]))[ranks.part(batch_size)]
    return (logits.detach() + torch.from_numpy(gumbel).to(logits)).argmax(-1)


def main(arguments: list[str] | None = None) -> None:
    """Train as the flags say, or ``evaluate``, or ``watch``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    others = {"evaluate": evaluation.main, "watch": watch.main}
    if arguments and arguments[0] in others:
        others[arguments[0]](arguments[1:])
        return
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", choices=PRESETS, default="best")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--tensorboard", action="store_true")
    parser.add_argument("--env-id", default=Config.env_id)
    own, rest = parser.parse_known_args(arguments)
    note = "--preset {best,paper}: where the defaults come from. --resume: go on from the run's checkpoint. "
    note += "--tensorboard: write scalars for it as well."
    default = preset(own.preset, own.env_id)
    config = tyro.cli(Config, default=default, args=rest, prog="python -m agents.ram", description=note)
    with training.plain_errors("agents.ram"):
        result = train(config, own.resume, tensorboard=own.tensorboard)
    if result.errors:
        print(f"{result.folder}/paths.png shows where it looks.\n")
        evaluation.print_report(result.errors, config, config.evaluated_on)


if __name__ == "__main__":
    main()
