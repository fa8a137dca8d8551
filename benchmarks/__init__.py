"""What agents reach, and how fast they and environments are. Most modules are commands: ``python -m benchmarks.reproduce``."""
