"""How Sphinx builds the documentation: ``make docs``."""

import importlib.util
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import api_pages  # noqa: E402
import environment_pages  # noqa: E402
import links  # noqa: E402

import glimpse_env  # noqa: E402

project = "Glimpse"
author = "The Glimpse authors"
copyright = "The Glimpse authors"
version = release = glimpse_env.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
extensions += [name for name in ("sphinx_copybutton",) if importlib.util.find_spec(name)]  # pages read without it, too
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Glimpse {version}"
html_static_path = ["static", "stills"]
html_css_files = ["wide.css"]
html_theme_options = {
    "source_repository": "https://github.com/OWNER/glimpse/",
    "source_branch": "main",
    "source_directory": "docs/",
}
default_role = "py:obj"  # a name links to its page
viewcode_follow_imported_members = False  # some come from "builtins", which has no page

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
napoleon_use_ivar = True  # a NamedTuple's fields are described once

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"Observation": "Observation", "Action": "Action", "Info": "Info"}
autodoc_mock_imports = [name for name in ("stable_baselines3", "torch") if importlib.util.find_spec(name) is None]
autodoc_default_options = {"members": True}


def setup(app):
    """Write the pages of environments and modules before anything is read, and show the docstrings' Markdown as such."""
    environment_pages.write(HERE / "environments")
    api_pages.write(HERE / "api")
    app.connect("autodoc-process-docstring", _as_restructured)
    app.connect("missing-reference", links.resolve)


def _as_restructured(app, what, name, obj, options, lines):
    """Show headings in bold, and tables as they are written."""
    given, lines[:] = list(lines), []
    within = False
    for line in given:
        if line.startswith("|") and not within:
            lines += ["", "::", ""]
        within = line.startswith("|")
        if heading := re.match(r"## (.*)", line):
            lines += [f"**{heading[1]}**", ""]
        else:
            lines.append("    " + line if within else line)
