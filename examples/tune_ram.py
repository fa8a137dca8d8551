"""Ray Tune sweeps the bundled agent's hyperparameters and compares trials on the validation split.

Needs the extras "agents" and "tune".
``python examples/tune_ram.py`` found, among four, a learning rate of 0.0032, std_start 0.29 and gamma 0, with 82.9 % of the
validation split right after 30,000 episodes (the choices are drawn anew each time; 90 seconds).
"""

import argparse
import dataclasses
import pathlib
from typing import Any

import ray
from ray import tune

from agents import ram
from agents.config import Config
from agents.presets import preset

SEARCH = {
    "learning_rate": tune.loguniform(3e-4, 1e-2),
    "std_start": tune.uniform(0.1, 0.4),
    "gamma": tune.choice([0.0, 0.7]),
}


def trial(choice: dict[str, Any]) -> None:
    """Train once with the chosen hyperparameters, and report the validation error after the last glimpse."""
    config = Config(**choice)
    result = ram.train(config, runs=pathlib.Path(tune.get_context().get_trial_dir()))
    tune.report({"error": result.scores[config.looking][-1]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-episodes", type=int, default=30_000, help="episodes of each trial")
    parser.add_argument("--num-trials", type=int, default=4)
    parser.add_argument("--num-workers", type=int, default=1, help="trials at the same time")
    options = parser.parse_args()
    fixed = dataclasses.replace(
        preset("best", "Glimpse-MNIST-v0"), num_episodes=options.num_episodes, evaluated_on="validation", num_validations=1
    )
    ray.init(num_cpus=options.num_workers, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={**dataclasses.asdict(fixed), **SEARCH},
        tune_config=tune.TuneConfig(metric="error", mode="min", num_samples=options.num_trials),
        run_config=tune.RunConfig(storage_path=str(pathlib.Path("runs/tune").resolve()), verbose=0),
    )
    best = tuner.fit().get_best_result()
    assert best.metrics is not None
    print({name: best.metrics["config"][name] for name in SEARCH})
    print(f"validation accuracy {100 - best.metrics['error']:.1f} % (chance: 10 %)")
