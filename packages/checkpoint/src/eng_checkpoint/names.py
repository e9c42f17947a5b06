"""File names in a folder of checkpoints: check them, and make one from any string."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath

from .errors import ManifestError

MANIFEST = "manifest.json"
LAST = "last_checkpoint"

_LONGEST_BYTES = 255  # of most file systems
_NOT_IN_A_NAME = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")


def check_name(name: str) -> None:
    """Return when `name` is one plain file name, else raise `ManifestError`."""
    if name in {"", ".", "..", MANIFEST, LAST} or _NOT_IN_A_NAME.search(name) or name.startswith("."):
        raise ManifestError(
            f"{name!r} is not the plain name of a checkpoint; safe_name(...) makes one of any string"
        )
    if len(name.encode()) > _LONGEST_BYTES:
        raise ManifestError(
            f"a name of {len(name.encode())} bytes is too long, {_LONGEST_BYTES} is the most: {name[:40]!r}...; "
            "safe_name(...) makes a shorter one"
        )


def safe_name(text: str) -> str:
    """Return a valid file name for any string, such as one with the name of a metric in it; a valid one is unchanged.

    Characters that a name cannot have become `_`, and a name that is too long is cut. Such a name ends with a digest of
    the string, so that different strings give different names.

    Example:
        >>> safe_name("best_accuracy_epoch_3.pth")
        'best_accuracy_epoch_3.pth'
        >>> safe_name("best_top\\n1_epoch_3.pth")
        'best_top_1_epoch_3-741f8c79.pth'
    """
    try:
        check_name(text)
    except ManifestError:
        pass
    else:
        return text
    cleaned = _NOT_IN_A_NAME.sub("_", text).lstrip(".") or "_"
    suffix = PurePath(cleaned).suffix
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    tail = f"-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}{suffix}"
    stem = cleaned.removesuffix(suffix).encode()[: _LONGEST_BYTES - len(tail.encode())]
    return stem.decode(errors="ignore") + tail
