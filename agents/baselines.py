"""Networks that see the whole scene: ``python -m agents.baselines --network conv``.

They are the paper's (Mnih et al. 2014, section 4.1), and a deeper one. They train on the same stream of scenes as the agent,
and are measured the same way. For the agent's own networks with random looks, use ``agents.ram --looking random``.
"""

import dataclasses
import json
import pathlib
import sys
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the field's name

from agents import environments, files, networks, rollout, training
from agents.config import TrainingConfig
from agents.environments import Envs
from agents.flags import ResumeOptions, parse
from agents.parallel import Ranks


@dataclasses.dataclass(frozen=True)
class SceneNetworkOptions:
    """A network that sees the whole scene."""

    network: Literal["fc64", "fc256", "conv", "deep"] = "conv"
    """Two hidden layers of 64 or of 256 units; or 8 filters of 10x10 with stride 5 and a hidden layer of 256 units; or, not in
    the paper, the four convolutions that read the agent's canvas and a hidden layer of 256 units."""


@dataclasses.dataclass(frozen=True)
class BaselineConfig(TrainingConfig, SceneNetworkOptions):
    """One training of a network that sees the whole scene."""

    num_episodes: int = 16_000_000
    batch_size: int = 256
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        """Refuse what these networks do not have."""
        super().__post_init__()
        plain = BaselineConfig.__dataclass_fields__
        for name in ("precision", "max_grad_norm", "scene_sizes"):
            if getattr(self, name) != plain[name].default:
                raise ValueError(f"{name}={getattr(self, name)!r} is for the agent: leave it out.")
        if self.device not in ("auto", "cpu"):
            raise ValueError(f"These networks train on the CPU, not on device={self.device!r}: leave it out.")

    @property
    def trained(self) -> str:
        """The network."""
        return self.network


def make_network(name: str, scene_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """Make a network that maps scenes (B, C, H, W) in [0, 1] to logits (B, n).

    Args:
        name: "fc64", "fc256", "conv" or "deep".
        scene_shape: (H, W, C).
        num_classes: n.
    """
    H, W, C = scene_shape
    if name == "deep":
        filters = networks.convolutions(C)
        hidden = nn.Linear(networks.num_features(filters, (C, H, W)), 256)
        networks.keep_signals(filters, hidden)
        return nn.Sequential(filters, nn.Flatten(), hidden, nn.ReLU(), nn.Linear(256, num_classes))
    if name == "conv":
        features = nn.Sequential(nn.Conv2d(C, 8, 10, stride=5), nn.ReLU(), nn.Flatten())
        num_features, size = 8 * ((H - 10) // 5 + 1) * ((W - 10) // 5 + 1), 256
    else:
        size = int(name.removeprefix("fc"))
        features = nn.Sequential(nn.Flatten(), nn.Linear(H * W * C, size), nn.ReLU())
        num_features = size
    return nn.Sequential(*features, nn.Linear(num_features, size), nn.ReLU(), nn.Linear(size, num_classes))


def network_for(envs: Envs, name: str) -> nn.Sequential:
    """Make a network for the scenes and the classes of environments, see `make_network`."""
    shape = envs.unwrapped.scenes.shape[1:]  # type: ignore[attr-defined]
    return make_network(name, shape, len(environments.task(envs).action_names))


def scenes_of(envs: Envs) -> Tensor:
    """The whole scenes (B, C, H, W) in [0, 1], which agents never see."""
    scenes: Tensor = torch.from_numpy(envs.unwrapped.scenes)  # type: ignore[attr-defined]
    return scenes.permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def evaluate(network: nn.Module, envs: Envs, split: str, seed: int = 0, num_episodes: int = 10_000) -> float:
    """Return the error in percent on the scenes of `evaluation.evaluate`; num_episodes of them if the task has no images."""
    wrong, total = 0, 0
    for _, info, fresh in rollout.starts(envs, environments.first_seed(seed, split), num_episodes):
        missed = network(scenes_of(envs)).argmax(-1) != torch.from_numpy(info["label"])
        wrong += int(missed[torch.from_numpy(fresh)].sum())
        total += int(fresh.sum())
    return 100 * wrong / total


def train(
    config: BaselineConfig, resume: bool = False, overwrite: bool = False, runs: pathlib.Path = pathlib.Path("runs")
) -> float:
    """Train a network on whole scenes, in float32 on the CPU; it writes the same files as `ram.train`.

    Returns:
        The error in percent on ``config.evaluated_on``.

    Raises:
        FileNotFoundError, FileExistsError, OSError, KeyboardInterrupt: as `ram.train` does.
        ValueError: as `ram.train` does; or the task is not to name the class of a scene.
    """
    envs = environments.make_envs(config, config.batch_size, config.split, **config.variation)
    asked = environments.task(envs)
    if asked.measure != "error" or "scored" in envs.reset(seed=0)[1]:
        raise ValueError(f"These networks name the class of a scene, but {config.env_id} asks for something else.")
    torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    validation = environments.evaluation_envs(config, "validation")
    network = network_for(envs, config.network)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay, fused=True)
    folder, ranks = runs / config.run_name, Ranks(torch.device("cpu"))
    with training.owned(config, folder, ranks, resume, overwrite):
        training.fit(
            config,
            folder,
            network,
            optimizer,
            lambda update: train_step(network, optimizer, envs, config, update),
            lambda: evaluate(network, validation, "validation", num_episodes=config.num_test_episodes),
            "error",
            ranks,
            resume,
        )
        measured = environments.evaluation_envs(config, config.evaluated_on)
        error = evaluate(network, measured, config.evaluated_on, num_episodes=config.num_test_episodes)
        files.write(folder / "results.json", json.dumps({config.network: [error]}, indent=2) + "\n")
    return error


def train_step(
    network: nn.Module, optimizer: torch.optim.Optimizer, envs: Envs, config: BaselineConfig, update: int
) -> dict[str, float]:
    """Learn from a batch of scenes. All randomness comes from (config.seed, update), so any update can be repeated."""
    training.anneal(optimizer, config, update)
    _, info = envs.reset(seed=environments.first_seed(config.seed) + update * config.batch_size)
    labels = torch.from_numpy(info["label"])
    logits = network(scenes_of(envs))
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    figures = {"error": 100 * (logits.argmax(-1) != labels).float().mean().item(), "loss": loss.item()}
    training.check_finite(figures, update)
    optimizer.step()
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    with training.plain_errors("agents.baselines"):
        config, start = parse(
            BaselineConfig(),
            ResumeOptions(),
            sys.argv[1:] if arguments is None else arguments,
            "python -m agents.baselines",
            "Train a network that sees the whole scene.",
        )
        error = train(config, start.resume, start.overwrite)
        print(f"{config.evaluated_on} error: {error:.2f} %")


if __name__ == "__main__":
    main()
