"""Every choice of a training run, and the presets."""

import dataclasses
import pathlib
from typing import Any, Literal

from agents import tasks


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """What every training run has."""

    env_id: str = "Glimpse-ClutteredMNIST-v0"
    """The Gymnasium id to train on; "my_module:My-v0" for one that a module of yours registers."""
    dataset: str | None = None
    """The images to make its scenes of, in place of its own: a name, or the path of a folder of class folders."""
    name: str | None = None
    """Folder under runs/; made of the id, what is trained and the seed unless given."""
    seed: int = 0
    """Of the weights, the scenes and the exploration."""
    max_steps: int = 1000
    """Where an episode of any other than a native environment is truncated, if it is still going on."""
    split: Literal["train", "train+validation"] = "train"
    """Which images to train on; with "train+validation" the validation error is no measure any more."""
    evaluated_on: Literal["test", "validation"] = "test"
    """Which images the trained agent is measured on at the end; "validation" while you choose hyperparameters."""
    device: str = "cpu"
    """Where the network runs: cpu, cuda."""
    num_threads: int = 1
    """CPU threads of the network in each process."""
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the matrix products in training; evaluation is in float32."""

    augmentation: float = 0.0
    """How much training images are turned, stretched, sheared and shifted; 1 is up to 12 degrees, 15 %, 0.15 and 1.5 pixels."""
    num_episodes: int = 1_200_000
    """Training episodes, one scene each."""
    batch_size: int = 64
    """Episodes an update."""
    learning_rate: float = 1.4e-3
    """Of AdamW at its peak, after a short warm-up; annealed to 0 by a cosine."""
    weight_decay: float = 0.02
    """Of AdamW."""
    num_validations: int = 20
    """How often the validation split is measured in the course of the training."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, int | float) and isinstance(value, int | float) and not value >= 0:
                raise ValueError(f"{field.name} must be at least 0, got {value}.")
        for name in ("num_episodes", "batch_size", "learning_rate", "num_validations", "max_steps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}.")

    @property
    def num_updates(self) -> int:
        """How many batches make the training."""
        return max(1, self.num_episodes // self.batch_size)

    @property
    def variation(self) -> dict[str, float]:
        """What the training environments are made with besides, none of which evaluation has."""
        if self.augmentation == 0:
            return {}
        return {
            "rotation": 12 * self.augmentation,
            "scale": 1 + 0.15 * self.augmentation,
            "shear": 0.15 * self.augmentation,
            "shift": 1.5 * self.augmentation,
        }

    def first_seed(self, update: int) -> int:
        """The seed of the first environment of an update; no two episodes of a run share one."""
        return self.seed * 2**40 + update * self.batch_size

    @property
    def env_arguments(self) -> dict[str, Any]:
        """What the environment is made with."""
        return {} if self.dataset is None else {"dataset": self.dataset}

    @property
    def trained(self) -> str:
        """What is trained, in a word: a part of the run's name."""
        raise NotImplementedError

    @property
    def run_name(self) -> str:
        """The folder under runs/."""
        images = [] if self.dataset is None else [pathlib.Path(self.dataset).name]
        return self.name or "-".join([self.env_id.rpartition(":")[2].replace("/", "-"), *images, self.trained, str(self.seed)])


@dataclasses.dataclass(frozen=True)
class Config(TrainingConfig):
    """One training of the recurrent attention model. ``--preset paper`` is the paper's own architecture and rules."""

    num_glimpses: int | None = None
    """Glimpses an episode; the id's own unless given."""
    canvas: int | Literal["scene"] | None = None
    """Side of the canvas on which the environment paints what was seen, "scene" for all of it; see `GlimpseVectorEnv`."""
    window: int = 0
    """Side of the window of the canvas that is read, laid by a heat map around what there is to read; 0: all of it is read."""
    canvas_depth: Literal[1, 2] = 1
    """Convolutions at each resolution of what reads the canvas, 1 or 2."""
    num_test_episodes: int = 10_000
    """Episodes of an evaluation where what counts is the return."""
    clip: float = 1.0
    """Largest gradient norm of the location's parameters, and of all others, each by itself."""

    looking: Literal["learned", "random", "center", "fixed"] = "learned"
    """How locations are chosen: by the location network, uniformly, the centre always, or by one sequence for all scenes."""
    short: float = 0.0
    """Share of the training, at first, whose episodes have half the glimpses: twice as many are read in the same time."""
    blind: float = 0.03
    """Share of the training in which looks are random, so that the class head learns to read first."""
    std_start: float = 0.25
    """Standard deviation of the location policy at first, in units of half the scene."""
    std_end: float = 0.07
    """The same at the end; linear in between."""
    plan_std: float = 0.3
    """Spread, at first, of the plan, a learned location for each glimpse to which the network adds the scene's own; 0: none."""
    gamma: float = 0.0
    """Discount of later rewards in a look's return."""
    trace: float = 1.0
    """Lambda: how far a return is made of rewards, rather than of the baseline after the next step; 1 in the paper."""
    credit: Literal["log_prob", "reward"] = "log_prob"
    """What a look earns: the log-probability of the right class after it, or the environment's reward, as in the paper."""
    scored: Literal["every", "last"] = "every"
    """After which glimpses the class is trained: all of them, or the last, as in the paper."""
    hybrid: bool = True
    """Train the class by cross-entropy, as the paper does; otherwise the action, class or move, by REINFORCE from reward."""
    entropy: float = 0.0
    """Without hybrid: weight of the entropy of the action policy, which keeps it from settling too soon."""

    glimpse_network: Literal["conv", "fc"] = "conv"
    """What reads a glimpse; "fc" is the paper's."""
    core: Literal["gru", "relu", "lstm"] = "gru"
    """The recurrent core; "relu" is the paper's for classification, "lstm" for games."""
    hidden_size: int = 256
    """Units of each half of the glimpse network; 128 in the paper."""
    size: int = 256
    """Units of the glimpse network's output and of the core."""
    location_stream: int = 128
    """Units of a second recurrent stream for the location; 0 for none, as in the paper."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        super().__post_init__()
        for name in ("std_start", "std_end", "clip", "size", "hidden_size", "num_test_episodes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}.")
        for name in ("short", "blind", "gamma", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}.")

    @property
    def env_arguments(self) -> dict[str, Any]:
        """What the environment is made with."""
        given = {"num_glimpses": self.num_glimpses, "canvas": self.canvas}
        return super().env_arguments | {name: value for name, value in given.items() if value is not None}

    @property
    def trained(self) -> str:
        """How it looks."""
        return self.looking


# What wins on each task, as far as is known; ids that are not named here start from the first, or from `_GAME`.
_BEST = Config(glimpse_network="fc", canvas=28, augmentation=0.5)
_BEST_OF = {
    "Glimpse-ClutteredMNIST-v0": dataclasses.replace(
        _BEST, canvas=36, window=28, canvas_depth=2, augmentation=0.8, short=0.6, num_episodes=700_000
    ),
    "Glimpse-MNIST-v0": dataclasses.replace(
        _BEST,
        canvas="scene",
        canvas_depth=2,
        augmentation=1.0,
        gamma=0.7,
        std_start=0.2,
        std_end=0.05,
        num_episodes=800_000,
    ),
    "Glimpse-Catch-v0": Config(
        glimpse_network="fc",
        core="lstm",
        hybrid=False,
        credit="reward",
        gamma=1.0,
        trace=0.95,
        entropy=0.01,
        location_stream=0,
        batch_size=256,
        learning_rate=1e-3,
        num_episodes=860_000,
    ),
    "Glimpse-MultiMNIST-v0": dataclasses.replace(_BEST, augmentation=0.7, num_episodes=900_000),
    "Glimpse-Search-v0": dataclasses.replace(_BEST, canvas="scene", augmentation=0.0, gamma=0.5, num_episodes=300_000),
    "Glimpse-CircleSquare-v0": Config(
        glimpse_network="fc",
        gamma=0.9,
        hidden_size=64,
        size=64,
        location_stream=64,
        num_episodes=100_000,
        num_validations=5,
    ),
    "Glimpse-TranslatedMNIST-v0": dataclasses.replace(_BEST, augmentation=0.7, num_episodes=700_000),
    "Glimpse-ClutteredMNIST100-v0": dataclasses.replace(
        _BEST, canvas=44, window=28, canvas_depth=2, augmentation=0.8, short=0.5, num_episodes=600_000
    ),
}
# Mnih et al. (2014), section 4, with Adam for its annealed SGD.
_PAPER = Config(
    glimpse_network="fc",
    core="relu",
    hidden_size=128,
    location_stream=0,
    credit="reward",
    gamma=1.0,
    scored="last",
    blind=0.0,
    std_start=0.15,
    std_end=0.15,
    plan_std=0.0,
    batch_size=256,
    learning_rate=1e-3,
    weight_decay=0.0,
    num_episodes=12_000_000,
)
# Any other environment: reward alone. It is stepped in Python, so that batches and evaluations are small.
_GAME = dataclasses.replace(
    _BEST_OF["Glimpse-Catch-v0"],
    canvas=None,
    gamma=0.99,
    batch_size=16,
    num_episodes=16_000,
    num_validations=10,
    num_test_episodes=32,
)
PRESETS = ("best", "paper", "game")


def preset(name: str, env_id: str = _BEST.env_id) -> Config:
    """The config to start from on a task.

    Args:
        name: "best", "paper" or "game".
        env_id: the Gymnasium id.

    Raises:
        ImportError, gymnasium.error.Error: no such id.
    """
    best = _BEST if tasks.measure(tasks.spec(env_id)) == "error" else _GAME
    config = {"best": _BEST_OF.get(env_id, best), "paper": _PAPER, "game": _GAME}[name]
    return dataclasses.replace(config, env_id=env_id)
