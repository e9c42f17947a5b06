"""Packages that exist for one test: source on disk, importable, gone afterwards."""

import sys
import textwrap

import pytest


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """A function that writes files below an importable folder; what is imported from there is forgotten again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return tmp_path

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def distribution(on_disk):
    """A function that installs a distribution whose metadata has these entry points of the group `eng_registry`."""

    def install(name, entry_points, files):
        lines = "".join(f"{point} = {value}\n" for point, value in entry_points.items())
        on_disk(
            {
                f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                f"{name}-1.0.dist-info/entry_points.txt": f"[eng_registry]\n{lines}",
                **files,
            }
        )

    return install
