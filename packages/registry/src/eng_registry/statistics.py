"""Counting what is registered: the tree below one root, and all root registries at once."""

from __future__ import annotations

from collections.abc import Iterator

from eng_registry import root
from eng_registry.log import logger
from eng_registry.registry import Registry

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any

FILE_NAME = "modules_statistic_results.json"


def traverse_registry_tree(registry: Registry, verbose: bool = True) -> list[dict[str, Any]]:
    """What each registry of the tree holds, root first, whichever node is given.

    One dict for each: `num_modules`, `scope`, and for each folder of source (`my_package/models`) the names
    from it. With `verbose` one line of each is logged.

    >>> blocks = Registry("block", scope="demo")
    >>> blocks.register_module(module=dict)
    <class 'dict'>
    >>> traverse_registry_tree(blocks, verbose=False)
    [{'num_modules': 1, 'scope': 'demo', 'builtins': ['dict']}]
    """
    counted = [_count(node) for node in _downwards(registry.root)]
    if verbose:
        for part in counted:
            logger(__name__).info("%s::%s has %d names", part["scope"], registry.name, part["num_modules"])
    return counted


def count_registered_modules(save_path: str | None = None, verbose: bool = True) -> dict[str, Any]:
    """What all root registries hold once every installed provider is imported.

    `scan_date` (local time) and `registries`: by variable name, the tree as `traverse_registry_tree` gives
    it. With `save_path` also written into that folder, as `modules_statistic_results.json`.
    """
    import json  # here, because these two cost more than this package
    import time

    roots = {name: value for name, value in vars(root).items() if isinstance(value, Registry)}
    for registry in roots.values():
        registry.import_from_location()
    counted = {
        "scan_date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "registries": {name: traverse_registry_tree(value, verbose) for name, value in roots.items()},
    }
    if save_path is not None:
        with open(f"{save_path}/{FILE_NAME}", "w", encoding="utf-8") as file:
            json.dump(counted, file, indent=2)
        if verbose:
            logger(__name__).info("written to %s/%s", save_path, FILE_NAME)
    return counted


def _downwards(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in registry.children.values():
        yield from _downwards(child)


def _count(node: Registry) -> dict[str, Any]:
    counted: dict[str, Any] = {"num_modules": len(node.module_dict), "scope": node.scope}
    for name, obj in node.module_dict.items():
        module = str(getattr(obj, "__module__", ""))
        folder = "/".join(module.split(".")[:-1]) or module
        counted.setdefault(folder, []).append(name)
    return counted
