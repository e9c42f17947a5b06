"""Where names come from that nobody has imported yet: a registry's own locations, and entry points.

A package says in its metadata which of its modules fills which registry:

    [project.entry-points."eng_registry"]
    models = "my_package.models"

Both are imported on the first miss and never again. A location is the word of the registry's owner, so its
failure is the caller's. One broken entry point must not take the others down: its error is kept until a name
is missing.
"""

from __future__ import annotations

from importlib import import_module

from eng_registry.log import logger
from eng_registry.node import Failure, Node

GROUP = "eng_registry"


def complete(node: Node) -> bool:
    """Import everything that may fill `node`; False if that was done before."""
    if node._complete:
        return False
    import_locations(node)
    import_entry_points(node)
    node._complete = True
    return True


def import_locations(node: Node) -> None:
    for location in node._locations:
        try:
            import_module(location)
        except Exception as error:
            error.add_note(f"while importing `{location}`, a location of the {node.label} registry")
            raise


def import_entry_points(node: Node) -> None:
    if node._entry_point is None:
        return
    # The metadata reader costs more than this package, and only a miss needs it.
    from importlib.metadata import entry_points

    node._failures.clear()
    for point in entry_points(group=GROUP):
        if point.name != node._entry_point and not point.name.startswith(f"{node._entry_point}."):
            continue
        try:
            point.load()
        except Exception as error:
            distribution = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
            source = f"entry point `{point.name} = {point.value}`{distribution}"
            node._failures.append(Failure(source, error))
            logger(__name__).warning("%s: the %s could not be imported", node.label, source, exc_info=error)
