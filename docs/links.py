"""Links from a name in a docstring, such as `Retina`, to its page."""

from typing import Any

from sphinx.util.nodes import make_refnode


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Link a name that Sphinx cannot find as it stands to the object of ours that ends with it, if there is one.

    Several objects may share a name: the one in the same module is meant, or else the one with the shortest path.
    """
    name = node.get("reftarget", "").removesuffix("()")
    if node.get("refdomain") != "py" or not name or " " in name:
        return None
    objects = env.domains["py"].objects
    found = [full for full in objects if full == name or full.endswith(f".{name}")]
    if not found:
        return None
    here = node.get("py:module") or ""
    full = min(found, key=lambda path: (not path.startswith(f"{here}."), path.count("."), path))
    entry = objects[full]
    return make_refnode(app.builder, node.get("refdoc"), entry.docname, entry.node_id, content, full)
