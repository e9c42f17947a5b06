"""Save and enter in the list: when `commit` returns, the checkpoint survives whatever comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .file import writing
from .manifest import Entry, Kind, announce, check_counts, check_metrics, enter
from .names import check_name
from .recovery import tidy


def commit(
    folder: str | Path,
    name: str,
    state: Mapping[str, Any],
    *,
    kind: Kind = "regular",
    epoch: int,
    iter: int,
    step: int,
    metrics: Mapping[str, float] | None = None,
) -> Entry:
    """Save a state in a folder and enter it in the folder's manifest; when this returns, it is safe.

    A regular one is also named in the text file `last_checkpoint`, as a hint for people and other programs.

    Raises:
        PlainDataError: The state holds more than tensors and plain values.
        WriteError: The disk said no; what was committed before is untouched.
        ManifestError: `name` is not the plain name of a file.
        TypeError: A count or a metric is no number; nothing was written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> entry = commit(folder, "epoch_1.pth", {"weight": [1.0]}, epoch=1, iter=100, step=100)
        >>> from eng_checkpoint import entries
        >>> [entry.name for entry in entries(folder)]
        ['epoch_1.pth']
    """
    folder = Path(folder)
    check_name(name)
    counts = check_counts(epoch=epoch, iter=iter, step=step)  # a list that holds more could not be read again
    metrics = check_metrics(metrics)
    if folder.is_dir():
        tidy(folder)
    with writing(state, folder / name) as info:
        announce(folder, info)
    return enter(folder, info, kind=kind, **counts, metrics=metrics)
