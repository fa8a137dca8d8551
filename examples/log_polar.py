"""Another retina: RAM on translated MNIST, seen through rings and wedges (Schwartz 1980) or through the paper's squares.

Needs ``pip install "glimpse-env[agents]"`` in a clone. Both retinas give 432 numbers a glimpse; neither agent has a canvas.
``python examples/log_polar.py`` named 97.5 % of the validation split right, and with ``--retina square`` 97.5 % as well, after
400,000 scenes and ten minutes of one core each.
"""

import argparse
import dataclasses

import gymnasium as gym

import glimpse_env
from agents import ram
from agents.presets import preset

gym.register(
    "LogPolar-v0",
    entry_point="glimpse_env:GlimpseEnv",
    vector_entry_point="glimpse_env:GlimpseVectorEnv",
    kwargs={
        **glimpse_env.TASKS["Glimpse-TranslatedMNIST-v0"],
        "retina": glimpse_env.LogPolarRetina(num_rings=16, num_wedges=27, radius=30),
    },
)
IDS = {"log-polar": "LogPolar-v0", "square": "Glimpse-TranslatedMNIST-v0"}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retina", choices=IDS, default="log-polar")
    parser.add_argument("--num-episodes", type=int, default=400_000)
    flags = parser.parse_args()
    config = dataclasses.replace(
        preset("canvas", IDS[flags.retina]),
        canvas=None,
        num_episodes=flags.num_episodes,
        num_validations=2,
        name=f"retina-{flags.retina}",
        evaluated_on="validation",
    )
    result = ram.train(config, overwrite=True)
    print(result.report)
    print(f"validation accuracy {100 - result.scores['learned'][-1]:.1f} % (chance: 10 %)")
