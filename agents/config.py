"""Every choice of a training run, as frozen dataclasses. Presets and environments are looked up elsewhere."""

import dataclasses
import pathlib
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class TaskOptions:
    """The task to train on."""

    env_id: str = "Glimpse-ClutteredMNIST-v0"
    """The Gymnasium id; "my_module:My-v0" imports your module, which registers the id."""
    dataset: str | None = None
    """The images to make scenes of, in place of the id's own: a name, or the path of a folder of class folders."""
    split: Literal["train", "train+validation"] = "train"
    """The images to train on. With "train+validation" the validation error no longer measures generalization."""
    image_size: int | None = None
    """Pixels a side; images of a folder are fitted to this size."""
    scene_size: int | None = None
    """Pixels a side of the scene. The id's own by default, like the next four."""
    scene_sizes: tuple[int, ...] = ()
    """Pixels a side of scenes to mix in training, with clutter in proportion; evaluation takes the scene size. The first half
    of the training adds one after the other, the second has all in turn; a size named twice comes twice as often."""
    patch_size: int | None = None
    """Pixels a side of each patch of a glimpse."""
    num_scales: int | None = None
    """Patches of a glimpse, each twice as wide as the one before."""
    num_glimpses: int | None = None
    """Glimpses of an episode."""
    canvas: int | Literal["scene"] | None = None
    """Pixels a side of the canvas, on which the environment paints what was seen; "scene" for the scene's size."""
    max_steps: int = 1000
    """Steps after which an episode of a wrapped environment is truncated."""
    augmentation: float = 0.0
    """Strength of rotation, scaling, shear and shift of training images; 1 means up to 12 degrees, 15 %, 0.15, 1.5 pixels."""


@dataclasses.dataclass(frozen=True)
class OptimizationOptions:
    """The optimization of the networks."""

    seed: int = 0
    """Seed of the weights, the scenes and the exploration, in [0, 2**63)."""
    num_episodes: int = 1_200_000
    """Training episodes, one scene each."""
    batch_size: int = 64
    """Episodes an update."""
    learning_rate: float = 1.4e-3
    """Peak learning rate of AdamW, after a short warm-up; a cosine anneals it to 0."""
    weight_decay: float = 0.02
    """Weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """Larger gradients are scaled down to this norm."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of matrix products in training. bfloat16 is faster on a GPU, and on a CPU with instructions for it."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where a run runs and what it writes. These change nothing that is learned, so a resumed run may change them."""

    name: str | None = None
    """Folder under runs/. By default: the id, what is trained, and the seed."""
    device: str = "auto"
    """Device of the networks: cpu, cuda, cuda:1, mps; auto takes cuda if there is one."""
    num_threads: int = 1
    """CPU threads of the networks, in each process."""
    num_validations: int = 20
    """Number of times that training measures the validation split."""
    num_test_episodes: int = 10_000
    """Episodes of an evaluation, for tasks without images. Other tasks show each image once."""
    evaluated_on: Literal["test", "validation"] = "test"
    """The split of the final measurement. Use "validation" while you choose hyperparameters."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig(TaskOptions, OptimizationOptions, RunOptions):
    """The options that every training run has."""

    env: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Any other arguments of the environment, by name."""
    images: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What is remembered of a folder of the user's own images, see `environments.images_of`; the training fills it in."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        object.__setattr__(self, "scene_sizes", tuple(self.scene_sizes))  # a list in files
        if any(size < 1 for size in self.scene_sizes):
            raise ValueError(f"scene_sizes must be at least 1 each, got {self.scene_sizes}.")
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
        if "split" in self.env:
            raise ValueError(
                f"env has split={self.env['split']!r}: leave it out, a run trains and measures on splits of its own."
            )
        if self.seed >= 2**63:
            raise ValueError(f"seed must be in [0, 2**63), got {self.seed}.")

    @property
    def num_updates(self) -> int:
        """The number of updates in the training."""
        return max(1, self.num_episodes // self.batch_size)

    @property
    def variation(self) -> dict[str, float]:
        """Arguments of the training environments alone: evaluation does without them."""
        if self.augmentation == 0:
            return {}
        return {
            "rotation": 12 * self.augmentation,
            "scale": 1 + 0.15 * self.augmentation,
            "shear": 0.15 * self.augmentation,
            "shift": 1.5 * self.augmentation,
        }

    def scene_size_of(self, update: int) -> int | None:
        """The side of the scenes of an update, None for the usual one."""
        n = len(self.scene_sizes)
        known = min(n, 1 + 2 * n * update // self.num_updates)
        return self.scene_sizes[update % known] if n else None

    @property
    def env_arguments(self) -> dict[str, Any]:
        """The arguments of the environment."""
        names = ("dataset", "image_size", "scene_size", "patch_size", "num_scales", "num_glimpses", "canvas")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None} | self.env

    @property
    def trained(self) -> str:
        """One word for what is trained, as part of the run's name."""
        raise NotImplementedError

    @property
    def run_name(self) -> str:
        """The folder under runs/."""
        images = [] if self.dataset is None else [pathlib.Path(self.dataset).resolve().name]
        return self.name or "-".join([self.env_id.rpartition(":")[2].replace("/", "-"), *images, self.trained, str(self.seed)])


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """The networks; see ``agents.networks``."""

    glimpse_network: Literal["fc", "conv"] = "fc"
    """The network that reads a glimpse; "fc" is the paper's. Others read the canvas and the cue, if there are any."""
    local_contrast: bool = False
    """Whether each patch is read relative to its own mean and standard deviation, by a network of He's initial weights: where
    shapes are faint, on a ground that varies."""
    core: Literal["gru", "relu", "lstm"] = "gru"
    """The recurrent core; "relu" is the paper's for classification, "lstm" for games."""
    skip: bool = True
    """Whether the action network also reads the glimpse network's output."""
    hidden_size: int = 256
    """Units of each half of the glimpse network; 128 in the paper."""
    size: int = 256
    """Units of the glimpse network's output and of the core."""
    plan: bool = False
    """Whether the location also depends on the number of the glimpse: helps where no glimpse shows the whole scene."""
    stop_location_gradient: bool = False
    """Whether the gradient of the location stops before the core: the other reading of the paper."""


@dataclasses.dataclass(frozen=True)
class LookingOptions:
    """Where the agent looks in training."""

    looking: Literal["learned", "fixed", "raster", "random", "center"] = "learned"
    """How to choose locations: by the location network, one learned sequence for all scenes, row by row, at random, or the
    center."""
    blind: float = 0.03
    """Share of the training, at its start, with random looks, so that the class is learned before the looks are."""
    short: float = 0.0
    """Share of the training, at its start, with half the glimpses an episode: twice the scenes in the same time."""
    std_start: float = 0.25
    """Standard deviation of the location policy at the start, in units of half the scene."""
    std_end: float = 0.07
    """The same at the end; it changes linearly."""


@dataclasses.dataclass(frozen=True)
class CreditOptions:
    """The losses and their rewards."""

    hybrid: bool = True
    """Whether cross-entropy trains the class, as in the paper. Otherwise REINFORCE trains the action, from the reward (it needs
    ``credit`` "reward")."""
    learn_from: Literal["labels", "reward"] = "labels"
    """What tells cross-entropy and log-probabilities the class: labels, or the reward of the answer, which is drawn; see
    `agents.reinforce.answer_losses`."""
    scored: Literal["every", "last"] = "every"
    """The glimpses after which the class is trained: every one, or the last, as in the paper."""
    credit: Literal["log_prob", "reward"] = "log_prob"
    """The reward of a look: the log-probability of the right class after it, less that of a guess, or the environment's, as in
    the paper."""
    gamma: float = 0.0
    """Discount of later rewards in a look's return; 1 in the paper."""
    gae_lambda: float = 1.0
    """Lambda of the returns: 1, as in the paper, sums rewards; less relies more on the baseline, and needs no hybrid."""
    entropy_coef: float = 0.0
    """Weight of the entropy of the zoom policy and, without hybrid, of the action policy; it delays premature convergence."""


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
        if not self.hybrid and self.credit == "log_prob":
            raise ValueError("Without hybrid, the action learns from the reward: use credit='reward' (--credit reward).")
        if self.hybrid and self.gae_lambda < 1:
            raise ValueError(
                f"gae_lambda={self.gae_lambda} needs hybrid=False: with hybrid, no baseline predicts a whole return."
            )

    @property
    def trained(self) -> str:
        """The way of looking."""
        return self.looking


CIRCUMSTANCES = frozenset(field.name for field in dataclasses.fields(RunOptions))
"""The fields that a resumed run may have otherwise."""
