"""Where names come from that nobody has imported yet: a registry's own locations, and entry points.

A package says in its metadata which module fills which registry:

    [project.entry-points."eng_registry"]
    models = "my_package.models"

Both are imported on the first miss and never again. A location is the registry owner's own word, so its failure is the
caller's failure; one broken entry point must not take the others down, so its error is kept until a name is missing.
"""

from __future__ import annotations

import logging
from importlib import import_module

from eng_registry.node import Failure, Node

GROUP = "eng_registry"

logger = logging.getLogger(__name__)


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
            error.add_note(f"while importing `{location}`, a location of registry {node.label}")
            raise


def import_entry_points(node: Node) -> None:
    if node._entry_point is None:
        return
    # The metadata reader costs more than this whole package, and only a miss needs it.
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        if point.name != node._entry_point and not point.name.startswith(node._entry_point + "."):
            continue
        try:
            point.load()
        except Exception as error:
            distribution = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
            source = f"entry point `{point.name} = {point.value}`{distribution}"
            node._failures.append(Failure(source, error))
            logger.warning("Registry %s: the %s could not be imported.", node.label, source, exc_info=error)
