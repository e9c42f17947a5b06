"""Configuration files that exist for one test."""

import sys
import textwrap

import pytest


@pytest.fixture
def on_disk(tmp_path):
    """A function that writes files into the folder of the test, and gives the path of the last one."""

    def write(**files):
        path = tmp_path
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__"))
            stem, _, suffix = path.name.rpartition("_")
            path = path.with_name(f"{stem}.{suffix}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """The folder of the test is on `sys.path`; what is imported from there is forgotten again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
