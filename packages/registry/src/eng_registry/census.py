"""Counting what is registered: the tree below one root, and all root registries at once."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from eng_registry import root
from eng_registry.discovery import complete
from eng_registry.node import Node
from eng_registry.registry import Registry

logger = logging.getLogger(__name__)


def traverse_registry_tree(registry: Registry, verbose: bool = True) -> list[dict[str, Any]]:
    """What each registry of the tree holds, root first, whichever node is given.

    One dict per node: `num_modules`, `scope`, and for each folder of source (`my_package/models`) the names from it.
    `verbose` logs one line per node.
    """
    nodes = [_count(node) for node in registry.root._walk()]
    if verbose:
        for counted in nodes:
            logger.info(
                "scope `%s`: %d modules of `%s`", counted["scope"], counted["num_modules"], registry.name
            )
    return nodes


def count_registered_modules(save_path: str | None = None, verbose: bool = True) -> dict[str, Any]:
    """What all root registries hold after every provider is imported: `scan_date` and, by variable, `registries`.

    With `save_path`, also written there as `modules_statistic_results.json`.
    """
    roots = {name: value for name, value in vars(root).items() if isinstance(value, Registry)}
    for registry in roots.values():
        complete(registry)
    counted = {
        "scan_date": datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
        "registries": {name: traverse_registry_tree(value, verbose) for name, value in roots.items()},
    }
    if save_path is not None:
        path = Path(save_path) / "modules_statistic_results.json"
        path.write_text(json.dumps(counted, indent=2), encoding="utf-8")
        if verbose:
            logger.info("written to %s", path)
    return counted


def _count(node: Node) -> dict[str, Any]:
    counted: dict[str, Any] = {"num_modules": len(node.module_dict), "scope": node.scope}
    for name, obj in node.module_dict.items():
        folder = "/".join(getattr(obj, "__module__", "").split(".")[:-1])
        counted.setdefault(folder, []).append(name)
    return counted
