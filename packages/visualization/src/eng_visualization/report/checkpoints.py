"""The checkpoints of a folder, as its ``manifest.json`` lists them, and whether their bytes are what it says."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eng_visualization.report.files import json_in, numbers_of

__all__ = ["Checkpoint", "read_checkpoints"]

logger = logging.getLogger(__name__)


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
    listed = json_in(folder, folder / "manifest.json").get("entries", ())
    try:
        return tuple(_checkpoint(folder, item, verify) for item in listed)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        logger.warning("%s is not a list of checkpoints: %s", folder / "manifest.json", error)
        return ()


def _checkpoint(folder: Path, item: Mapping[str, Any], verify: bool) -> Checkpoint:
    name = str(item["name"])
    return Checkpoint(
        name=name,
        kind=str(item["kind"]),
        epoch=int(item["epoch"]),
        iter=int(item["iter"]),
        bytes=int(item["bytes"]),
        metrics=dict(numbers_of(item.get("metrics", {}))),
        state=_state(folder / Path(name).name, int(item["bytes"]), str(item["xxh128"]), verify),
    )


def _state(path: Path, size: int, digest: str, verify: bool) -> str:
    if path.is_symlink():
        return "a link, where the file itself was written"
    if not (path.is_file() or path.is_dir()):
        return "missing"
    files = _files_of(path)
    found_size = sum((path / file).stat().st_size for file in files)
    if found_size != size:
        return f"{found_size:,} bytes instead of {size:,}"
    if not verify or find_spec("xxhash") is None:
        return "size right"
    return "verified" if _digest(path, files) == digest else "its digest is wrong"


def _files_of(path: Path) -> list[str]:
    """The file itself, or those of the directory that a sharded checkpoint is, below it."""
    if path.is_file():
        return [""]
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def _digest(path: Path, files: Sequence[str]) -> str:
    """Of a file's content; of a directory's, the names, sizes and digests of its files."""
    import xxhash

    digests = []
    for name in files:
        with open(path / name, "rb") as file:
            digests.append(hashlib.file_digest(file, xxhash.xxh3_128).hexdigest())
    if path.is_file():
        return digests[0]
    sizes = [(path / name).stat().st_size for name in files]
    listing = "".join(
        f"{name}\0{size}\0{digest}\n" for name, size, digest in zip(files, sizes, digests, strict=True)
    )
    return str(xxhash.xxh3_128_hexdigest(listing.encode()))
