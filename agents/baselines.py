"""What the agent is measured against: ``python -m agents.baselines --baseline conv``.

The paper's networks that see the whole scene (Mnih et al. 2014, section 4.1), trained on the same stream of scenes and
measured the same way; and the agent's own network with fixations that it does not choose: random ones, the centre, or the
best sequence for all scenes.
"""

import argparse
import dataclasses
import json
import pathlib
from typing import Any, Literal

import torch
import tyro
from gymnasium.vector import VectorEnv
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the field's name

import glimpse_env
from agents import build, evaluation, files, ram, tasks, training
from agents.config import TrainingConfig
from agents.parallel import Ranks

LOOKS = ("random", "center", "fixed")


@dataclasses.dataclass(frozen=True)
class BaselineConfig(TrainingConfig):
    """One training of a network that sees the whole scene."""

    num_episodes: int = 2_000_000
    batch_size: int = 64
    learning_rate: float = 1e-3
    network: Literal["fc64", "fc256", "conv"] = "conv"
    """Two hidden layers of 64 or of 256 units, or 8 filters of 10x10 with stride 5 and a hidden layer of 256 units."""

    @property
    def trained(self) -> str:
        """The network."""
        return self.network


def make_network(name: str, scene_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """Make a network of the paper's: (B, C, H, W) in [0, 1] to logits (B, n).

    Args:
        name: "fc64", "fc256" or "conv".
        scene_shape: (H, W, C).
        num_classes: n.
    """
    H, W, C = scene_shape
    if name == "conv":
        features = nn.Sequential(nn.Conv2d(C, 8, 10, stride=5), nn.ReLU(), nn.Flatten())
        num_features, size = 8 * ((H - 10) // 5 + 1) * ((W - 10) // 5 + 1), 256
    else:
        size = int(name.removeprefix("fc"))
        features = nn.Sequential(nn.Flatten(), nn.Linear(H * W * C, size), nn.ReLU())
        num_features = size
    return nn.Sequential(*features, nn.Linear(num_features, size), nn.ReLU(), nn.Linear(size, num_classes))


def scenes_of(envs: VectorEnv[Any, Any, Any]) -> Tensor:
    """The whole scenes, (B, C, H, W) in [0, 1], which no agent ever sees."""
    scenes: Any = envs.unwrapped.world.scenes  # type: ignore[attr-defined]
    return torch.from_numpy(scenes).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def evaluate(network: nn.Module, envs: VectorEnv[Any, Any, Any], seed: int = 0) -> float:
    """Measure the scene of each image of the split once, the very scenes that `evaluation.evaluate` shows: error in percent."""
    wrong, total = 0, 0
    for _, info, fresh in glimpse_env.walk(envs, seed):
        missed = network(scenes_of(envs)).argmax(-1) != torch.from_numpy(info["label"])
        wrong += int(missed[torch.from_numpy(fresh)].sum())
        total += int(fresh.sum())
    return 100 * wrong / total


def train(config: BaselineConfig, resume: bool = False, runs: pathlib.Path = pathlib.Path("runs")) -> float:
    """Train a network on whole scenes, in float32 on the CPU; its files are those of `ram.train`.

    Returns:
        The error in percent on the split it is evaluated on.

    Raises:
        FileNotFoundError, OSError, KeyboardInterrupt: as `training.fit` does.
        ValueError: as `training.fit` does; or there is more to be read than the class of an image.
    """
    if tasks.world(tasks.spec(config.env_id)) != "classification":
        raise ValueError(f"These networks name the class of an image, and {config.env_id} asks for something else.")
    torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    envs = build.make_envs(config, config.batch_size, config.split, **config.variation)
    validation = evaluation.make_envs(config, "validation")
    network = make_network(config.network, envs.unwrapped.world.scenes.shape[1:], envs.single_action_space["action"].n)  # type: ignore[attr-defined,index]
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay, fused=True)

    def step(update: int) -> dict[str, float]:
        training.anneal(optimizer, config, update)
        _, info = envs.reset(seed=config.first_seed(update))
        labels = torch.from_numpy(info["label"])
        logits = network(scenes_of(envs))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return {"error": 100 * (logits.argmax(-1) != labels).float().mean().item(), "loss": loss.item()}

    folder = runs / config.run_name
    training.fit(config, folder, network, optimizer, step, lambda: evaluate(network, validation), "error", Ranks("cpu"), resume)
    error = evaluate(network, evaluation.make_envs(config, config.evaluated_on))
    files.write(folder / "results.json", json.dumps({config.network: [error]}, indent=2) + "\n")
    return error


def main(arguments: list[str] | None = None) -> None:
    """Train as the flags say."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--looking", choices=LOOKS)
    parser.add_argument("--resume", action="store_true")
    own, rest = parser.parse_known_args(arguments)
    if own.looking:
        ram.main([f"--looking={own.looking}", *(["--resume"] if own.resume else []), *rest])
        return
    note = (
        "--looking {random,center,fixed}: the agent's network, led so; its flags are those of agents.ram. "
        "--resume: go on from the run's checkpoint."
    )
    config = tyro.cli(BaselineConfig, args=rest, prog="python -m agents.baselines", description=note)
    with training.plain_errors("agents.baselines"):
        error = train(config, own.resume)
    print(f"{config.evaluated_on} error: {error:.2f} %")


if __name__ == "__main__":
    main()
