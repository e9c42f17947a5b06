"""A copy of a checkpoint for others: only the entries they need, and a name that proves the content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from eng_checkpoint import load_file, save_file


def publish(path: str | Path, *, keys: Sequence[str]) -> Path:
    """Write `<stem>-<first 8 hex digits of its SHA-256>.pth` beside the checkpoint, with these top-level keys.

    Raises KeyError if the checkpoint lacks one of them.
    """
    source = Path(path)
    state = load_file(source)
    missing = [key for key in keys if key not in state]
    if missing:
        raise KeyError(f"{source} has no {', '.join(missing)} to publish; it has {', '.join(state)}")
    draft = source.with_name(f"{source.stem}.publishing")
    save_file({key: state[key] for key in keys}, draft)
    with open(draft, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return draft.rename(source.with_name(f"{source.stem}-{digest[:8]}.pth"))
