"""Recurrent PPO in one file: plain torch, the native vector env, the Dict action, from the reward alone, without labels.

``python examples/recurrent_ppo.py --num-steps 60000`` named 25.1 % of the test split right (seed 0, 16 seconds of one thread);
docs/benchmark.md is for whole trainings.
"""

import dataclasses
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

import glimpse_env


@dataclasses.dataclass(frozen=True)
class Config:
    """The task and the hyperparameters."""

    env_id: str = "Glimpse-MNIST-v0"
    """The Gymnasium id; all its episodes must have the same length."""
    scored: str = "last"
    """The steps whose action counts: "last", as where a class is named, or "every", as in a game."""
    seed: int = 0
    """The seed of weights, scenes and exploration."""
    num_steps: int = 5_000_000
    """Steps of all environments together."""
    num_envs: int = 256
    """The number of environments; each plays one episode for each update."""
    learning_rate: float = 1e-3
    """The learning rate of Adam, annealed to 0."""
    gamma: float = 1.0
    """The discount of later rewards."""
    gae_lambda: float = 0.95
    """The lambda of generalized advantage estimation."""
    num_epochs: int = 2
    """Passes over the episodes in each update."""
    num_minibatches: int = 4
    """Minibatches in a pass; each has whole episodes."""
    clip_coef: float = 0.2
    """The clipping of the probability ratio."""
    entropy_coef: float = 0.02
    """The weight of the entropy bonus of the action."""
    value_coef: float = 0.5
    """The weight of the squared error of the value."""
    max_grad_norm: float = 0.5
    """The largest norm of the gradient."""
    std: float = 0.3
    """The initial standard deviation of the location; it is learned."""
    size: int = 256
    """The number of units of the encoder and of the GRU."""


class Agent(nn.Module):
    """Encoder, GRU, and heads for action, location and value."""

    def __init__(self, envs: gym.vector.VectorEnv, config: Config) -> None:
        super().__init__()
        glimpse, actions = envs.single_observation_space["glimpse"], envs.single_action_space["action"].n
        self.register_buffer("scale", torch.ones(2, glimpse.shape[0], 1, 1))  # mean and std of each channel
        self.encode = nn.Sequential(nn.Linear(int(np.prod(glimpse.shape)) + 2, config.size), nn.ReLU())
        self.core = nn.GRU(config.size, config.size)
        self.heads = nn.Linear(config.size, actions + 2 + 1)
        nn.init.orthogonal_(self.heads.weight, 0.01)
        nn.init.zeros_(self.heads.bias)
        self.log_std = nn.Parameter(torch.full((2,), np.log(config.std)))

    def forward(self, observation: dict[str, Tensor], state: Tensor | None = None):
        """Map observations (T, B, ...), T at least 1, to the policies of action and location, the values and the next state."""
        glimpse = ((observation["glimpse"] - self.scale[0]) / self.scale[1]).flatten(2)
        h, state = self.core(self.encode(torch.cat([glimpse, observation["fixation"]], 2)), state)
        heads = self.heads(h)
        return Categorical(logits=heads[..., :-3]), Normal(heads[..., -3:-1], self.log_std.exp()), heads[..., -1], state


@torch.no_grad()
def played(envs: gym.vector.VectorEnv, agent: Agent, greedy: bool = False, start=None) -> dict[str, Tensor]:
    """Play an episode in each environment: (T, B, ...) each. The density of a location ignores its clipping."""
    observation, _ = envs.reset() if start is None else start
    steps, state, ended = [], None, False
    while not ended:
        seen = {key: torch.from_numpy(observation[key])[None] for key in ("glimpse", "fixation")}
        actions, locations, value, state = agent(seen, state)
        action = actions.probs.argmax(-1) if greedy else actions.sample()
        location = locations.mean if greedy else locations.sample()
        move = {"location": location[0].clamp(-1, 1).numpy(), "action": action[0].numpy()}
        observation, reward, terminated, truncated, _ = envs.step(move)
        ended = (terminated | truncated).all()
        assert ended or not (terminated | truncated).any(), "episodes of different lengths"
        log_probs = {"action_log_prob": actions.log_prob(action), "location_log_prob": locations.log_prob(location).sum(-1)}
        told = {"value": value, "reward": torch.from_numpy(reward).float()[None]}
        steps.append({**seen, "action": action, "location": location, **log_probs, **told})
    return {name: torch.cat([step[name] for step in steps]) for name in steps[0]}


def advantages(batch: dict[str, Tensor], config: Config) -> Tensor:
    """Generalized advantage estimation over whole episodes; the value after the last step is 0."""
    result, later, next_value = torch.zeros_like(batch["reward"]), 0.0, 0.0
    for t in reversed(range(len(result))):
        delta = batch["reward"][t] + config.gamma * next_value - batch["value"][t]
        later = result[t] = delta + config.gamma * config.gae_lambda * later
        next_value = batch["value"][t]
    return result


def loss(agent: Agent, batch: dict[str, Tensor], config: Config) -> Tensor:
    """The loss of PPO on some whole episodes."""
    actions, locations, value, _ = agent(batch)
    scored = torch.ones(len(value), 1)
    if config.scored == "last":
        scored[:-1] = 0
    log_ratio = scored * (actions.log_prob(batch["action"]) - batch["action_log_prob"])
    looked = locations.log_prob(batch["location"]).sum(-1) - batch["location_log_prob"]
    ratio = torch.cat([log_ratio[:-1] + looked[:-1], log_ratio[-1:]]).exp()  # nothing is seen where the last location is
    clipped = ratio.clamp(1 - config.clip_coef, 1 + config.clip_coef)
    policy = -torch.min(ratio * batch["advantage"], clipped * batch["advantage"]).mean()
    entropy = (scored * actions.entropy()).sum(0).mean() / scored.sum()
    return policy + config.value_coef * (value - batch["return"]).square().mean() - config.entropy_coef * entropy


def training(config: Config) -> Iterator[tuple[int, Agent, float]]:
    """Train on the reward alone; yield the steps so far, the agent and the mean return, after each update."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    envs = gym.make_vec(config.env_id, num_envs=config.num_envs, autoreset_mode="Disabled")
    agent = Agent(envs, config)
    glimpses = torch.from_numpy(envs.reset(seed=config.seed)[0]["glimpse"])
    agent.scale[0], agent.scale[1] = glimpses.mean((0, 2, 3))[:, None, None], glimpses.std((0, 2, 3))[:, None, None]
    optimizer = torch.optim.Adam(agent.parameters(), config.learning_rate, eps=1e-5)
    num_steps = 0
    while num_steps < config.num_steps:
        optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - num_steps / config.num_steps)
        batch = played(envs, agent)
        advantage = advantages(batch, config)
        batch["return"] = advantage + batch["value"]
        batch["advantage"] = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(config.num_epochs):
            for rows in torch.randperm(config.num_envs).chunk(config.num_minibatches):
                optimizer.zero_grad()
                loss(agent, {name: value[:, rows] for name, value in batch.items()}, config).backward()
                nn.utils.clip_grad_norm_(agent.parameters(), config.max_grad_norm)
                optimizer.step()
        num_steps += batch["reward"].numel()
        yield num_steps, agent, batch["reward"].sum(0).mean().item()


def greedy_return(agent: Agent, config: Config) -> float:
    """The mean return without noise, on each image of the test split, once; on 500 episodes if there are none."""
    envs = gym.make_vec(config.env_id, num_envs=500, split="test", autoreset_mode="Disabled")
    starts = glimpse_env.walk(envs) if envs.unwrapped.task.num_images else [(*envs.reset(seed=0), slice(None))]
    rewards = [played(envs, agent, True, start)["reward"].sum(0)[fresh] for *start, fresh in starts]
    return torch.cat(rewards).mean().item()


if __name__ == "__main__":
    config = tyro.cli(Config, description=__doc__)
    for update, (num_steps, agent, mean_return) in enumerate(training(config), 1):
        if update % 50 == 0:
            print(f"{num_steps:9,} steps: return {mean_return:.3f}, std {agent.log_std.exp().mean():.2f}", flush=True)
    reached = greedy_return(agent, config)
    print(f"test accuracy {100 * reached:.2f} %" if config.scored == "last" else f"test return {reached:.3f}")
