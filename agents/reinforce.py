"""REINFORCE with a baseline (Williams 1992; Mnih et al. 2014, section 3.2), as pure functions over (T, B) tensors."""

import math

import torch
from torch import Tensor


def gaussian_log_prob(samples: Tensor, means: Tensor, std: float) -> Tensor:
    """Log-density of locations under the policy, summed over x and y.

    Args:
        samples: (..., 2), as drawn, before clipping. No gradient reaches a mean through them.
        means: (..., 2).
        std: the standard deviation of both axes, above 0.

    Returns:
        (...,)
    """
    assert samples.shape == means.shape, (samples.shape, means.shape)
    z = (samples.detach() - means) / std
    return -(0.5 * z**2 + math.log(std) + 0.5 * math.log(2 * math.pi)).sum(-1)


def lambda_returns(rewards: Tensor, baselines: Tensor, gamma: float, trace: float = 1.0) -> Tensor:
    """R_t = r_t + gamma (trace R_{t+1} + (1 - trace) b_{t+1}), over the first axis, with R = b = 0 after the end.

    With trace 1 it is the discounted sum of later rewards, as in the paper. A smaller trace trades variance for bias (Sutton &
    Barto 2018, section 12.1); R_t - b_t is then the advantage of Schulman et al. (2016).

    Args:
        rewards: (T, B), r_t the reward of the decision at step t.
        baselines: (T, B), b_t; they get no gradient.
        gamma: the discount, in [0, 1]; 1 in the paper.
        trace: lambda, in [0, 1].

    Returns:
        (T, B)
    """
    assert rewards.shape == baselines.shape, (rewards.shape, baselines.shape)
    baselines = baselines.detach()
    returns = torch.empty_like(rewards)
    later = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        returns[t] = rewards[t] + gamma * later
        later = trace * returns[t] + (1 - trace) * baselines[t]
    return returns


def advantages(returns: Tensor, baselines: Tensor) -> Tensor:
    """R_t - b_t, without a gradient for the baseline. All (T, B)."""
    assert returns.shape == baselines.shape, (returns.shape, baselines.shape)
    return (returns - baselines).detach()


def policy_gradient_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """-mean log pi(a_t) A_t: its gradient is REINFORCE's. Both (T, B); the advantages carry no gradient."""
    assert log_probs.shape == advantages.shape, (log_probs.shape, advantages.shape)
    assert not advantages.requires_grad, "an advantage that carries a gradient would train the baseline by it"
    return -(log_probs * advantages).mean()


def baseline_loss(baselines: Tensor, returns: Tensor) -> Tensor:
    """Mean squared error between baseline and return. Both (T, B)."""
    assert baselines.shape == returns.shape, (baselines.shape, returns.shape)
    return (baselines - returns.detach()).square().mean()


def class_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the action head after each glimpse, the supervised half of the hybrid loss.

    Args:
        logits: (T, B, n).
        labels: (T, B) integers in [0, n), the target at each step; (B,) if it is the same at all steps.

    Returns:
        (T, B)
    """
    T, B, _ = logits.shape
    return -logits.log_softmax(-1).gather(-1, labels.expand(T, B).unsqueeze(-1)).squeeze(-1)


def answer_losses(logits: Tensor, answers: Tensor, right: Tensor) -> Tensor:
    """What the reward of an answer tells of the class: -log p(answer) if it was right, -log(1 - p(answer)) if it was wrong.

    The class is the same at all steps, so each glimpse is told, whatever the agent would have answered after it. No label is
    needed. If answers are drawn from the policy, its probabilities become those of the classes.

    Args:
        logits: (T, B, n), n at least 2.
        answers: (B,) integers in [0, n), the answer of each episode.
        right: (B,) bool, whether it was right.

    Returns:
        (T, B)
    """
    T, B, _ = logits.shape
    assert answers.shape == right.shape == (B,), (answers.shape, right.shape)
    chosen = answers.expand(T, B).unsqueeze(-1)
    named = logits.gather(-1, chosen).squeeze(-1)
    others = logits.scatter(-1, chosen, -math.inf).logsumexp(-1)
    return logits.logsumexp(-1) - torch.where(right, named, others)
