"""The API's page of each module, made when the documentation is built: a module that is added has its page at once."""

import pathlib

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("glimpse_env", "agents")


def modules() -> list[str]:
    """The names of all modules."""
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path.name != "__main__.py"]
    paths = [path.relative_to(ROOT) for path in found]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]


def write(folder: pathlib.Path) -> None:
    """Write all pages."""
    folder.mkdir(exist_ok=True)
    for name in modules():
        (folder / f"{name}.md").write_text(page(name))


def page(name: str) -> str:
    """The page of a module: what it defines itself."""
    return f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :ignore-module-all:\n```\n"
