"""How Sphinx builds the documentation: ``make docs``."""

import importlib.util
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import environment_pages  # noqa: E402

import glimpse_env  # noqa: E402

project = "Glimpse"
author = "The Glimpse authors"
copyright = "The Glimpse authors"
version = release = glimpse_env.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Glimpse {version}"
default_role = "code"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"Observation": "Observation", "Action": "Action", "Info": "Info"}
autodoc_mock_imports = [name for name in ("stable_baselines3", "torch") if importlib.util.find_spec(name) is None]
autodoc_default_options = {"members": True}


def setup(app):
    """Write the environments' pages before anything is read, and show their docstrings' headings as such."""
    environment_pages.write(HERE / "environments")
    app.connect("autodoc-process-docstring", _headings_in_bold)


def _headings_in_bold(app, what, name, obj, options, lines):
    lines[:] = [re.sub(r"^## (.*)", r"**\1**\n", line) for line in "\n".join(lines).splitlines()]
    lines[:] = "\n".join(lines).splitlines()
