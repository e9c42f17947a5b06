"""Which checkpoints of a folder are complete: a list that is written last, after the bytes are on the disk.

An entry is in `manifest.json` only when its file was whole under its name. The list is in the order of the
commits, so the newest is the last, whatever the clock says and also after a run was rewound to an older
state. A file that replaces one of the same name is announced first (`next`), so that the name is valid
before and after the rename.
"""

from __future__ import annotations

import json
import logging
import operator
import os
import re
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from eng_fileio import atomic_write_text, exclusive

from .errors import ManifestError
from .names import LAST, MANIFEST, check_name
from .verify import FileInfo, Verify, defect, zip_defect

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["regular", "best"]

_LIMIT_BYTES = 64 << 20
_FORMAT = 2  # 1 had SHA-256 digests
_threads = threading.Lock()


@contextmanager
def editing(folder: Path) -> Iterator[None]:
    """The list of a folder is read and replaced by one at a time, of threads and of processes."""
    with _threads, exclusive(folder):
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One complete checkpoint of a folder.

    Attributes:
        kind: `regular` ones are resumed from; `best` ones are kept for their metrics.
        next: What the name holds from the moment a replacement that was under way got it.
    """

    name: str
    kind: Kind = "regular"
    epoch: int
    iter: int
    step: int
    bytes: int
    xxh128: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    next: FileInfo | None = None

    @property
    def versions(self) -> tuple[FileInfo, ...]:
        """What the file may rightly hold."""
        now = FileInfo(name=self.name, bytes=self.bytes, xxh128=self.xxh128)
        return (now,) if self.next is None else (now, self.next)


def check_counts(**counts: int) -> dict[str, int]:
    """The counts as plain numbers, or a TypeError with the name of one that is none."""
    try:
        return {name: operator.index(count) for name, count in counts.items()}
    except TypeError:
        wrong = next(name for name, count in counts.items() if not hasattr(count, "__index__"))
        raise TypeError(f"`{wrong}` is a whole number, not {counts[wrong]!r}") from None


def check_metrics(metrics: Mapping[str, Any] | None) -> dict[str, float]:
    """Metrics as plain numbers, also those that come as tensors; TypeError with the name of one that is none."""
    made = {}
    for name, value in (metrics or {}).items():
        try:
            if isinstance(value, str):
                raise TypeError("a str is no number")
            made[str(name)] = float(value)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"the metric `{name}` is a number, not {value!r}") from None
    return made


def enter(
    folder: Path,
    info: FileInfo,
    *,
    kind: Kind,
    epoch: int,
    iter: int,
    step: int,
    metrics: Mapping[str, float] | None,
) -> Entry:
    """List what is whole under its name now, as the newest."""
    entry = Entry(
        name=info.name,
        kind=kind,
        epoch=epoch,
        iter=iter,
        step=step,
        bytes=info.bytes,
        xxh128=info.xxh128,
        metrics=dict(metrics or {}),
    )
    with editing(folder):
        write_entries(folder, [*(e for e in entries_to_edit(folder) if e.name != info.name), entry])
    if kind == "regular":
        atomic_write_text(folder / LAST, str((folder / info.name).resolve()))
    return entry


def entries(folder: str | Path) -> tuple[Entry, ...]:
    """What a folder's manifest lists, oldest commit first; nothing when there is no manifest.

    Raises:
        ManifestError: It cannot be read, or lists what it must not, such as a path out of the folder.
    """
    path = Path(folder, MANIFEST)
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    if not stat.S_ISREG(status.st_mode):
        raise ManifestError(f"{path} is not a file, and so not a list of checkpoints")
    if status.st_size > _LIMIT_BYTES:
        raise ManifestError(f"{path} is larger than {_LIMIT_BYTES:,} bytes, which no list of ours is")
    text = path.read_bytes()
    try:  # whatever the bytes are, and whatever making sense of them raises
        return _parsed(json.loads(text.decode()))
    except Exception as error:
        raise ManifestError(
            f"{path} is not a list of checkpoints: {str(error) or type(error).__name__}"
        ) from error


def entries_to_edit(folder: Path) -> tuple[Entry, ...]:
    """What is listed; a list that cannot be read steps aside, since a run must not end because it cannot save."""
    try:
        return entries(folder)
    except ManifestError as error:
        aside = folder / f"{MANIFEST}.corrupt-{time.time_ns()}"
        os.rename(folder / MANIFEST, aside)
        logger.warning(
            "%s; it is %s now, and a new list begins with what is saved from here on", error, aside.name
        )
        return ()


def defect_of_file(path: Path, verify: Verify) -> str | None:
    """What is wrong with a file, by the manifest next to it or, if none lists it, by its own checksums."""
    if verify == "off":
        return None
    try:
        entry = next((e for e in entries(path.parent) if e.name == path.name), None)
    except ManifestError:
        entry = None
    if entry is not None:
        return defect(path, entry.versions, verify)
    return zip_defect(path) if verify == "full" and path.is_file() else None


def write_entries(folder: Path, items: Iterable[Entry]) -> None:
    """Replace a folder's list."""
    text = json.dumps({"format": _FORMAT, "entries": [_plain(item) for item in items]}, indent=1)
    atomic_write_text(folder / MANIFEST, text + "\n")


def announce(folder: Path, info: FileInfo) -> None:
    """Before a listed name gets new content: that it may hold this from now on."""
    with editing(folder):
        listed = entries_to_edit(folder)
        if any(entry.name == info.name for entry in listed):
            items = (replace(e, next=info) if e.name == info.name else e for e in listed)
            write_entries(folder, items)


def _plain(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in asdict(entry).items() if not (key == "next" and value is None)}


def _parsed(content: Any) -> tuple[Entry, ...]:
    if content["format"] != _FORMAT:
        raise ManifestError(f"its format is {content['format']!r}, and this version reads {_FORMAT}")
    return tuple(_entry(item) for item in content["entries"])


def _entry(item: Mapping[str, Any]) -> Entry:
    info = _info(item)
    following = item.get("next")
    if item["kind"] not in {"regular", "best"}:
        raise ValueError(f"kind {item['kind']!r}")
    return Entry(
        name=info.name,
        kind=item["kind"],
        epoch=_count(item, "epoch"),
        iter=_count(item, "iter"),
        step=_count(item, "step"),
        bytes=info.bytes,
        xxh128=info.xxh128,
        metrics={str(name): _number(name, value) for name, value in item["metrics"].items()},
        next=None if following is None else _info(following),
    )


def _count(item: Mapping[str, Any], key: str) -> int:
    count = item[key]
    if type(count) is not int:
        raise ValueError(f"`{key}` of {item['name']!r} is {count!r} and not a whole number")
    return count


def _number(name: str, value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"the metric {name!r} is {value!r} and not a number")
    return float(value)


def _info(item: Mapping[str, Any]) -> FileInfo:
    check_name(item["name"])
    if type(item["bytes"]) is not int or item["bytes"] < 0:
        raise ValueError(f"size {item['bytes']!r}")
    if not re.fullmatch("[0-9a-f]{32}", item["xxh128"]):
        raise ValueError(f"digest {item['xxh128']!r}")
    return FileInfo(name=item["name"], bytes=item["bytes"], xxh128=item["xxh128"])
