"""Every choice of a training run. Nothing here asks anybody: presets and environments are looked up above."""

import dataclasses
import pathlib
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class TaskOptions:
    """What is played."""

    env_id: str = "Glimpse-ClutteredMNIST-v0"
    """The Gymnasium id to train on; "my_module:My-v0" for one that a module of yours registers."""
    dataset: str | None = None
    """The images to make its scenes of, in place of its own: a name, or the path of a folder of class folders."""
    split: Literal["train", "train+validation"] = "train"
    """Which images to train on; with "train+validation" the validation error is no measure any more."""
    image_size: int | None = None
    """Pixels a side to which images of a folder are fitted."""
    scene_size: int | None = None
    """Pixels a side of the scene; the id's own unless given, as are the next four."""
    patch_size: int | None = None
    """Pixels a side of each patch of a glimpse."""
    num_scales: int | None = None
    """Patches of a glimpse, each twice as wide as the one before."""
    num_glimpses: int | None = None
    """Glimpses of an episode."""
    canvas: int | Literal["scene"] | None = None
    """Side of the canvas on which the environment paints what was seen, "scene" for all of it; None for no canvas."""
    max_steps: int = 1000
    """Steps after which an episode of a wrapped environment is truncated."""
    augmentation: float = 0.0
    """How much training images are turned, stretched, sheared and shifted; 1 is up to 12 degrees, 15 %, 0.15 and 1.5 pixels."""


@dataclasses.dataclass(frozen=True)
class OptimizationOptions:
    """How its networks are trained."""

    seed: int = 0
    """Of the weights, the scenes and the exploration; any integer in [0, 2**63)."""
    num_episodes: int = 1_200_000
    """Training episodes, one scene each."""
    batch_size: int = 64
    """Episodes an update."""
    learning_rate: float = 1.4e-3
    """Of AdamW at its peak, after a short warm-up; annealed to 0 by a cosine."""
    weight_decay: float = 0.02
    """Of AdamW."""
    max_grad_norm: float = 1.0
    """The gradient is scaled down to this norm."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the matrix products in training; bfloat16 is faster on a GPU, and on a CPU that has instructions for it."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where it runs and what it leaves. None of it changes what is learned; a run can be resumed with others."""

    name: str | None = None
    """Folder under runs/; made of the id, what is trained and the seed unless given."""
    device: str = "auto"
    """Where the networks run: cpu, cuda, cuda:1, mps; auto takes cuda where there is one."""
    num_threads: int = 1
    """CPU threads of the networks in each process."""
    num_validations: int = 20
    """How often the validation split is measured in the course of the training."""
    num_test_episodes: int = 10_000
    """Episodes of an evaluation, where the task has no images to go through."""
    evaluated_on: Literal["test", "validation"] = "test"
    """Which images the trained agent is measured on at the end; "validation" while you choose hyperparameters."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig(TaskOptions, OptimizationOptions, RunOptions):
    """What every training run has."""

    env: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Any other arguments of the environment, by name."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not value >= 0:
                raise ValueError(f"{field.name} must be at least 0, got {value}.")
        for name in ("num_episodes", "batch_size", "learning_rate", "num_validations", "max_steps", "num_test_episodes",
                     "max_grad_norm", "num_threads"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}.")
        if self.name in (".", "..") or (self.name and pathlib.PurePath(self.name).name != self.name):
            raise ValueError(f"name must be that of a folder under runs/, not a path, got {self.name!r}.")
        if self.seed >= 2**63:
            raise ValueError(f"seed must be in [0, 2**63), got {self.seed}.")

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

    @property
    def env_arguments(self) -> dict[str, Any]:
        """What the environment is made with."""
        names = ("dataset", "image_size", "scene_size", "patch_size", "num_scales", "num_glimpses", "canvas")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None} | self.env

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
class NetworkOptions:
    """Its networks, see ``agents.networks``."""

    glimpse_network: Literal["fc", "conv"] = "fc"
    """What reads a glimpse; "fc" is the paper's. A canvas or a cue, where there is one, is read besides."""
    core: Literal["gru", "relu", "lstm"] = "gru"
    """The recurrent core; "relu" is the paper's for classification, "lstm" for games."""
    skip: bool = True
    """Let the action network read the glimpse network's output beside the core's."""
    hidden_size: int = 256
    """Units of each half of the glimpse network; 128 in the paper."""
    size: int = 256
    """Units of the glimpse network's output and of the core."""
    plan: bool = False
    """Let the location depend on the number of the glimpse as well: a plan for scenes of which no glimpse gives an overview."""
    stop_location_gradient: bool = False
    """Keep REINFORCE's gradient of the location out of the core: the other reading of the paper."""


@dataclasses.dataclass(frozen=True)
class LookingOptions:
    """Where it looks while it learns."""

    looking: Literal["learned", "fixed", "random", "center"] = "learned"
    """How locations are chosen: by the location network; one learned sequence for all scenes; uniformly; the center."""
    blind: float = 0.03
    """Share of the training, at first, in which looks are random: the class head learns to read before looks are learned."""
    short: float = 0.0
    """Share of the training, at first, whose episodes have half the glimpses: twice as many are read in the same time."""
    std_start: float = 0.25
    """Standard deviation of the location policy at first, in units of half the scene."""
    std_end: float = 0.07
    """The same at the end; linear in between."""


@dataclasses.dataclass(frozen=True)
class CreditOptions:
    """What it learns from."""

    hybrid: bool = True
    """Train the class by cross-entropy, as the paper does; otherwise the action, class or move, by REINFORCE from reward."""
    scored: Literal["every", "last"] = "every"
    """After which glimpses the class is trained: all of them, or the last, as in the paper."""
    credit: Literal["log_prob", "reward"] = "log_prob"
    """What a look earns: the log-probability of the right class after it, or the environment's reward, as in the paper."""
    gamma: float = 0.0
    """Discount of later rewards in a look's return; 1 in the paper."""
    gae_lambda: float = 1.0
    """How far a return is made of rewards, rather than of the baseline after the next step; 1 in the paper."""
    entropy_coef: float = 0.0
    """Without hybrid: weight of the entropy of the action policy, which keeps it from settling too soon."""


@dataclasses.dataclass(frozen=True)
class Config(TrainingConfig, NetworkOptions, LookingOptions, CreditOptions):
    """One training of the recurrent attention model."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        super().__post_init__()
        for name in ("std_start", "std_end", "size", "hidden_size"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}.")
        for name in ("short", "blind", "gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}.")

    @property
    def trained(self) -> str:
        """How it looks."""
        return self.looking


CIRCUMSTANCES = frozenset(field.name for field in dataclasses.fields(RunOptions))
"""The fields that a resumed run may have otherwise."""
