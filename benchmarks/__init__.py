"""How fast the environments are. Each module is a command that prints tables: ``python -m benchmarks.throughput``."""
