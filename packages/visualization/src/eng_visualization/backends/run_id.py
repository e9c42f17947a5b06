"""Under which id a run is known to a tracker: a file beside the run, so that a resumed run is the same run there."""

from __future__ import annotations

from pathlib import Path

__all__ = ["keep_run_id", "known_run_id"]


def keep_run_id(folder: Path, name: str, run_id: str) -> None:
    """Write the id into the folder of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(run_id + "\n")


def known_run_id(folder: Path, name: str, *, resumed: bool) -> str | None:
    """The id in the folder of the run; for a resumed run also the newest one of its earlier starts.

    Each start has a folder of its own, ``<work_dir>/<time of the start>/vis_data``.
    """
    places = [folder / name]
    if resumed:
        places += sorted(folder.parent.parent.glob(f"*/{folder.name}/{name}"), reverse=True)
    for place in places:
        if place.is_file() and (run_id := place.read_text().strip()):
            return run_id
    return None
