"""The tests on each Python and on the oldest and newest releases of what is declared: ``nox``, or ``nox -s oldest``."""

import nox

nox.options.default_venv_backend = "uv"
_EXTRAS = ".[agents,sb3,dev]"  # tests of games that are not installed are skipped


@nox.session(python=["3.11", "3.12", "3.13"])
def newest(session: nox.Session) -> None:
    """All that is declared, in its newest release."""
    session.install("-e", _EXTRAS)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """All that is declared, in the oldest release that is declared."""
    session.install("--resolution", "lowest-direct", "-e", _EXTRAS, "pyparsing<3.2")  # later ones warn of what Matplotlib calls
    session.run("python", "-m", "pytest", *session.posargs)
