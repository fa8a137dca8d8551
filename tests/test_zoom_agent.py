"""An agent that zooms: its networks, its choices, its loss, and that it learns to look closely where that pays."""

import dataclasses
from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
import torch
from tiny_runs import TINY, stopped_after, weights_of

from agents import environments, evaluation, heads, load, models, networks, ram, reinforce, weights
from agents.config import Config
from agents.policy import Noise, Policy
from agents.rollout import collect
from glimpse_env import Task, World

B, Z = 5, 3
ZOOMED = dataclasses.replace(TINY, env={"zooms": (2, 1, 3), "location_mode": "glimpse"}, name="zoomed", canvas=8)


def zooming(config=ZOOMED, num_envs=B):
    envs = environments.make_envs(config, num_envs, "train")
    torch.manual_seed(0)
    return Policy(models.make_model(config, envs), envs.single_action_space), envs


def test_each_zoom_weighs_and_scales_by_itself():
    torch.manual_seed(0)
    inner = networks.GlimpseNetwork((2, 6, 6), 8, 12)
    network = networks.ZoomedGlimpseNetwork(inner, 2, Z)
    levels = torch.eye(Z)[[0, 1, 1, 2, 0]]
    seen = {"glimpse": torch.rand(B, 2, 6, 6), "fixation": torch.rand(B, 2), "zoom_level": levels}
    torch.testing.assert_close(network(seen), inner(seen), msg="at the start all weigh the same")
    spread = torch.tensor([1.0, 0.1, 10.0])
    glimpses = torch.rand(600, 2, 6, 6) * spread.repeat(200).view(-1, 1, 1, 1)
    network.fit(glimpses, torch.eye(Z).repeat(200, 1))
    for z in range(Z):
        scaled = network.scales[z](glimpses[z::Z])
        torch.testing.assert_close(scaled.std((0, 2, 3)), torch.ones(2), atol=1e-2, rtol=0)
    with torch.no_grad():
        network.weigh.weight[:, 1] = -1
    mute = network({**seen, "glimpse": torch.rand(B, 2, 6, 6), "fixation": torch.rand(B, 2)})
    torch.testing.assert_close(network(seen)[1:3], mute[1:3], msg="here nothing weighs anything")
    assert not torch.allclose(network(seen)[[0, 3, 4]], mute[[0, 3, 4]])


def test_it_is_put_together_of_parts():
    policy, _ = zooming()
    assert isinstance(policy.model.heads, heads.ZoomHeads)
    assert isinstance(policy.model.glimpse_network, networks.ZoomedGlimpseNetwork)
    at_first = policy.model.heads.zoom(torch.rand(B, policy.model.core.size)).softmax(-1)
    torch.testing.assert_close(at_first, torch.tensor([0.1065, 0.1065, 0.7870]).expand(B, 3), atol=1e-4, rtol=0)
    for looking in ("fixed", "raster"):
        with pytest.raises(ValueError, match=f"looking='{looking}' chooses no zoom: leave out zooms"):
            zooming(dataclasses.replace(ZOOMED, looking=looking))


def logits_of(policy, logits):
    """Let the agent prefer zooms whatever it sees."""
    with torch.no_grad():
        policy.model.heads.zoom.bias.copy_(torch.tensor(logits))
    return policy


def test_zooms_are_drawn_while_exploring_and_the_most_likely_ones_otherwise():
    policy, envs = zooming(num_envs=2000)
    logits_of(policy, [0.0, 1.0, 2.0])
    observation, _ = envs.reset(seed=0)
    expected = torch.tensor([0.0, 1.0, 2.0]).softmax(0).numpy()
    for looking, deterministic, shares in (
        ("learned", True, [0, 0, 1]),
        ("learned", False, expected),
        ("center", True, [0, 0, 1]),
        ("random", True, [0, 0, 1]),
    ):
        acting = Policy(policy.model, envs.single_action_space, looking)
        action, _ = acting.predict(observation, deterministic=deterministic)
        assert action in envs.action_space
        np.testing.assert_allclose(np.bincount(action["zoom"], minlength=3) / 2000, shares, atol=0.04)


def test_the_rollout_keeps_the_zooms_that_were_taken():
    policy, envs = zooming()
    played = []
    step = envs.unwrapped.step
    envs.unwrapped.step = lambda action: played.append(action["zoom"]) or step(action)
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, B), std=0.1, explore=True)
    assert episodes.zoom_logits.shape == (2, B, Z)
    np.testing.assert_array_equal(episodes.zooms.numpy(), played[:2])


@pytest.mark.parametrize("looking", ["learned", "random"])
def test_the_zoom_earns_what_comes_after_it_less_its_price(looking):
    """The price is in the reward of the step that chose the zoom; where looks are not learned, the zoom still is."""
    policy, envs = zooming()
    policy.looking = looking
    config = dataclasses.replace(ZOOMED, credit="reward", gamma=1.0, entropy_coef=0.5)
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, B), std=0.1)
    episodes = dataclasses.replace(episodes, rewards=torch.rand(3, B))
    parts = ram.losses(episodes, policy, config, 0.1)
    expected = entropy = 0.0
    for t in range(2):
        returns = episodes.rewards[t:].sum(0)
        log_probs = episodes.zoom_logits[t].log_softmax(-1)
        chosen = log_probs[range(B), episodes.zooms[t]]
        expected -= (chosen * (returns - episodes.baselines[t].detach())).mean() / 2
        entropy -= (log_probs.exp() * log_probs).sum(-1).mean() / 2
    torch.testing.assert_close(parts["zoom"], expected)
    torch.testing.assert_close(parts["zoom_entropy"], -0.5 * entropy)
    assert "baseline" in parts
    assert ("location" in parts) == (looking == "learned")


def test_paid_by_the_log_probability_the_zoom_earns_what_the_look_earns():
    policy, envs = zooming()
    config = dataclasses.replace(ZOOMED, gamma=1.0)
    episodes = collect(envs, policy, envs.reset(seed=0), Noise(0, B), std=0.1)
    later = dataclasses.replace(episodes, logits=torch.cat([torch.rand(1, *episodes.logits.shape[1:]), episodes.logits[1:]]))
    zoom, same = (ram.losses(each, policy, config, 0.1)["zoom"] for each in (episodes, later))
    torch.testing.assert_close(zoom, same, msg="the class after the first glimpse is not what the zoom earned")


def test_sampled_zoom_gradient_is_the_exact_one():
    """Reward (0, 1, 3) for the zooms: the gradient of its mean by the logits, by hand and by samples."""
    rewards, generator = torch.tensor([0.0, 1.0, 3.0]), torch.Generator().manual_seed(0)
    logits = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
    (exact,) = torch.autograd.grad((logits.softmax(0) * rewards).sum(), logits)
    sampled = []
    for _ in range(200):
        zooms = torch.multinomial(logits.detach().softmax(0), 100, replacement=True, generator=generator)
        log_probs = torch.distributions.Categorical(logits=logits.expand(100, 3)).log_prob(zooms)[None]
        loss = reinforce.policy_gradient_loss(log_probs, reinforce.advantages(rewards[zooms][None], torch.ones(1, 100)))
        sampled.append(-torch.autograd.grad(loss, logits)[0])
    sampled = torch.stack(sampled)
    assert ((sampled.mean(0) - exact).abs() < 4 * sampled.std(0) / 200**0.5).all()


def test_its_run_resumes_and_its_file_loads(tmp_path, monkeypatch):
    result = ram.train(ZOOMED, runs=tmp_path / "whole")
    stopped_after(7, monkeypatch, tmp_path, ZOOMED)
    resumed = ram.train(ZOOMED, resume=True, runs=tmp_path)
    assert weights_of(resumed.policy.model).equal(weights_of(result.policy.model))
    path = tmp_path / "agent.safetensors"
    weights.save(path, result.policy.model, ZOOMED)
    loaded = load(path, trust_module=True)
    torch.testing.assert_close(weights_of(loaded.model), weights_of(result.policy.model), atol=1e-2, rtol=1e-2)
    env = gym.make("Tiny-v0", canvas=8, **{**ZOOMED.env, "zooms": list(ZOOMED.env["zooms"])})
    observation, _ = env.reset(seed=0)
    action, state = loaded.predict(observation)
    assert action in env.action_space
    assert state.shape[0] == 1


class FinePrint(World):
    """Stripes one pixel wide, upright or level: gray from afar."""

    num_draws = 1

    def __init__(self, num_envs, *, num_threads=1):
        self.task = Task(measure="error", num_glimpses=2, action_names=("upright", "level"), best=1.0)
        self.scenes = np.zeros((num_envs, 24, 24, 1), np.uint8)
        self._labels, self._steps = np.zeros(num_envs, np.int64), np.zeros(num_envs, np.int64)

    def reset(self, rows, draws, indices):
        level = draws[:, 0] >= 0.5
        stripes = np.broadcast_to(255 * (np.arange(24) % 2).astype(np.uint8), (24, 24))
        self.scenes[rows, ..., 0] = np.where(level[:, None, None], stripes.T, stripes)
        self._labels[rows], self._steps[rows] = level, 0

    def step(self, actions, playing):
        self._steps += playing
        ended = playing & (self._steps >= 2)
        return (ended & (actions == self._labels)).astype(np.float64), ended

    def info(self):
        return {"label": self._labels}


gym.register(
    "FinePrint-v0",
    entry_point="glimpse_env:GlimpseEnv",
    vector_entry_point="glimpse_env:GlimpseVectorEnv",
    kwargs={"world": FinePrint, "patch_size": 6, "zooms": (4, 1, 2), "initial_fixation": "center"},
)


def test_it_learns_what_a_zoom_costs(tmp_path):
    """At first it takes the last zoom, usually; in this game that costs more than there is to earn."""
    config = Config(
        env_id="Glimpse-Catch-v0",
        env={"zooms": (1, 2), "zoom_cost": (0, 0.5)},
        hybrid=False,
        credit="reward",
        gamma=1.0,
        num_episodes=3_200,
        batch_size=32,
        learning_rate=1e-2,
        num_validations=1,
        num_test_episodes=64,
        hidden_size=16,
        size=16,
    )
    result = ram.train(config, runs=tmp_path)
    envs = environments.make_envs(config, 64, "test")
    episodes = collect(envs, result.policy, envs.reset(seed=1), Noise(0, 64), std=0.07)
    assert (episodes.zooms == 0).float().mean() > 0.95


def test_a_price_that_no_look_would_pay_is_refused():
    task = {"decide": "anytime", "zooms": (2, 1), "zoom_cost": 0.1}
    with pytest.raises(ValueError, match=r"zoom_cost is part of the reward, .* use --preset game"):
        ram.prepare(dataclasses.replace(ZOOMED, env_id="Glimpse-MNIST-v0", env=task))


def test_it_learns_to_look_closely(tmp_path):
    """The first glimpse shows gray; only the second zoom shows the stripes, and at first it takes the third. Chance: 50 %."""
    config = Config(
        env_id="FinePrint-v0", num_episodes=20_000, num_validations=1, num_test_episodes=500, hidden_size=16, size=16, blind=0.1
    )
    result = ram.train(config, runs=tmp_path)
    assert result.scores["learned"] == [pytest.approx(50, abs=10), 0]
    envs = environments.evaluation_envs(config, "test")
    episodes = collect(envs, result.policy, envs.reset(seed=1), Noise(0, envs.num_envs))
    assert Counter(episodes.zooms[0].tolist()).keys() == {1}
    assert evaluation.evaluate(result.policy, envs, "test", 1, 500)[-1] == 0
