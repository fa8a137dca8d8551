"""The agent in environments that are not native: any wrapped one, with episodes of different lengths."""

import dataclasses
import itertools

import gymnasium as gym
import lamps
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from tiny_runs import stopped_after, weights_of

from agents import cli, environments, evaluation, ram
from agents.episodes import Episodes
from agents.policy import Noise, Policy
from agents.presets import preset
from agents.rollout import collect
from glimpse_env.wrappers import DiscretizeAction, FlattenAction, PersistenceOfVision

IDS = ("Lamp-v0", "LampLevel-v0")
STD = 0.5  # of the locations that are drawn


def small(id, **changes):
    return dataclasses.replace(preset("best", id), **{"size": 32, "hidden_size": 32, "batch_size": 32} | changes)


def taste(config):
    """A policy with some taste of its own."""
    envs = environments.make_envs(config, 1, "train")
    model = ram.prepare(config)
    with torch.no_grad():
        model.heads.location.weight.normal_(std=0.3)
        model.heads.baseline.weight.normal_()
    return Policy(model, envs.single_action_space)


def played(id, num_envs=12, seed=0, **changes):
    """Such a policy, and episodes that it played with noise."""
    config = small(id, **changes)
    policy = taste(config)
    envs = environments.make_envs(config, num_envs, "train")
    return policy, config, collect(envs, policy, envs.reset(seed=seed), Noise(seed, num_envs), STD, explore=True)


def alone(episodes: Episodes, row: int) -> Episodes:
    """One of the episodes, as if it had been played by itself: nothing behind its end, nobody beside it."""
    T = int(episodes.playing[:, row].sum())
    lengths = {"means": T - 1, "locations": T - 1}
    parts = {}
    for field in dataclasses.fields(Episodes):
        value = getattr(episodes, field.name)
        if value is not None:
            over_time = field.name not in ("cut", "after")
            value = value[: lengths.get(field.name, T), [row]] if over_time else value[[row]]
        parts[field.name] = value
    return Episodes(**parts)


# What is learned from.


@pytest.mark.parametrize("id", IDS)
def test_losses_of_a_batch_are_those_of_its_episodes_played_alone(id):
    policy, config, episodes = played(id)
    config = dataclasses.replace(config, entropy_coef=0.1)
    lengths = episodes.playing.sum(0).tolist()
    assert len(set(lengths)) > 2
    assert 0 < episodes.cut.sum() < 12
    parts = ram.losses(episodes, policy, config, STD)
    singles = [ram.losses(alone(episodes, row), policy, config, STD) for row in range(12)]
    assert parts.keys() == {"action", "entropy", "baseline", "location"}
    for name, part in parts.items():
        steps = np.array(lengths) - (name == "location")  # a mean over all steps that count
        expected = sum(share * single[name] for share, single in zip(steps / steps.sum(), singles, strict=True))
        torch.testing.assert_close(part, expected)
        for gradient, other in zip(gradients(policy, part), gradients(policy, expected), strict=True):
            torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-6)
    gradient = torch.autograd.grad(parts["action"], policy.model.heads.action.weight, retain_graph=True)[0]
    assert gradient.abs().sum() > 0


def gradients(policy, loss):
    parameters = list(policy.model.parameters())
    return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)


def test_only_the_last_step_of_each_is_trained_where_that_alone_is_scored():
    policy, config, episodes = played("Lamp-v0")
    config = dataclasses.replace(config, scored="last")
    part = ram.losses(episodes, policy, config, STD)["action"]
    singles = [ram.losses(alone(episodes, row), policy, config, STD)["action"] for row in range(12)]
    torch.testing.assert_close(part, torch.stack(singles).mean())


@pytest.mark.parametrize("looking", ["random", "center"])
def test_who_is_led_learns_no_looking(looking):
    policy, config, episodes = played("Lamp-v0")
    led = Policy(policy.model, environments.make_envs(config, 1, "train").single_action_space, looking)
    assert ram.losses(episodes, led, config, STD).keys() == {"action", "entropy", "baseline"}


def test_a_truncated_episode_earns_the_baseline_behind_its_end():
    policy, config, episodes = played("Lamp-v0")
    config = dataclasses.replace(config, gamma=0.9, gae_lambda=1.0, credit="reward")
    assert episodes.after.shape == episodes.cut.shape
    assert not episodes.after.requires_grad
    later = 0.9 * episodes.after * episodes.cut
    assert later.abs().sum() > 0
    ended = dataclasses.replace(episodes, cut=torch.zeros_like(episodes.cut), after=None)
    paid = dataclasses.replace(ended, rewards=episodes.rewards + episodes.ends * later)
    losses, expected = (ram.losses(each, policy, config, STD) for each in (episodes, paid))
    for name in expected:
        torch.testing.assert_close(losses[name], expected[name])
    assert not torch.isclose(ram.losses(ended, policy, config, STD)["baseline"], expected["baseline"])


def test_with_hybrid_a_truncated_episode_earns_its_last_baseline():
    """There b_t is the return after step t, so that b_T is that of what was cut off."""
    policy, config, episodes = played("Lamp-v0")
    episodes = dataclasses.replace(episodes, labels=torch.zeros_like(episodes.actions))
    config = dataclasses.replace(config, gamma=0.9, gae_lambda=1.0, credit="reward", hybrid=True)
    last = (episodes.baselines.detach() * episodes.ends).sum(0)
    ended = dataclasses.replace(episodes, cut=torch.zeros_like(episodes.cut), after=None)
    paid = dataclasses.replace(ended, rewards=episodes.rewards + 0.9 * episodes.ends * last * episodes.cut)
    losses, expected = (ram.losses(each, policy, config, STD) for each in (episodes, paid))
    for name in expected:
        torch.testing.assert_close(losses[name], expected[name])


def test_the_log_prob_is_that_of_the_unclipped_sample_and_teaches_the_spread():
    policy, config, episodes = played("LampLevel-v0", num_envs=40)
    head = policy.model.heads.action
    assert episodes.actions.abs().max() > 1
    assert episodes.actions.shape == (*episodes.playing.shape, 1)
    assert not episodes.actions.requires_grad
    normal = torch.distributions.Normal(episodes.logits[..., 0], head.log_std.exp())
    log_probs = head.policy(episodes.logits).log_prob(episodes.actions)
    torch.testing.assert_close(log_probs, normal.log_prob(episodes.actions[..., 0]))
    loss = ram.losses(episodes, policy, config, STD)["action"]
    assert torch.autograd.grad(loss, head.log_std)[0] != 0


# What is played.


def test_each_episode_is_the_one_that_is_played_alone():
    config = small("Lamp-v0")
    policy = taste(config)
    envs = environments.make_envs(config, 12, "train")
    together = collect(envs, policy, envs.reset(seed=7), Noise(0, 12))
    assert 0 < together.cut.sum() < 12
    for row in range(12):
        one = environments.make_envs(config, 1, "train")
        single = collect(one, policy, one.reset(seed=7 + row), Noise(0, 1))
        cropped = alone(together, row)
        assert single.playing.all()
        assert single.rewards.equal(cropped.rewards)
        assert single.cut.equal(cropped.cut)
        assert single.actions.equal(cropped.actions)
        torch.testing.assert_close(single.fixations, cropped.fixations)
        torch.testing.assert_close(single.baselines, cropped.baselines)
        assert (single.after is None) == (not single.cut)
        if single.cut:
            torch.testing.assert_close(single.after, cropped.after)


def test_nothing_behind_the_end_counts():
    _, _, episodes = played("Lamp-v0")
    assert episodes.playing[: lamps.START].all()
    assert (episodes.playing.int().diff(dim=0) <= 0).all(), "nobody plays again"
    assert (episodes.rewards[~episodes.playing] == 0).all()
    assert episodes.ends.sum(0).eq(1).all()
    assert (episodes.ends & episodes.playing).equal(episodes.ends)


def test_ended_environments_rest(monkeypatch):
    steps = []
    step = lamps.Lamp.step
    monkeypatch.setattr(lamps.Lamp, "step", lambda self, action: steps.append(0) or step(self, action))
    config = small("Lamp-v0")
    policy = taste(config)
    envs = environments.make_envs(config, 12, "train")
    for seed in (0, 100):
        steps.clear()
        assert collect(envs, policy, envs.reset(seed=seed), Noise(0, 12)).playing.sum() == len(steps)


def test_an_endless_episode_is_cut():
    _, _, episodes = played("LampEndless-v0", num_envs=3, max_steps=11)
    assert episodes.playing.shape == (11, 3)
    assert episodes.playing.all()
    assert episodes.cut.all()


def test_one_that_terminates_as_its_time_is_up_is_not_cut():
    _, _, episodes = played("Lamp-v0", num_envs=64)
    at_the_limit = episodes.playing.sum(0) == lamps.END
    assert episodes.cut[~at_the_limit].sum() == 0
    assert 0 < episodes.cut.sum() < at_the_limit.sum()


def test_a_canvas_of_what_was_seen_is_read():
    gym.register("LampCanvas-v0", entry_point=lambda: PersistenceOfVision(lamps.make()))
    try:
        policy, config, episodes = played("LampCanvas-v0")
        loss = ram.losses(episodes, policy, config, STD)["action"]
        readers = list(policy.model.glimpse_network.read.parameters())
        assert any(gradient.abs().sum() > 0 for gradient in torch.autograd.grad(loss, readers))
    finally:
        del gym.registry["LampCanvas-v0"]


# Training.

CHANCE = {"Lamp-v0": 0.5, "LampLevel-v0": 0.5}  # of a step, for one who never sees the lamp


@pytest.mark.parametrize("id", IDS)
def test_learns_to_look_from_reward_alone(id, tmp_path):
    changes = {"batch_size": 16, "learning_rate": 6e-3, "std_start": 0.4, "blind": 0.4}
    config = small(id, num_episodes=16 * 180, num_validations=1, num_test_episodes=96, **changes)
    result = ram.train(config, runs=tmp_path)
    assert result.scores.keys() == {"learned", "random", "center"}
    learned, led, unseen = (result.scores[looking][0] for looking in ("learned", "random", "center"))
    # An episode has 5.7 steps in the mean, the first of them without the lamp.
    assert unseen < 5.7 * CHANCE[id] + 0.2
    assert learned > 1.25 * unseen  # seen: 1.5 and 1.7 times
    assert learned > led + 0.3  # seen: 0.8 and 1.2
    assert (result.folder / "paths.png").stat().st_size > 1000
    assert (result.folder / "metrics.csv").read_text().startswith("update,episodes,validation_score,return")
    told = str(result.report).splitlines()
    assert told[0] == f"{id}, test, 96 episodes: return, by the same networks:"
    assert told[-1] == f"return: {learned:.2f}"


def test_runs_from_the_command_line_by_module_and_id(tmp_path, monkeypatch, capsys, undrawn):
    monkeypatch.chdir(tmp_path)
    flags = "--num-episodes 8 --batch-size 4 --num-test-episodes 5 --num-validations 1 --size 16 --hidden-size 16 --name lamp"
    cli.main(["--env-id", "lamps:LampLevel-v0", *flags.split()])
    assert "\nreturn: " in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["lamp"]


def test_resumed_run_is_the_uninterrupted_one(tmp_path, monkeypatch, undrawn):
    config = small("LampLevel-v0", num_episodes=6 * 8, batch_size=8, num_validations=1, num_test_episodes=4, name="run")
    whole = ram.train(config, runs=tmp_path / "whole")
    stopped_after(3, monkeypatch, tmp_path / "cut", config)
    resumed = ram.train(config, resume=True, runs=tmp_path / "cut")
    assert weights_of(resumed.policy.model).equal(weights_of(whole.policy.model))
    assert resumed.scores == whole.scores


# Native tasks that are not the usual ones.


@pytest.fixture
def registered(request):
    """An id of a native task with arguments of its own."""
    gym.register(
        "Own-v0",
        entry_point="glimpse_env:GlimpseEnv",
        vector_entry_point="glimpse_env.envs:GlimpseVectorEnv",
        kwargs=request.param,
    )
    yield "Own-v0"
    del gym.registry["Own-v0"]


@pytest.mark.parametrize("registered", [{"num_glimpses": 4, "decide": "anytime"}], indirect=True)
def test_native_episodes_of_different_lengths(registered, tmp_path, undrawn, few_images):
    _, config, episodes = played(registered, num_envs=500)
    assert len(set(episodes.playing.sum(0).tolist())) > 1
    assert (episodes.rewards[~episodes.playing] == 0).all(), "those of the next episodes, which begin by themselves"
    assert not config.hybrid, "an answer at any time is a move, learned from reward"
    config = dataclasses.replace(config, num_episodes=64, batch_size=32, num_validations=1)
    scores = ram.train(config, runs=tmp_path).scores
    assert scores.keys() == {"learned", "random", "center", "center first"}
    assert all(0 <= value <= 100 for (value,) in scores.values())


@pytest.mark.parametrize("registered", [{"world": "catch", "num_balls": 3}], indirect=True)
def test_balls_are_counted_in_any_game_of_catch(registered):
    _, _, episodes = played(registered)
    task = environments.task_of(registered)
    percent = evaluation.scores(episodes, task)
    assert percent.shape == (1, 12)
    torch.testing.assert_close(percent[0], 100 * episodes.rewards.double().sum(0) / 3)
    report = evaluation.Report({"learned": [50.0]}, registered, task, "test", 12)
    assert str(report).splitlines()[-1] == "balls caught: 50.00 %"


# Other learners.


@pytest.mark.parametrize(("id", "wrapper"), list(itertools.product(IDS, (FlattenAction, DiscretizeAction))))
def test_stable_baselines3_plays_it(id, wrapper):
    env = gym.make(id)
    if id == "LampLevel-v0" and wrapper is DiscretizeAction:
        with pytest.raises(ValueError, match="use FlattenAction"):
            wrapper(env)
        return
    model = PPO("MultiInputPolicy", wrapper(env), n_steps=64, batch_size=32, seed=0, device="cpu").learn(128)
    action, _ = model.predict(wrapper(env).reset(seed=0)[0], deterministic=True)
    assert action in model.action_space
