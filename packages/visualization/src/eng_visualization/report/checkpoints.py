"""The checkpoints of a folder, as its ``manifest.json`` lists them, and whether their bytes are what it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Checkpoint", "read_checkpoints"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One line of the list.

    Attributes:
        state: ``verified``, ``size right`` (when digests were not compared), or what is wrong.
    """

    name: str
    kind: str
    epoch: int
    iter: int
    bytes: int
    metrics: Mapping[str, float]
    state: str

    @property
    def is_sound(self) -> bool:
        """Whether nothing speaks against it."""
        return self.state in ("verified", "size right")


def read_checkpoints(folder: Path, *, verify: bool) -> tuple[Checkpoint, ...]:
    """The checkpoints of a folder in the order of their list; none if there is no list that can be read."""
    try:
        listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["entries"]
        return tuple(_checkpoint(folder, item, verify) for item in listed)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _checkpoint(folder: Path, item: Mapping[str, Any], verify: bool) -> Checkpoint:
    name = str(item["name"])
    return Checkpoint(
        name=name,
        kind=str(item["kind"]),
        epoch=int(item["epoch"]),
        iter=int(item["iter"]),
        bytes=int(item["bytes"]),
        metrics=dict(item.get("metrics", {})),
        state=_state(folder / Path(name).name, int(item["bytes"]), str(item["xxh128"]), verify),
    )


def _state(path: Path, size: int, digest: str, verify: bool) -> str:
    if not path.is_file():
        return "missing"
    if path.stat().st_size != size:
        return f"{path.stat().st_size:,} bytes instead of {size:,}"
    if not verify or find_spec("xxhash") is None:
        return "size right"
    import xxhash

    with open(path, "rb") as file:
        found = hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
    return "verified" if found == digest else "its digest is wrong"
