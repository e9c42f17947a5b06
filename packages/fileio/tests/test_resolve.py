from pathlib import Path

import pytest

from eng_fileio import BaseStorageBackend, LocalBackend, get_file_backend, register_backend
from eng_fileio.resolve import _by_name, _by_prefix, _instances, parse_uri_prefix


class Shelf(BaseStorageBackend):
    def __init__(self, label: str = "") -> None:
        self.label = label

    def get(self, filepath):
        return f"{self.label}{filepath}".encode()


@pytest.fixture(autouse=True)
def _tables():
    """Each test leaves the tables as they were."""
    kept = [(table, dict(table)) for table in (_by_name, _by_prefix, _instances)]
    yield
    for table, content in kept:
        table.clear()
        table.update(content)


def test_prefixes():
    """Only what stands before `://` counts, after a cluster's name if there is one."""
    uris = ["a/b", Path("a/b"), "s3://b/c", "cluster:s3://b/c", "http://h/f", "C:\\folder"]
    assert [parse_uri_prefix(uri) for uri in uris] == ["", "", "s3", "s3", "http", ""]
    with pytest.raises(TypeError, match="a str or a Path"):
        parse_uri_prefix(["a"])


def test_a_path_finds_its_backend():
    """By prefix, or by the name in backend_args, which wins and leaves the dict alone."""
    register_backend("shelf", Shelf, prefixes=["shelf", "box"])
    assert type(get_file_backend("some/path")) is LocalBackend
    assert type(get_file_backend("box://a")) is Shelf
    args = {"backend": "shelf", "label": "x"}
    assert get_file_backend("some/path", backend_args=args).get("1") == b"x1"
    assert args == {"backend": "shelf", "label": "x"}
    with pytest.raises(ValueError, match="which backend"):
        get_file_backend()
    with pytest.raises(KeyError, match="no backend serves nowhere://"):
        get_file_backend("nowhere://a")
    with pytest.raises(KeyError, match="there are fsspec"):
        get_file_backend(backend_args={"backend": "nobody"})


def test_shared_objects():
    """With `enable_singleton` one object serves equal arguments; without, nobody meets it."""
    register_backend("shelf", Shelf, prefixes="shelf")
    shared = get_file_backend("shelf://a", enable_singleton=True)
    assert get_file_backend("shelf://b", enable_singleton=True) is shared
    assert get_file_backend("shelf://b", enable_singleton=True, backend_args={"label": "x"}) is not shared
    assert get_file_backend("shelf://b") is not shared


def test_registration_refuses_what_it_cannot_use():
    """Wrong types and taken names are errors at once."""
    with pytest.raises(TypeError, match="the name of a backend is a str"):
        register_backend(1, Shelf)
    with pytest.raises(TypeError, match="a backend is a class"):
        register_backend("new", Shelf())
    with pytest.raises(TypeError, match="int is not a BaseStorageBackend"):
        register_backend("new", int)
    with pytest.raises(ValueError, match="'local' already"):
        register_backend("local", Shelf)
    with pytest.raises(ValueError, match="http:// already"):
        register_backend("new", Shelf, prefixes="http")
    with pytest.raises(TypeError, match="prefixes are"):
        register_backend("new", Shelf, prefixes=1)
    assert "new" not in _by_name


def test_force_replaces_name_and_prefix():
    """An own backend may take the place of one that comes with the package."""
    register_backend("local", Shelf, force=True, prefixes="")
    assert type(get_file_backend("some/path")) is Shelf
    assert type(get_file_backend(backend_args={"backend": "local"})) is Shelf


def test_as_a_decorator():
    """The decorated class comes back as it was."""

    @register_backend("decorated", prefixes="decorated")
    class Decorated(Shelf):
        pass

    assert type(get_file_backend("decorated://a")) is Decorated
