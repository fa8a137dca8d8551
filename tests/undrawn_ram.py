"""``python -m undrawn_ram``: agents.ram without a run's figures, which take longer than a tiny training."""

from agents import cli, figures

figures.draw = lambda *arguments: []

if __name__ == "__main__":
    cli.main()
