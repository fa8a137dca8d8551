"""The agent in environments that are not native: any wrapped one, with episodes of different lengths."""

import dataclasses
import itertools

import gymnasium as gym
import lamps
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO

from agents import actions, build, evaluation, parallel, ram
from agents.config import Config, preset
from agents.rollout import Episodes, collect, make_gaze
from glimpse_env.wrappers import DiscretizeAction, FlattenAction, PersistenceOfVision

IDS = ("Lamp-v0", "LampLevel-v0")


def small(id, **changes):
    fixed = {"size": 32, "hidden_size": 32, "precision": "float32", "batch_size": 32}
    return dataclasses.replace(preset("best", id), **fixed | changes)


def played(id, num_envs=12, seed=0, **changes):
    """A model with some taste of its own, and episodes that it played with noise."""
    config = small(id, **changes)
    envs = build.make_envs(config, num_envs, "train")
    model = build.make_model(config, envs)
    with torch.no_grad():
        model.location.weight.normal_(std=0.3)
        model.baseline.weight.normal_()
    noise = np.random.default_rng(seed)
    gaze = make_gaze(model, "learned", noise, num_envs, slice(None), std=0.5)
    episodes = collect(
        envs,
        model,
        envs.reset(seed=seed),
        gaze,
        lambda logits: ram._sampled(model, logits, noise, num_envs, parallel.Ranks("cpu")),
    )
    return model, config, episodes


def alone(episodes: Episodes, row: int) -> Episodes:
    """One of the episodes, as if it had been played by itself: nothing behind its end, nobody beside it."""
    T = int(episodes.playing[:, row].sum())
    lengths = {"means": T - 1, "locations": T - 1}
    parts = {}
    for field in dataclasses.fields(Episodes):
        value = getattr(episodes, field.name)
        if value is not None:
            over_time = field.name not in ("cut", "after")
            parts[field.name] = value[: lengths.get(field.name, T), [row]] if over_time else value[[row]]
    return Episodes(**{"labels": None, "scored": None, "after": None, **parts})


@pytest.mark.parametrize("id", IDS)
def test_losses_of_a_batch_are_those_of_its_episodes_played_alone(id):
    model, config, episodes = played(id)
    config = dataclasses.replace(config, entropy=0.1)
    lengths = episodes.playing.sum(0).tolist()
    assert len(set(lengths)) > 2
    assert 0 < episodes.cut.sum() < 12
    parts = ram.losses(model, episodes, config, 0.5, looked=True)
    singles = [ram.losses(model, alone(episodes, row), config, 0.5, looked=True) for row in range(12)]
    assert parts.keys() == {"action", "entropy", "baseline", "location"}
    for name, part in parts.items():
        steps = np.array(lengths) - (name == "location")  # a mean over all steps that count
        expected = sum(share * single[name] for share, single in zip(steps / steps.sum(), singles, strict=True))
        torch.testing.assert_close(part, expected)
        for gradient, other in zip(gradients(model, part), gradients(model, expected), strict=True):
            torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-6)
    assert torch.autograd.grad(parts["action"], model.action.weight, retain_graph=True)[0].abs().sum() > 0


def gradients(model, loss):
    found = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True)
    return [gradient.clone() for gradient in found]


def test_only_the_last_step_of_each_is_trained_where_that_alone_is_scored():
    model, config, episodes = played("Lamp-v0")
    config = dataclasses.replace(config, scored="last")
    part = ram.losses(model, episodes, config, 0.5, looked=True)["action"]
    singles = [ram.losses(model, alone(episodes, row), config, 0.5, looked=True)["action"] for row in range(12)]
    torch.testing.assert_close(part, torch.stack(singles).mean())


def test_each_episode_is_the_one_that_is_played_alone():
    model, config, _ = played("Lamp-v0")
    envs = build.make_envs(config, 12, "train")
    gaze = make_gaze(model, "learned", np.random.default_rng(0), 12, slice(None), std=0.0)
    together = collect(envs, model, envs.reset(seed=7), gaze)
    for row in range(12):
        one = build.make_envs(config, 1, "train")
        gaze = make_gaze(model, "learned", np.random.default_rng(0), 1, slice(None), std=0.0)
        single = collect(one, model, one.reset(seed=7 + row), gaze)
        cropped = alone(together, row)
        assert single.playing.all()
        assert single.rewards.equal(cropped.rewards)
        assert single.cut.equal(cropped.cut)
        torch.testing.assert_close(single.features, cropped.features)
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
    envs = build.make_envs(config, 12, "train")
    model = build.make_model(config, envs)
    gaze = make_gaze(model, "center", np.random.default_rng(0), 12, slice(None), std=0.0)
    for seed in (0, 100):
        steps.clear()
        assert collect(envs, model, envs.reset(seed=seed), gaze).playing.sum() == len(steps)


def test_a_truncated_episode_earns_the_baseline_behind_its_end():
    model, config, episodes = played("Lamp-v0")
    config = dataclasses.replace(config, gamma=0.9, trace=1.0, credit="reward")
    with torch.no_grad():
        later = 0.9 * model.baseline(episodes.after) * episodes.cut
        paid = dataclasses.replace(
            episodes, rewards=episodes.rewards + episodes.ends * later, cut=torch.zeros_like(episodes.cut), after=None
        )
        assert later.abs().sum() > 0
    losses, expected = (ram.losses(model, each, config, 0.5, looked=True) for each in (episodes, paid))
    for name in expected:
        torch.testing.assert_close(losses[name], expected[name])
    ended = dataclasses.replace(episodes, cut=torch.zeros_like(episodes.cut), after=None)
    assert not torch.isclose(ram.losses(model, ended, config, 0.5, looked=True)["baseline"], expected["baseline"])


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


# Actions.


def test_choices_begin_where_the_space_does():
    assert actions.for_env(spaces.Discrete(3, start=5), torch.tensor([0, 2])).tolist() == [5, 7]


def test_numbers_span_the_box_and_are_clipped_to_it():
    space = spaces.Box(np.array([[0, -2, -np.inf, 1]], np.float32), np.array([[10, 2, np.inf, np.inf]], np.float32))
    drawn = torch.tensor([[-1.0, 0.5, 7.0, -3.0], [1.5, -2.0, -0.25, 4.0]])
    made = actions.for_env(space, drawn)
    assert made.dtype == np.float32
    assert made.tolist() == [[[0, 1, 7, 1]], [[10, -2, -0.25, 4]]]
    assert all(row in space for row in made)
    assert drawn[1, 0] == 1.5, "the sample itself is not clipped"


def test_log_prob_is_that_of_the_unclipped_sample_and_teaches_the_spread():
    model, config, episodes = played("LampLevel-v0", num_envs=40)
    assert episodes.actions.abs().max() > 1
    assert episodes.actions.shape == (*episodes.playing.shape, 1)
    assert not episodes.actions.requires_grad
    policy = model.action.policy(episodes.logits)
    normal = torch.distributions.Normal(episodes.logits[..., 0], model.action.log_std.exp())
    torch.testing.assert_close(policy.log_prob(episodes.actions), normal.log_prob(episodes.actions[..., 0]))
    loss = ram.losses(model, episodes, config, 0.5, looked=True)["action"]
    assert torch.autograd.grad(loss, model.action.log_std)[0] != 0


# Training.

CHANCE = {"Lamp-v0": 0.5, "LampLevel-v0": 0.5}  # of a step, for one who never sees the lamp


@pytest.mark.parametrize("id", IDS)
def test_learns_to_look_from_reward_alone(id, tmp_path, capsys):
    config = small(
        id, num_episodes=32 * 150, learning_rate=3e-3, std_start=0.4, blind=0.4, num_validations=1, num_test_episodes=96
    )
    result = ram.train(config, runs=tmp_path)
    assert result.errors.keys() == {"learned", "random", "center"}
    learned, led, unseen = (result.errors[looking][0] for looking in ("learned", "random", "center"))
    # An episode has 5.7 steps in the mean, the first of them without the lamp. Seen for seed 0: 4.92, 3.42 and 2.84 for
    # choices; 3.79, 3.23 and 2.61 for numbers.
    assert unseen < 5.7 * CHANCE[id] + 0.2
    assert learned > 1.25 * unseen
    assert learned > led + 0.3
    assert (result.folder / "paths.png").stat().st_size > 1000
    assert (result.folder / "metrics.csv").read_text().startswith("update,episodes,validation_return,return")
    evaluation.print_report(result.errors, config, "test")
    assert capsys.readouterr().out.strip().splitlines()[-1] == f"return: {learned:.2f}"


def test_runs_from_the_command_line_by_module_and_id(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = "--num-episodes 8 --batch-size 4 --num-test-episodes 5 --num-validations 1 --size 16 --hidden-size 16"
    ram.main(["--env-id", "lamps:LampLevel-v0", *flags.split()])
    assert capsys.readouterr().out.splitlines()[-1].startswith("return: ")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["LampLevel-v0-learned-0"]


def test_resumed_run_is_the_uninterrupted_one(tmp_path, monkeypatch):
    config = small("LampLevel-v0", num_episodes=6 * 8, batch_size=8, num_validations=1, num_test_episodes=4, name="run")
    whole = ram.train(config, runs=tmp_path / "whole")
    step = ram.train_step

    def stopped(*arguments):
        if arguments[4] == 3:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(ram, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        ram.train(config, runs=tmp_path / "cut")
    monkeypatch.setattr(ram, "train_step", step)
    resumed = ram.train(config, resume=True, runs=tmp_path / "cut")
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert one.equal(other)
    assert resumed.errors == whole.errors


def test_native_episodes_of_different_lengths(tmp_path):
    gym.register(
        "Anytime-v0",
        entry_point="glimpse_env:GlimpseEnv",
        vector_entry_point="glimpse_env.envs:GlimpseVectorEnv",
        kwargs={"num_glimpses": 4, "decide": "anytime"},
    )
    try:
        _, config, episodes = played("Anytime-v0", num_envs=500)
        assert len(set(episodes.playing.sum(0).tolist())) > 1
        assert (episodes.rewards[~episodes.playing] == 0).all(), "those of the next episodes, which begin by themselves"
        assert not config.hybrid
        config = dataclasses.replace(config, num_episodes=64, batch_size=32, num_validations=1, num_test_episodes=100)
        assert all(0 <= value[0] <= 1 for value in ram.train(config, runs=tmp_path).errors.values())
    finally:
        del gym.registry["Anytime-v0"]


def test_balls_are_counted_in_any_game_of_catch(capsys):
    gym.register("Three-v0", vector_entry_point="glimpse_env.envs:GlimpseVectorEnv", kwargs={"world": "catch", "num_balls": 3})
    try:
        evaluation.print_report({"learned": [1.5]}, Config(env_id="Three-v0"), "test")
    finally:
        del gym.registry["Three-v0"]
    assert capsys.readouterr().out.strip().splitlines()[-1] == "balls caught: 50.0 %"


def test_a_canvas_of_what_was_seen_is_read():
    gym.register("LampCanvas-v0", entry_point=lambda: PersistenceOfVision(lamps.make()))
    try:
        model, config, episodes = played("LampCanvas-v0")
        assert model.canvas is not None
        loss = ram.losses(model, episodes, config, 0.5, looked=True)["action"]
        assert any(gradient.abs().sum() > 0 for gradient in torch.autograd.grad(loss, list(model.canvas.parameters())))
    finally:
        del gym.registry["LampCanvas-v0"]


# Errors.


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--env-id=lamps:LampBoth-v0"], r"plays a Discrete or a Box, not MultiDiscrete\(\[2 3\]\): wrap the environment"),
        (["--env-id=lamps:LampUnseen-v0"], "LampUnseen-v0 has no gaze, .* register it in a GlimpseWrapper"),
        (["--env-id=lamps:Lamp-v0", "--preset=paper"], "Lamp-v0 has no labels to learn from: take --preset game"),
        (["--env-id=Glimpse-Catch-v0", "--preset=paper"], "Glimpse-Catch-v0 has no labels to learn from"),
        (["--env-id=lamps:Lamp-v0", "--canvas=9"], r"Lamp-v0 cannot be made with \{'canvas': 9\}: .*canvas"),
        (["--env-id=Nowhere-v0"], "Nowhere.* doesn't exist"),
        (["--env-id=nowhere:Lamp-v0"], "No module named 'nowhere'"),
        (["--env-id=lamps:Lamp-v0", "--looking=fixed"], "looking='fixed' needs a number of glimpses, and .*Lamp-v0 has none"),
    ],
)
def test_what_cannot_be_played_is_told_in_a_line(flags, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f"agents.ram: .*{message}"):
        ram.main(flags)


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
