"""The recurrent attention model (Mnih et al. 2014), trained against any environment with a gaze: ``python -m agents.ram``.

An episode that is truncated, by its environment or after ``max_steps``, counts as if it had gone on: its last reward is
followed by the baseline of the observation behind it. Each step of a batch weighs the same, whatever the length of its episode
(on several processes, each step of one process).
"""

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

from agents import build, evaluation, files, gallery, parallel, reinforce, tasks, training, watch
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
        errors: way of looking -> (T,) test error in percent after each glimpse, or (1,) the mean return, all by the trained
            network.
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
    playing, moved = episodes.playing, episodes.playing[1:]
    scored = playing if config.scored == "every" else episodes.answers
    looked = looked and bool(moved.any())
    # Reward t is what step t earned: the look after glimpse t earns from glimpse t + 1 on.
    rewards, parts = episodes.rewards, {}
    if config.hybrid or config.credit == "log_prob":
        assert episodes.labels is not None, "a world without labels"
        class_losses = reinforce.class_losses(episodes.logits, episodes.labels)
        if config.hybrid:
            parts["action"] = class_losses[scored].mean()
        if config.credit == "log_prob":
            rewards = -class_losses.detach() * playing
    baselines = model.baseline(episodes.features).float()
    if episodes.after is not None:  # what would have come later, had the episode not been cut
        later = model.baseline(episodes.after).float().detach()
        rewards = rewards + config.gamma * later * (episodes.ends & episodes.cut)
    returns = reinforce.lambda_returns(rewards, baselines * playing, config.gamma, config.trace)
    if not config.hybrid:
        policy = model.action.policy(episodes.logits[scored])
        log_probs = policy.log_prob(episodes.actions[scored])  # type: ignore[no-untyped-call]
        advantages = reinforce.advantages(returns[scored], baselines[scored])
        parts["action"] = reinforce.policy_gradient_loss(log_probs, advantages)
        parts["entropy"] = -config.entropy * policy.entropy().mean()  # type: ignore[no-untyped-call]
        parts["baseline"] = reinforce.baseline_loss(baselines[playing], returns[playing])
    elif looked:
        parts["baseline"] = reinforce.baseline_loss(baselines[:-1][moved], returns[1:][moved])
    if looked:
        means = episodes.means[moved]
        log_probs = reinforce.gaussian_log_prob(episodes.locations[moved], means, std)
        advantages = reinforce.advantages(returns[1:][moved], baselines[:-1][moved])
        outside = (means.abs() - 1).clamp(min=0).square().sum(-1).mean()
        parts["location"] = reinforce.policy_gradient_loss(log_probs, advantages) + outside
    return parts


def train(config: Config, resume: bool = False, runs: pathlib.Path = pathlib.Path("runs"), tensorboard: bool = False) -> Result:
    """Train an agent, then evaluate it on the test split.

    Writes into runs/<name>/: ``config.json``, ``metrics.csv``, ``checkpoint.pt`` and ``checkpoint.previous.pt``, the one before
    it, ``results.json``, and the figures ``curve.png``; ``paths.png`` where a `GlimpseWrapper` or a native environment draws
    it; ``fixations.png`` and ``confusion.png`` of a native one. None of them is ever half written.

    Args:
        config: the run.
        resume: go on from the run's checkpoint; the rest comes out as if it had never stopped.
        runs: the folder of all runs.
        tensorboard: write scalars for TensorBoard as well.

    Raises:
        FileNotFoundError: nothing to resume.
        OSError: a file cannot be written; the older checkpoints stand.
        ConnectionError: another process of the run has ended.
        ValueError: the checkpoints are damaged, or of another config.
        KeyboardInterrupt: after a checkpoint was saved.
    """
    torch.set_num_threads(config.num_threads)
    ranks = parallel.Ranks(config.device)
    if config.batch_size % ranks.size:
        raise ValueError(f"batch_size={config.batch_size} must be a multiple of the {ranks.size} processes.")
    share = config.batch_size // ranks.size
    envs = whole = build.make_envs(config, share, config.split, **config.variation)
    if config.short:
        halved = max(2, build.num_glimpses(whole) // 2)
        envs = build.make_envs(config, share, config.split, **config.variation, num_glimpses=halved)
    num_short = int(config.short * config.num_updates)
    task = tasks.spec(config.env_id)
    model = build.make_model(config, evaluation.make_envs(config, config.split))
    optimizer = build.make_optimizer(model, config)
    folder = runs / config.run_name
    validation = evaluation.make_envs(config, "validation")
    training.fit(
        config,
        folder,
        model,
        optimizer,
        step=lambda update: train_step(model, optimizer, envs if update < num_short else whole, config, update, ranks),
        validate=lambda: evaluation.evaluate(model, validation, config.looking, 0, config.num_test_episodes)[-1],
        measure=tasks.measure(task),
        ranks=ranks,
        resume=resume,
        tensorboard=tensorboard,
    )
    errors: dict[str, list[float]] = {}
    if ranks.leads:
        errors = evaluation.report(model, config, config.evaluated_on)
        files.write(folder / "results.json", json.dumps(errors, indent=2) + "\n")
        drawn = {"render_mode": "rgb_array"} if tasks.world(task) else {}
        tiles = build.make_envs(config, _TILES, config.evaluated_on, **drawn)
        if drawn or tiles.envs[0].has_wrapper_attr("picture"):  # type: ignore[attr-defined]
            evaluation.draw_paths(model, tiles, config.looking, folder / "paths.png")
        if tasks.world(task):
            seen = evaluation.make_envs(config, config.evaluated_on)
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
    sample = None if config.hybrid else lambda logits: _sampled(model, logits, noise, config.batch_size, ranks)
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
    if tasks.measure(envs.unwrapped.spec) == "error":  # type: ignore[arg-type]
        figures["error"] = 100 * episodes.wrong[-1].float().mean().item()
    return {**figures, **{name: part.item() for name, part in parts.items()}}


def _sampled(
    model: RecurrentAttentionModel, logits: Tensor, noise: np.random.Generator, batch_size: int, ranks: parallel.Ranks
) -> Tensor:
    """Draw environment actions for logits (B, n); the noise is drawn for the whole batch, as `make_gaze` does."""
    drawn = getattr(noise, model.action.noise)(size=(batch_size, logits.shape[1]))[ranks.part(batch_size)]
    return model.action.draw(logits, torch.from_numpy(drawn).to(logits)).detach()


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
    note = f"--preset {{{','.join(PRESETS)}}}: where the defaults come from. --resume: go on from the run's checkpoint. "
    note += "--tensorboard: write scalars for it as well."
    with training.plain_errors("agents.ram"):
        default = preset(own.preset, own.env_id)
        config = tyro.cli(Config, default=default, args=rest, prog="python -m agents.ram", description=note)
        result = train(config, own.resume, tensorboard=own.tensorboard)
    if result.errors:
        if (result.folder / "paths.png").exists():
            print(f"{result.folder}/paths.png shows where it looks.\n")
        evaluation.print_report(result.errors, config, config.evaluated_on)


if __name__ == "__main__":
    main()
