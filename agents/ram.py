"""The recurrent attention model (Mnih et al. 2014), trained in any environment that shows glimpses: ``python -m agents.ram``.

An episode that is truncated, by its environment or after ``max_steps``, counts as if it had gone on: its last reward is
bootstrapped from the baseline of the next observation. Each step of a batch weighs the same, whatever the length of its episode
(on several processes, each step of one process).
"""

import dataclasses
import json
import math
import pathlib

import numpy as np
import torch
from torch import Tensor

from agents import environments, evaluation, figures, files, models, parallel, reinforce, training
from agents.captured import CapturedModel
from agents.config import Config
from agents.environments import Envs
from agents.episodes import Episodes
from agents.networks import RecurrentAttentionModel
from agents.policy import Noise, Policy
from agents.rollout import collect


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a training run.

    Attributes:
        policy: the trained agent.
        folder: of the run, under runs/.
        report: its measurement; None in all but the leading process.
    """

    policy: Policy
    folder: pathlib.Path
    report: evaluation.Report | None

    @property
    def scores(self) -> dict[str, list[float]]:
        """Way of looking -> error in percent after each glimpse, or the mean return, all by the same networks."""
        return self.report.scores if self.report else {}


def losses(episodes: Episodes, policy: Policy, config: Config, std: float) -> dict[str, Tensor]:
    """The parts of the loss; training minimizes their sum.

    Args:
        episodes: the episodes, with their graph.
        policy: the policy that played them.
        config: the choice of losses.
        std: the standard deviation of the location policy that drew them.

    Returns:
        Scalars: ``action``; ``location`` if looks are learned; ``zoom`` and ``zoom_entropy`` if it zooms; ``baseline`` if it is
        used; ``entropy`` without hybrid.
    """
    playing, moved = episodes.playing, episodes.playing[1:]
    scored = playing if config.scored == "every" else episodes.answers
    looked = policy.looking in ("learned", "fixed") and bool(moved.any())
    zoomed = episodes.zoom_logits is not None and bool(moved.any())
    # Reward t is that of step t: the look after glimpse t earns the rewards from glimpse t + 1 on.
    rewards, baselines, parts = episodes.rewards, episodes.baselines, {}
    if config.hybrid or config.credit == "log_prob":
        chance = math.log(episodes.logits.shape[-1])  # what a guess costs; a baseline that begins at 0 is right about it
        if config.learn_from == "reward":
            class_losses = reinforce.answer_losses(episodes.logits, episodes.answer, episodes.rewarded)
            gains = episodes.rewarded * (chance - class_losses.detach())  # the class of a wrong answer is unknown
        else:
            assert episodes.labels is not None, "a task without labels"
            class_losses = reinforce.class_losses(episodes.logits, episodes.labels)
            gains = chance - class_losses.detach()
        if config.hybrid:
            parts["action"] = class_losses[scored].mean()
        if config.credit == "log_prob":
            rewards = gains * playing
    if episodes.after is not None:  # a truncated episode: with hybrid, b_t is the return after step t; else that from it on
        rest = baselines.detach() if config.hybrid else episodes.after
        rewards = rewards + config.gamma * rest * (episodes.ends & episodes.cut)
    returns = reinforce.lambda_returns(rewards, baselines * playing, config.gamma, config.gae_lambda)
    if not config.hybrid:
        distribution = policy.model.heads.action.policy(episodes.logits[scored])
        log_probs = distribution.log_prob(episodes.actions[scored])  # type: ignore[no-untyped-call]
        advantages = reinforce.advantages(returns[scored], baselines[scored])
        parts["action"] = reinforce.policy_gradient_loss(log_probs, advantages)
        parts["entropy"] = -config.entropy_coef * distribution.entropy().mean()  # type: ignore[no-untyped-call]
        parts["baseline"] = reinforce.baseline_loss(baselines[playing], returns[playing])
    elif looked or zoomed:
        parts["baseline"] = reinforce.baseline_loss(baselines[:-1][moved], returns[1:][moved])
    if looked:
        means = episodes.means[moved]
        log_probs = reinforce.gaussian_log_prob(episodes.locations[moved], means, std)
        advantages = reinforce.advantages(returns[1:][moved], baselines[:-1][moved])
        outside = (means.abs() - 1).clamp(min=0).square().sum(-1).mean()
        parts["location"] = reinforce.policy_gradient_loss(log_probs, advantages) + outside
    if zoomed:
        assert episodes.zoom_logits is not None
        assert episodes.zooms is not None
        zooms = torch.distributions.Categorical(logits=episodes.zoom_logits[moved])  # type: ignore[no-untyped-call]
        log_probs = zooms.log_prob(episodes.zooms[moved])  # type: ignore[no-untyped-call]
        earned = returns[:-1] if config.credit == "reward" else returns[1:]  # the price of a zoom is in its own step's reward
        parts["zoom"] = reinforce.policy_gradient_loss(log_probs, reinforce.advantages(earned[moved], baselines[:-1][moved]))
        parts["zoom_entropy"] = -config.entropy_coef * zooms.entropy().mean()  # type: ignore[no-untyped-call]
    return parts


def prepare(config: Config) -> RecurrentAttentionModel:
    """Build a new model, its input scaled to the environments' glimpses.

    Raises:
        ValueError: it cannot act in them, or not learn by the config's losses.
    """
    envs = environments.evaluation_envs(config, config.split)
    model = models.make_model(config, envs)
    observation, info = envs.reset(seed=environments.first_seed(config.seed))
    names = environments.task(envs).action_names
    if environments.task(envs).measure == "error" and len(names) == 1:
        raise ValueError(
            f"There is one class alone, {names[0]!r}, so nothing to learn: a folder needs a folder for each class."
        )
    supervised = config.hybrid or config.credit == "log_prob"
    if supervised and config.learn_from == "reward" and (environments.task(envs).measure != "error" or "scored" in info):
        raise ValueError(f"{config.env_id} has no single answer at the end: use --preset game, or --no-hybrid --credit reward.")
    if config.credit == "log_prob" and np.any(config.env_arguments.get("zoom_cost", 0)):
        raise ValueError("zoom_cost is part of the reward, which looks do not earn by default: use --preset game.")
    if config.hybrid and "look on" in environments.task(envs).action_names:
        raise ValueError("With decide='anytime', no label says when to look on: use --preset game.")
    if "label" not in info and supervised and config.learn_from == "labels":
        raise ValueError(f"{config.env_id} has no labels to learn from: use --preset game, or --no-hybrid --credit reward.")
    observations = [observation]
    if not environments.is_native(config.env_id) or "zoom_level" in observation:  # all first glimpses may be alike
        envs.action_space.seed(config.seed)
        observations += [envs.step(envs.action_space.sample())[0] for _ in range(50)]
    read = [key for key in ("glimpse", "zoom_level") if key in observation]
    models.standardize(model, *(torch.from_numpy(np.concatenate([seen[key] for seen in observations])) for key in read))
    return model


def train(
    config: Config,
    resume: bool = False,
    overwrite: bool = False,
    runs: pathlib.Path = pathlib.Path("runs"),
    tensorboard: bool = False,
) -> Result:
    """Train an agent, then measure it on the config's split.

    Writes into runs/<name>/: ``config.json``, ``metrics.csv``, ``checkpoint.pt`` and ``checkpoint.previous.pt``, the one before
    it, ``results.json``, and the figures of `figures.draw`. None of them is ever half written.

    Args:
        config: the run.
        resume: continue from the run's checkpoint; the result is that of a run without a stop.
        overwrite: replace a run of this name.
        runs: the folder of all runs.
        tensorboard: write scalars for TensorBoard as well.

    Raises:
        FileNotFoundError: there is no run to resume.
        FileExistsError: a run of this name exists, and is neither resumed nor overwritten.
        OSError: a file cannot be written; the older checkpoints remain.
        ConnectionError: another process of the run ended.
        ValueError: no environment fits the config; the checkpoints are damaged, or of another config; the training diverged.
        KeyboardInterrupt: the run was stopped, and a checkpoint is saved.
    """
    config = dataclasses.replace(config, images=environments.images_of(config))
    device = parallel.device_of(config.device)
    torch.set_num_threads(config.num_threads)
    ranks = parallel.Ranks(device)
    if config.batch_size % ranks.size:
        raise ValueError(f"batch_size={config.batch_size} must be a multiple of the {ranks.size} processes.")
    model = prepare(config).to(device)
    share = config.batch_size // ranks.size
    sizes = dict.fromkeys(config.scene_sizes or (None,))
    whole = {size: environments.training_envs(config, share, size) for size in sizes}
    one = next(iter(whole.values()))  # all have the same spaces
    task = environments.task(one)
    halved = {"num_glimpses": max(2, (task.num_glimpses or 0) // 2)}
    shorter = {size: environments.training_envs(config, share, size, **halved) for size in sizes} if config.short else whole
    num_short = int(config.short * config.num_updates)

    def step(update: int) -> dict[str, float]:
        envs = (shorter if update < num_short else whole)[config.scene_size_of(update)]
        return train_step(learner, optimizer, envs, config, update, ranks)

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=device.type != "mps"
    )
    policy = Policy(model, one.single_action_space, config.looking, config.std_end, env_arguments=config.env_arguments)
    learner = model
    if device.type == "cuda" and task.num_glimpses and config.precision == "float32":
        learner = CapturedModel(model, policy.see(one.reset(seed=0)[0]), task.num_glimpses)  # of the same weights
    folder = runs / config.run_name
    validation = environments.evaluation_envs(config, "validation")
    with training.owned(config, folder, ranks, resume, overwrite):
        training.fit(
            config,
            folder,
            model,
            optimizer,
            step=step,
            validate=lambda: evaluation.evaluate(policy, validation, "validation", 0, config.num_test_episodes)[-1],
            measure="error" if task.measure == "error" else "score",
            ranks=ranks,
            resume=resume,
            tensorboard=tensorboard,
        )
        report = None
        if ranks.leads:
            report = evaluation.report(model, config, config.evaluated_on)
            files.write(folder / "results.json", json.dumps(report.scores, indent=2) + "\n")
            figures.draw(model, config, config.evaluated_on, folder)
        ranks.close()
    return Result(policy, folder, report)


def train_step(
    model: RecurrentAttentionModel,
    optimizer: torch.optim.Optimizer,
    envs: Envs,
    config: Config,
    update: int,
    ranks: parallel.Ranks,
) -> dict[str, float]:
    """Play a batch and learn from it. All randomness comes from (config.seed, update), so any update can be repeated."""
    training.anneal(optimizer, config, update)
    done = update / config.num_updates
    std = config.std_start + (config.std_end - config.std_start) * done
    policy = Policy(model, envs.single_action_space, "random" if done < config.blind else config.looking)
    noise = Noise((config.seed, update), config.batch_size, ranks.part(config.batch_size))
    first = environments.first_seed(config.seed) + update * config.batch_size
    start = envs.reset(seed=first + ranks.rank * envs.num_envs)
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        episodes = collect(envs, policy, start, noise, std, explore=not config.hybrid or config.learn_from == "reward")
        parts = losses(episodes, policy, config, std)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    ranks.average_gradients(model)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    figures = {"return": episodes.rewards.sum(0).mean().item(), "std": std, "grad_norm": norm.item()}
    task = environments.task(envs)
    counted = evaluation.scores(episodes, task)[-1].mean().item()
    figures["error" if task.measure == "error" else "score"] = counted
    figures |= {name: part.item() for name, part in parts.items()}
    figures = ranks.mean(figures)
    training.check_finite(figures, update)  # before a step is taken, so that no weight is ever other than finite
    optimizer.step()
    return figures


if __name__ == "__main__":
    from agents.cli import main

    main()
