"""From runs to one HTML file that needs no network: the frame of the page; what is in it is in `sections`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path

from eng_fileio import atomic_write_text
from eng_visualization.errors import check
from eng_visualization.report.charts import curve_data
from eng_visualization.report.run import Run, read_run
from eng_visualization.report.sections import of_one_run, of_several_runs

__all__ = ["write_report"]


def write_report(
    work_dirs: str | Path | Sequence[str | Path], out: str | Path | None = None, *, verify: bool = True
) -> Path:
    """Write one self-contained HTML page about a run, or one that compares several.

    Args:
        work_dirs: The folder of a run, or several.
        out: The file to write; by default ``report.html`` in the folder of the (first) run.
        verify: Compare the digests of the checkpoints, which reads all of their bytes; needs xxhash, which
            eng-checkpoint brings.

    Returns:
        The file.

    Raises:
        NotARunError: If a folder holds nothing of a run.

    Example:
        >>> import tempfile
        >>> from eng_visualization import LocalVisBackend
        >>> folder = Path(tempfile.mkdtemp())
        >>> for step in range(1, 50):
        ...     LocalVisBackend(folder / "20260101_120000" / "vis_data").add_scalars({"loss": 1 / step}, step)
        >>> write_report(folder).name
        'report.html'
    """
    folders = [work_dirs] if isinstance(work_dirs, (str, Path)) else list(work_dirs)
    check(folders, "a report needs the folder of at least one run")
    runs = [read_run(folder, verify=verify) for folder in folders]
    path = Path(out) if out is not None else Path(folders[0]) / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    page = render(runs).encode(errors="replace")  # names of a folder, or in its files, may not be UTF-8
    atomic_write_text(path, page.decode())
    return path


def render(runs: Sequence[Run]) -> str:
    """The page as text."""
    names = _names(runs)
    title = names[0] if len(runs) == 1 else " and ".join(names) if len(runs) == 2 else f"{len(runs)} runs"
    sections = of_one_run(runs[0]) if len(runs) == 1 else of_several_runs(runs, names)
    sections = [(heading, body) for heading, body in sections if body]
    links = "".join(f'<a href="#{_anchor(heading)}">{escape(heading)}</a>' for heading, _ in sections)
    bodies = "".join(
        f'<section id="{_anchor(heading)}"><h2>{escape(heading)}</h2>{body}</section>'
        for heading, body in sections
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_asset('report.css')}</style></head><body>"
        f'<a class="skip" href="#content">Skip to the content</a>'
        f'<header><h1>{escape(title)}</h1><nav aria-label="Sections">{links}</nav></header>'
        f'<main id="content">{bodies}</main><footer>Made by eng report on {made}.</footer>'
        f'<script type="application/json" id="curve-data">{curve_data(runs, names)}</script>'
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """The name of each folder; with its parent where two have the same."""
    short = [run.name for run in runs]
    return [
        run.name if short.count(run.name) == 1 else "/".join(run.folder.resolve().parts[-2:]) for run in runs
    ]


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


@cache
def _asset(name: str) -> str:
    return files("eng_visualization.report").joinpath("assets", name).read_text(encoding="utf-8")
