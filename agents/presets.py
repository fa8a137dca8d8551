"""Configs to start from: the best for each task, the paper's, and one for any other environment."""

import dataclasses

from agents.config import Config
from agents.environments import task_of

# RAM with a painted canvas, for any task with labels.
_CANVAS = Config(canvas=28)
# RAM without a canvas, of the best parts: a learned memory.
_MODERN = Config(glimpse_network="conv", num_episodes=1_600_000)
# RAM without a canvas, by the reward of its answers alone.
_REWARD = Config(learn_from="reward", gamma=0.5, batch_size=32, learning_rate=1e-3, num_episodes=625_000)
# Reward alone, for any other environment.
_GAME = Config(
    core="lstm",
    skip=False,
    hybrid=False,
    credit="reward",
    gamma=0.99,
    gae_lambda=0.95,
    entropy_coef=0.01,
    batch_size=16,
    learning_rate=1e-3,
    num_episodes=16_000,
    num_validations=10,
    num_test_episodes=32,  # wrapped environments are stepped in Python
)
# A folder of one's own images: some minutes on one core, with a canvas around the gaze.
_PHOTOS = dataclasses.replace(
    _CANVAS,
    num_glimpses=5,
    patch_size=12,
    num_scales=3,
    augmentation=2.0,
    gamma=0.5,
    batch_size=32,
    num_episodes=12_000,
    num_validations=5,
)
# The best known of each task; of others with labels, the canvas.
_BEST = {
    "Glimpse-MNIST-v0": dataclasses.replace(_CANVAS, canvas="scene", gamma=0.7, plan=True, std_start=0.2, std_end=0.05),
    # Scenes that the digit fills come first, and many random looks: otherwise little is learned, see docs/zoom.md.
    "Glimpse-Haystack-v0": dataclasses.replace(
        _MODERN,
        scene_sizes=(28, 60, 120, 250, 500, 1000),
        blind=0.3,
        gamma=0.8,
        entropy_coef=0.15,
        std_start=0.5,  # a digit that is not in sight is far away
        std_end=0.1,
        num_episodes=500_000,
        num_scales=3,
        # Patches of 12, 36 and 108 pixels, or of 108, 324 and 972: what one zoom finds, the other sees around its detail.
        env={"zooms": (9, 1), "location_mode": "glimpse", "initial_fixation": "center"},
    ),
    "Glimpse-Search-v0": dataclasses.replace(_CANVAS, canvas="scene", gamma=0.5, plan=True, num_episodes=300_000),
    "Glimpse-CircleSquare-v0": Config(gamma=0.9, hidden_size=64, size=64, num_episodes=300_000, num_validations=5),
    # A location is a move, in units of the longest one. Random walks teach the class, long moves lead to the figure.
    "Glimpse-CircleSquareRelative-v0": Config(
        local_contrast=True,
        gamma=0.9,
        blind=0.1,
        std_start=1.0,
        std_end=0.3,
        hidden_size=128,
        size=128,
        batch_size=16,
        num_episodes=62_500,  # 1,000,000 steps, the budget of those published
    ),
    "Glimpse-Catch-v0": dataclasses.replace(
        _GAME,
        stop_location_gradient=True,
        gamma=1.0,
        batch_size=256,
        num_episodes=1_500_000,
        num_validations=20,
        num_test_episodes=10_000,
    ),
}
# Mnih et al. (2014), section 4, with Adam for its annealed SGD.
_PAPER = Config(
    core="relu",
    skip=False,
    hidden_size=128,
    credit="reward",
    gamma=1.0,
    scored="last",
    blind=0.0,
    short=0.5,
    std_start=0.15,
    std_end=0.15,
    batch_size=256,
    learning_rate=2e-3,
    weight_decay=0.05,
    num_episodes=16_000_000,
)
_NAMED = {"canvas": _CANVAS, "modern": _MODERN, "paper": _PAPER, "reward": _REWARD, "game": _GAME, "photos": _PHOTOS}
PRESETS = ("best", *_NAMED)


def preset(name: str = "best", env_id: str = Config.env_id) -> Config:
    """The config to start from for a task.

    Args:
        name: "best": the best known for the id; for any other id, "canvas" if the task has labels, else "game".
            "canvas": RAM with a painted canvas. "modern": RAM whose memory is learned. "paper": the paper's own networks and
            rules. "reward": RAM that learns a class from the reward alone. "game": reward alone, for any task. "photos":
            a short training on a folder of the user's own images.
        env_id: the Gymnasium id.

    Raises:
        ImportError, gymnasium.error.Error: there is no such id.
        ValueError: the name is none of these, or the id's observations have no glimpses.
    """
    if name not in PRESETS:
        raise ValueError(f"Unknown preset {name!r}: use one of {', '.join(PRESETS)}.")
    if name == "best" and env_id in _BEST:
        config = _BEST[env_id]
    elif name == "best":
        config = _CANVAS if task_of(env_id).measure == "error" else _GAME
    else:
        config = _NAMED[name]
    return dataclasses.replace(config, env_id=env_id)
