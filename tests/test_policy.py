"""Policy: whoever acts by `predict` does what training and evaluation do, with arrays in and out."""

import dataclasses

import gymnasium as gym
import lamps  # noqa: F401  # registers its ids
import numpy as np
import pytest
import tiny_task  # noqa: F401
import torch
from gymnasium import spaces
from tiny_runs import TINY

import agents
import glimpse_env
from agents import environments, evaluation, models
from agents.policy import LOOKING, Decision, Noise, Policy
from agents.presets import preset
from agents.rollout import collect, greedy

SMALL = {"size": 16, "hidden_size": 16}
CONFIGS = {
    "classes": TINY,
    "canvas": dataclasses.replace(TINY, canvas=9),
    "counted": dataclasses.replace(TINY, looking="fixed"),
    "lstm": dataclasses.replace(TINY, core="lstm", skip=False),
    "cue": dataclasses.replace(preset("best", "Glimpse-Search-v0"), **SMALL, num_glimpses=3),
    "answers": dataclasses.replace(preset("best", "Glimpse-MultiMNIST-v0"), **SMALL),
    "game": dataclasses.replace(preset("best", "Glimpse-Catch-v0"), **SMALL, num_test_episodes=30),
    "choice": dataclasses.replace(preset("best", "lamps:Lamp-v0"), **SMALL),
    "number": dataclasses.replace(preset("best", "lamps:LampLevel-v0"), **SMALL),
}


def policy_of(config, **arguments):
    """An agent with a taste of its own: it looks about."""
    envs = environments.make_envs(config, 1, "validation")
    model = models.make_model(config, envs)
    with torch.no_grad():
        for parameter in model.heads.location.parameters():
            parameter.normal_(std=0.1)
    return Policy(model, envs.single_action_space, config.looking, **arguments)


@pytest.fixture(params=CONFIGS)
def config(request):
    return CONFIGS[request.param]


def observations(config, num_envs):
    """Some that an environment shows, and the environment."""
    envs = environments.make_envs(config, num_envs, "validation")
    return envs, envs.reset(seed=0)[0]


# What it gives.


@pytest.mark.parametrize("deterministic", [True, False])
def test_actions_are_arrays_that_the_environment_takes(config, deterministic):
    policy, (envs, observation) = policy_of(config), observations(config, 5)
    state = None
    for _ in range(3):
        action, state = policy.predict(observation, state, deterministic=deterministic)
        assert type(state) is np.ndarray
        assert (state.dtype, len(state)) == (np.float32, 5)
        for i in range(5):
            assert {key: value[i] for key, value in action.items()} in envs.single_action_space
        observation, *_ = envs.step(action)


def test_a_single_environment_is_played_as_one_of_several(config):
    policy, (_, several) = policy_of(config), observations(config, 3)
    together, states = policy.predict(several)
    for i in range(3):
        one = {key: value[i] for key, value in several.items()}
        action, state = policy.predict(one)
        assert state.shape == (1, states.shape[1])
        np.testing.assert_allclose(action["location"], together["location"][i], atol=1e-6)
        np.testing.assert_allclose(action["action"], together["action"][i], atol=1e-5)
        assert action["location"].shape == (2,)
        again, _ = policy.predict(one, state)
        assert again["location"].shape == (2,)


def test_it_plays_an_environment_made_by_gymnasium():
    policy = policy_of(TINY)
    env = gym.make("Tiny-v0")
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        state, done, steps = None, False, 0
        while not done:
            action, state = policy.predict(observation, state)
            assert action in env.action_space
            observation, _, terminated, truncated, _ = env.step(action)
            done, steps = terminated or truncated, steps + 1
        assert steps == 3


def test_the_same_twice_unless_it_draws(config):
    policy, (_, observation) = policy_of(config), observations(config, 5)
    first, second = (policy.predict(observation)[0] for _ in range(2))
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    drawn = [policy.predict(observation, deterministic=False)[0]["location"] for _ in range(2)]
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] != first["location"]).any()
    of_a_seed = [policy_of(config, seed=3).predict(observation, deterministic=False)[0] for _ in range(2)]
    for key in first:
        np.testing.assert_array_equal(of_a_seed[0][key], of_a_seed[1][key])


def test_the_state_is_memory_and_the_start_of_an_episode_forgets_it(config):
    policy, (envs, observation) = policy_of(config), observations(config, 4)
    action, state = policy.predict(observation)
    later, *_ = envs.step(action)
    _, remembered = policy.predict(later, state)
    _, fresh = policy.predict(later)
    assert not np.allclose(remembered, fresh)
    starts = np.array([True, False, True, False])
    _, mixed = policy.predict(later, state, episode_start=starts)
    np.testing.assert_allclose(mixed[starts], fresh[starts], atol=1e-6)
    np.testing.assert_allclose(mixed[~starts], remembered[~starts], atol=1e-6)
    assert policy.predict(later, state, episode_start=starts.astype(int))[1].tolist() == mixed.tolist()
    for all_or_none, expected in ((True, fresh), (False, remembered)):
        np.testing.assert_allclose(policy.predict(later, state, episode_start=all_or_none)[1], expected, atol=1e-6)
    assert policy.predict(later, state)[1].tolist() == remembered.tolist(), "a state that was given is not changed"


def test_the_observation_may_hold_what_no_network_reads():
    policy, (_, observation) = policy_of(TINY), observations(TINY, 4)
    action, _ = policy.predict(observation)
    more, _ = policy.predict({**observation, "time": np.zeros((4, 1)), "name": np.array(["a"] * 4)})
    np.testing.assert_array_equal(action["location"], more["location"])


def test_an_observation_of_other_environments_is_refused_with_the_remedy():
    policy, (_, observation) = policy_of(CONFIGS["canvas"]), observations(CONFIGS["canvas"], 4)
    lacking = {key: value for key, value in observation.items() if key != "canvas"}
    smaller = {**observation, "glimpse": observation["glimpse"][..., 1:]}
    for other in (lacking, smaller):
        with pytest.raises(ValueError, match=r"cannot read this observation .* with \*\*policy.env_arguments"):
            policy.predict(other)
    with pytest.raises(ValueError, match="glimpse must be float32, as the environments return it, got uint8"):
        policy.predict({**observation, "glimpse": (255 * observation["glimpse"]).astype(np.uint8)})


# It is the agent that is measured.


@pytest.mark.parametrize("name", ["classes", "canvas", "counted", "lstm"])
def test_a_loop_of_predictions_errs_as_the_evaluation_says(name):
    config = CONFIGS[name]
    policy, envs = policy_of(config), environments.evaluation_envs(config, "validation")
    T = environments.task(envs).num_glimpses
    wrong, total = np.zeros(T), 0
    for observation, info, fresh in glimpse_env.walk(envs, environments.first_seed(0, "validation")):
        state, labels = None, info["label"]
        for t in range(T):
            action, state = policy.predict(observation, state)
            wrong[t] += (action["action"] != labels)[fresh].sum()
            observation, *_ = envs.step(action)
        total += int(fresh.sum())
    assert total == environments.task(envs).num_images
    errors = evaluation.evaluate(policy, environments.evaluation_envs(config, "validation"), "validation")
    assert (100 * wrong / total).tolist() == pytest.approx(errors)


@pytest.mark.parametrize("name", ["game", "choice", "number"])
def test_and_its_returns_are_those_of_the_evaluation(name):
    config = CONFIGS[name]
    policy, envs = policy_of(config), environments.make_envs(config, 30, "validation")
    observation, _ = envs.reset(seed=environments.first_seed(0, "validation"))
    returns, playing, state = np.zeros(30), np.ones(30, bool), None
    while playing.any():
        action, state = policy.predict(observation, state)
        observation, reward, terminated, truncated, _ = envs.step(action)
        returns += reward * playing
        playing &= ~terminated & ~truncated
    best = environments.task(envs).best
    mean = returns.mean() * (100 / best if best else 1)
    assert evaluation.evaluate(policy, envs, "validation", 0, 30) == [pytest.approx(mean)]


def test_a_loop_of_predictions_looks_where_a_rollout_does(config):
    policy = policy_of(config)
    episodes, _ = next(greedy(environments.make_envs(config, 6, "validation"), policy, "validation", 0, 6))
    envs = environments.make_envs(config, 6, "validation")
    first = environments.first_seed(0, "validation")
    if environments.task(envs).num_images:
        observation, _, _ = next(iter(glimpse_env.walk(envs, first)))
    else:
        observation, _ = envs.reset(seed=first)
    state = None
    for t, playing in enumerate(episodes.playing.numpy()):
        np.testing.assert_allclose(observation["fixation"][playing], episodes.fixations[t].numpy()[playing], atol=1e-5)
        action, state = policy.predict(observation, state)
        observation, *_ = envs.step(action)


# How it looks and acts.


@pytest.mark.parametrize(("looking", "spread"), [("center", 0.0), ("random", 1 / 3**0.5)])
def test_the_center_and_random_locations_are_where_they_say(looking, spread):
    policy, (envs, observation) = policy_of(TINY), observations(TINY, 300)
    policy = Policy(policy.model, envs.single_action_space, looking)
    for found in (
        policy.predict(observation)[0]["location"],
        collect(envs, policy, envs.reset(seed=0), Noise(0, 300)).fixations[1:].numpy(),
    ):
        assert found.std() == pytest.approx(spread, abs=0.05)
        assert found.mean() == pytest.approx(0, abs=0.08)
        assert np.abs(found).max() <= 1


def test_there_are_five_ways_of_looking():
    assert LOOKING.keys() == {"learned", "fixed", "raster", "random", "center"}


def decided(action, location=((0.0, 0.0),)):
    return Decision(torch.tensor(location), action)


def test_choices_begin_where_the_space_does():
    policy = policy_of(CONFIGS["choice"])
    assert policy.action_space == spaces.Discrete(2, start=5)
    assert policy.env_action(decided(torch.tensor([0, 1])))["action"].tolist() == [5, 6]


def test_numbers_span_the_box_and_are_clipped_to_it():
    box = spaces.Box(np.array([[0, -2, -np.inf, 1]], np.float32), np.array([[10, 2, np.inf, np.inf]], np.float32))
    policy = policy_of(CONFIGS["number"])
    policy = Policy(policy.model, spaces.Dict({"location": spaces.Box(-1, 1, (2,)), "action": box}))
    drawn = torch.tensor([[-1.0, 0.5, 7.0, -3.0], [1.5, -2.0, -0.25, 4.0]])
    made = policy.env_action(decided(drawn))["action"]
    assert made.dtype == np.float32
    assert made.tolist() == [[[0, 1, 7, 1]], [[10, -2, -0.25, 4]]]
    assert all(row in box for row in made)
    assert drawn[1, 0] == 1.5, "the sample itself is not clipped"


def test_locations_are_clipped_for_the_environment_alone():
    policy, decision = policy_of(TINY), decided(torch.tensor([0]), ((1.5, -3.0),))
    assert policy.env_action(decision)["location"].tolist() == [[1, -1]]
    assert decision.location.tolist() == [[1.5, -3.0]]


def test_exploration_draws_from_the_policy():
    policy, (_, observation) = policy_of(CONFIGS["game"]), observations(CONFIGS["game"], 2000)
    model = policy.model
    with torch.no_grad():
        step = model(policy.see(observation), model.initial_state(2000))
        same = step._replace(
            logits=torch.tensor([0.0, 1.0, 2.0]).expand(2000, 3), mean=torch.tensor([0.5, -0.25]).expand(2000, 2)
        )
        drawn = policy.decide(same, Noise(0, 2000), std=0.1, explore=True)
    shares = torch.bincount(drawn.action, minlength=3) / 2000
    torch.testing.assert_close(shares, same.logits[0].softmax(0), atol=0.04, rtol=0)
    torch.testing.assert_close(drawn.location.mean(0), torch.tensor([0.5, -0.25]), atol=0.01, rtol=0)
    torch.testing.assert_close(drawn.location.std(0), torch.tensor([0.1, 0.1]), atol=0.01, rtol=0)


def test_noise_is_the_batchs_however_many_share_it():
    whole = Noise(5, 8)("standard_normal", torch.zeros(8, 2))
    parts = [Noise(5, 8, slice(n, n + 4))("standard_normal", torch.zeros(4, 2)) for n in (0, 4)]
    assert torch.cat(parts).equal(whole)


# As a user of the package has it.


def test_the_shipped_agents_policy_is_a_call_away():
    assert agents.__all__ == ["load"]
    with pytest.raises(FileNotFoundError, match=r"No agent 'Glimpse-Nothing-v0'"):
        agents.load("Glimpse-Nothing-v0")
