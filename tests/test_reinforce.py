"""The learning rules: against literal numbers, and against exact gradients by enumeration (contract 5)."""

import dataclasses
import itertools
import math

import pytest
import torch
from gymnasium import spaces

from agents import cores, heads, networks, ram, reinforce
from agents.config import Config
from agents.episodes import Episodes
from agents.policy import Policy

STD = 0.3


def test_returns_are_discounted_sums_of_later_rewards():
    rewards = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 0.0]])
    baselines = torch.full((3, 2), 100.0)  # not read
    assert reinforce.lambda_returns(rewards, baselines, 0.5).tolist() == [[2.0, 1.0], [2.0, 2.0], [4.0, 0.0]]
    assert reinforce.lambda_returns(rewards, baselines, 1.0)[0].tolist() == [5.0, 2.0]  # the paper's: credit is never cut short
    assert reinforce.lambda_returns(rewards, baselines, 0.0).equal(rewards)


def test_lambda_returns_mix_in_the_next_baseline():
    rewards, baselines = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[7.0], [10.0], [20.0]], requires_grad=True)
    one_step = reinforce.lambda_returns(rewards, baselines, 0.5, trace=0.0)
    assert one_step.tolist() == [[1 + 0.5 * 10], [2 + 0.5 * 20], [4]]
    half = reinforce.lambda_returns(rewards, baselines, 1.0, trace=0.5)
    assert half.tolist() == [[1 + (14 + 10) / 2], [2 + (4 + 20) / 2], [4]]
    assert not half.requires_grad


def test_log_prob_is_the_gaussians_and_its_gradient_is_by_the_mean_alone():
    mean = torch.tensor([[0.2, -0.1]], requires_grad=True)
    sample = (mean + torch.tensor([[0.5, 2.0]])).requires_grad_()
    log_prob = reinforce.gaussian_log_prob(sample, mean, STD)
    expected = torch.distributions.Normal(mean, STD).log_prob(sample).sum(-1)
    torch.testing.assert_close(log_prob, expected)
    (by_mean,) = torch.autograd.grad(log_prob.sum(), mean)
    # (sample - mean) / std^2; through a sample that is not held fixed it would vanish.
    torch.testing.assert_close(by_mean, torch.tensor([[0.5, 2.0]]) / STD**2)


def test_class_losses_are_cross_entropies():
    logits = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[0, 4, 2, 2], [0, 1, 2, 3], [3, 4, 2, 0]])  # another target at each step
    expected = [torch.nn.functional.cross_entropy(*step, reduction="none") for step in zip(logits, labels, strict=True)]
    losses = reinforce.class_losses(logits, labels)
    torch.testing.assert_close(losses, torch.stack(expected))
    assert reinforce.class_losses(logits, labels[1])[1].equal(losses[1]), "one target for all steps"


def test_answer_losses_are_what_the_reward_tells_of_the_class():
    logits = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    answers, right = torch.tensor([0, 4, 2, 2]), torch.tensor([True, False, False, True])
    named = logits.softmax(-1)[:, range(4), answers]
    losses = reinforce.answer_losses(logits, answers, right)
    torch.testing.assert_close(losses, -torch.where(right, named, 1 - named).log())
    sure = torch.tensor([[[200.0, 0.0], [0.0, 200.0]]], requires_grad=True)  # of an answer that was wrong
    losses = reinforce.answer_losses(sure, torch.tensor([0, 1]), torch.tensor([False, False]))
    assert losses.tolist() == [[200, 200]]
    losses.sum().backward()
    assert sure.grad.tolist() == [[[1, -1], [-1, 1]]]


def test_answers_drawn_from_the_policy_teach_it_the_probabilities_of_the_classes():
    """At the probabilities of the classes, the expected gradient of all answers and classes vanishes; elsewhere it does not."""
    classes = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)

    def expected(probabilities):
        logits = probabilities.log().requires_grad_()
        pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
        losses = reinforce.answer_losses(logits.expand(1, 9, 3), pairs[:, 0], pairs[:, 0] == pairs[:, 1])
        weights = probabilities[pairs[:, 0]] * classes[pairs[:, 1]]
        return torch.autograd.grad((weights * losses[0]).sum(), logits)[0]

    assert expected(classes).abs().max() < 1e-12
    assert expected(torch.full((3,), 1 / 3, dtype=torch.float64)).abs().max() > 0.03


def test_baseline_loss_is_the_mean_squared_error():
    baselines, returns = torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[4.0, 0.0]], requires_grad=True)
    loss = reinforce.baseline_loss(baselines, returns)
    assert loss.item() == (3**2 + 2**2) / 2
    loss.backward()
    assert baselines.grad is not None
    assert baselines.grad.tolist() == [[-3.0, 2.0]]
    assert returns.grad is None


def test_sampled_policy_gradient_is_the_exact_one_by_enumeration():
    """Two decisions among three actions, the second's policy depending on the first; baselines that depend on the state."""
    generator = torch.Generator().manual_seed(1)
    first = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
    second = torch.randn(3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    reward_1 = torch.randn(3, generator=generator, dtype=torch.float64)
    reward_2 = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    gamma = 1.0

    p_1, p_2 = first.softmax(0), second.softmax(1)
    value = sum(p_1[a] * p_2[a, b] * (reward_1[a] + gamma * reward_2[a, b]) for a, b in itertools.product(range(3), repeat=2))
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(value, (first, second))])

    def gradient(batch: int) -> torch.Tensor:
        a = torch.multinomial(first.detach().softmax(0), batch, replacement=True, generator=generator)
        b = torch.multinomial(second.detach().softmax(1)[a], 1, generator=generator).squeeze(1)
        log_probs = torch.stack([first.log_softmax(0)[a], second.log_softmax(1)[a, b]])
        rewards = torch.stack([reward_1[a], reward_2[a, b]])
        returns = reinforce.lambda_returns(rewards, torch.zeros_like(rewards), gamma)
        baselines = torch.stack([torch.full((batch,), 0.3, dtype=torch.float64), reward_2.mean(1)[a]])
        loss = reinforce.policy_gradient_loss(log_probs, reinforce.advantages(returns, baselines))
        return -2 * torch.cat([g.flatten() for g in torch.autograd.grad(loss, (first, second))])  # mean over T=2

    sampled = torch.stack([gradient(2000) for _ in range(200)])
    error = sampled.std(0) / math.sqrt(len(sampled))
    assert error.max() < 0.003
    assert ((sampled.mean(0) - exact).abs() < 4 * error).all()


def test_losses_refuse_what_does_not_go_together():
    ones = torch.ones(2, 3)
    for call in (
        lambda: reinforce.lambda_returns(ones, ones[:1], 1.0),
        lambda: reinforce.advantages(ones, ones[0]),
        lambda: reinforce.baseline_loss(ones, ones[0]),
        lambda: reinforce.policy_gradient_loss(ones, ones[0]),
        lambda: reinforce.policy_gradient_loss(ones, ones.clone().requires_grad_()),
        lambda: reinforce.gaussian_log_prob(ones, ones[0], STD),
        lambda: reinforce.answer_losses(torch.ones(2, 3, 4), torch.zeros(2).long(), torch.ones(3) > 0),
    ):
        with pytest.raises(AssertionError):
            call()


def test_sampled_location_gradient_is_the_exact_one():
    """The reward is 1 right of x = 0.1, so its expectation is a normal integral, even where samples leave the scene."""
    mean = torch.tensor([0.8, 0.0], dtype=torch.float64, requires_grad=True)
    generator = torch.Generator().manual_seed(2)
    normal = torch.distributions.Normal(0.0, 1.0)
    (exact,) = torch.autograd.grad(normal.cdf((mean[0] - 0.75) / STD), mean)

    def gradient() -> torch.Tensor:
        samples = mean.detach() + STD * torch.randn(1, 4000, 2, dtype=torch.float64, generator=generator)
        reward = (samples.clamp(-1, 1)[..., 0] > 0.75).double()
        log_probs = reinforce.gaussian_log_prob(samples, mean.expand(1, 4000, 2), STD)
        loss = reinforce.policy_gradient_loss(log_probs, reinforce.advantages(reward, torch.full_like(reward, 0.5)))
        return -torch.autograd.grad(loss, mean)[0]

    sampled = torch.stack([gradient() for _ in range(200)])
    error = sampled.std(0) / math.sqrt(len(sampled))
    assert ((sampled.mean(0) - exact).abs() < 4 * error).all()


# --- The losses as the trainer puts them together: each fault of public implementations has a test.

SPACE = spaces.Dict({"location": spaces.Box(-1, 1, (2,)), "action": spaces.Discrete(3)})


def policy_of(location=heads.LocationNetwork, looking="learned"):
    """A small agent of the paper's parts, whose locations depend on what it sees."""
    torch.manual_seed(0)
    read = heads.Heads(heads.ActionNetwork(8, 3), location(8), heads.BaselineNetwork(8))
    model = networks.RecurrentAttentionModel(networks.GlimpseNetwork((1, 4, 4), 8, 8), cores.GRUCore(8, 8), read)
    with torch.no_grad():
        model.heads.location.weight.normal_()
    return Policy(model, SPACE, looking)


def played(policy, T=3, B=5):
    """Episodes of the agent on noise, and the means of all T steps, so that gradients by each can be asked for."""
    generator = torch.Generator().manual_seed(3)
    model, steps, fixations = policy.model, [], torch.zeros(B, 2)
    state = model.initial_state(B)
    for _ in range(T):
        steps.append(model({"glimpse": torch.rand(B, 1, 4, 4, generator=generator), "fixation": fixations}, state))
        steps[-1].mean.retain_grad()
        state = steps[-1].state
    means = torch.stack([step.mean for step in steps])
    episodes = Episodes(
        playing=torch.ones(T, B, dtype=torch.bool),
        cut=torch.zeros(B, dtype=torch.bool),
        after=None,
        logits=torch.stack([step.logits for step in steps]),
        actions=torch.randint(3, (T, B), generator=generator),
        rewards=torch.rand(T, B, generator=generator),
        means=means[:-1],
        locations=(means + torch.randn(T, B, 2, generator=generator)).detach()[:-1],
        baselines=torch.stack([step.baseline for step in steps]),
        fixations=torch.zeros(T, B, 2),
        labels=torch.randint(3, (B,), generator=generator).expand(T, B),
        scored=None,
    )
    return episodes, [step.mean for step in steps]


@pytest.fixture
def policy():
    return policy_of()


def paper(**changes):
    """The paper's rules."""
    return Config(**{"credit": "reward", "gamma": 1.0, **changes})


def test_look_earns_what_comes_after_it_less_the_baseline_before_it(policy):
    episodes, _ = played(policy)
    loss = ram.losses(episodes, policy, paper(), STD)["location"]
    expected = 0.0
    for t in range(2):  # after glimpses 1 and 2; the third look is never taken
        returns = episodes.rewards[t + 1 :].sum(0)
        normal = torch.distributions.Normal(episodes.means[t], STD)
        log_probs = normal.log_prob(episodes.locations[t]).sum(-1)
        expected -= (log_probs * (returns - episodes.baselines[t].detach())).mean() / 2
    outside = (episodes.means.abs() - 1).clamp(min=0).square().sum(-1).mean()
    torch.testing.assert_close(loss, expected + outside)


def test_baseline_foretells_what_comes_after_the_look(policy):
    episodes, _ = played(policy)
    loss = ram.losses(episodes, policy, paper(), STD)["baseline"]
    later = torch.stack([episodes.rewards[1] + episodes.rewards[2], episodes.rewards[2]])
    torch.testing.assert_close(loss, (episodes.baselines[:2] - later).square().mean())


def test_baseline_of_pure_reinforce_foretells_all_that_is_left(policy):
    episodes, _ = played(policy)
    loss = ram.losses(episodes, policy, paper(hybrid=False), STD)["baseline"]
    left = episodes.rewards.flip(0).cumsum(0).flip(0)
    torch.testing.assert_close(loss, (episodes.baselines - left).square().mean())


def test_look_may_be_paid_by_the_log_probability_of_the_right_class_over_chance(policy):
    episodes, _ = played(policy)
    steps = zip(episodes.logits, episodes.labels, strict=True)
    over_chance = [logits.log_softmax(-1)[range(5), labels] + math.log(logits.shape[-1]) for logits, labels in steps]
    paid = dataclasses.replace(episodes, rewards=torch.stack(over_chance).detach())
    for name in ("location", "baseline"):
        found = ram.losses(episodes, policy, paper(credit="log_prob"), STD)[name]
        torch.testing.assert_close(found, ram.losses(paid, policy, paper(), STD)[name])


def test_the_class_may_be_learned_from_the_reward_of_the_answer_without_labels(policy):
    episodes, _ = played(policy)
    rewards = torch.zeros_like(episodes.rewards)
    rewards[-1] = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    told = dataclasses.replace(episodes, rewards=rewards, labels=None)
    parts = ram.losses(told, policy, paper(learn_from="reward", credit="log_prob"), STD)
    losses = reinforce.answer_losses(episodes.logits, episodes.actions[-1], rewards[-1] > 0)
    torch.testing.assert_close(parts["action"], losses.mean())
    gains = rewards[-1] * (math.log(3) - losses.detach())  # nothing if the answer was wrong
    paid = dataclasses.replace(episodes, rewards=gains)
    torch.testing.assert_close(parts["location"], ram.losses(paid, policy, paper(), STD)["location"])


def test_means_are_drawn_back_from_outside_the_scene_alone(policy):
    episodes, _ = played(policy)

    def location_loss(x):
        """Of means at (x, -0.5) and locations there, whose density is the same everywhere; and its gradient by x."""
        at = torch.tensor(x, requires_grad=True)
        means = torch.stack([at, torch.tensor(-0.5)]).expand(2, 5, 2)
        there = dataclasses.replace(episodes, means=means, locations=means.detach())
        loss = ram.losses(there, policy, paper(), STD)["location"]
        return loss.item(), torch.autograd.grad(loss, at)[0].item()

    inside, slope = location_loss(0.3)
    assert slope == 0
    for x in (-0.9, 1.0):
        assert location_loss(x) == pytest.approx((inside, 0))
    for x in (1.5, -3.0):
        beyond = abs(x) - 1
        assert location_loss(x) == pytest.approx((inside + beyond**2, math.copysign(2 * beyond, x)))


def test_entropy_is_raised(policy):
    episodes, _ = played(policy)
    part = ram.losses(episodes, policy, paper(hybrid=False, entropy_coef=0.5), STD)["entropy"]
    entropy = torch.distributions.Categorical(logits=episodes.logits).entropy().mean()
    torch.testing.assert_close(part, -0.5 * entropy)


def test_location_after_the_last_glimpse_is_not_in_the_loss(policy):
    episodes, means = played(policy)
    ram.losses(episodes, policy, paper(), STD)["location"].backward()
    assert means[0].grad.abs().sum() > 0
    assert means[1].grad is not None
    assert means[2].grad is None or means[2].grad.abs().sum() == 0


@pytest.mark.parametrize("looking", ["random", "center"])
def test_looks_that_the_agent_does_not_choose_teach_no_looking(looking):
    policy = policy_of(looking=looking)
    episodes, _ = played(policy)
    assert ram.losses(episodes, policy, paper(), STD).keys() == {"action"}
    assert ram.losses(episodes, policy, paper(hybrid=False), STD).keys() == {"action", "baseline", "entropy"}


def test_an_episode_of_one_glimpse_has_no_look_to_learn_from(policy):
    episodes, _ = played(policy, T=1)
    assert ram.losses(episodes, policy, paper(), STD).keys() == {"action"}


def test_the_class_is_trained_after_every_glimpse_or_the_last(policy):
    episodes, _ = played(policy)
    losses = reinforce.class_losses(episodes.logits, episodes.labels)
    torch.testing.assert_close(ram.losses(episodes, policy, paper(), STD)["action"], losses.mean())
    torch.testing.assert_close(ram.losses(episodes, policy, paper(scored="last"), STD)["action"], losses[-1].mean())
    due = torch.tensor([[True, False, False], [False, True, False], [True, True, False]])[[0, 1, 2, 0, 1]].T
    some = dataclasses.replace(episodes, scored=due)
    torch.testing.assert_close(ram.losses(some, policy, paper(scored="last"), STD)["action"], losses[due].mean())


def reached(policy, loss):
    """The networks that a loss trains."""
    policy.model.zero_grad()
    loss.backward(retain_graph=True)
    found = {name for name, p in policy.model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    return {name.removeprefix("heads.").split(".")[0] for name in found}


SHAPING = {"core", "glimpse_network"}


@pytest.mark.parametrize(
    ("location", "reaches"),
    [(heads.LocationNetwork, {"location"} | SHAPING), (heads.DetachedLocationNetwork, {"location"})],
    ids=["gradient into the core", "stopped"],
)
@pytest.mark.parametrize("changes", [{}, {"hybrid": False, "scored": "last"}], ids=["hybrid", "reward alone"])
def test_each_loss_trains_its_networks_alone(location, reaches, changes):
    policy = policy_of(location)
    episodes, _ = played(policy)
    parts = ram.losses(episodes, policy, paper(**changes), STD)
    assert reached(policy, parts["location"]) == reaches
    assert reached(policy, parts["baseline"]) == {"baseline"}
    assert reached(policy, parts["action"]) == {"action"} | SHAPING


def test_reward_alone_pays_the_answer_what_it_earned_beyond_the_baseline(policy):
    episodes, _ = played(policy)
    part = ram.losses(episodes, policy, paper(hybrid=False, scored="last"), STD)["action"]
    log_probs = episodes.logits[-1].log_softmax(-1).gather(-1, episodes.actions[-1:].T).squeeze(-1)
    torch.testing.assert_close(part, -(log_probs * (episodes.rewards[-1] - episodes.baselines[-1].detach())).mean())
