import pickle

import pytest

from eng_fileio import LmdbBackend, UnsupportedVerbError, get

lmdb = pytest.importorskip("lmdb", reason="the extra `lmdb`")


@pytest.fixture
def path(tmp_path):
    database = LmdbBackend(tmp_path / "db", readonly=False, map_size=1 << 20)
    database.put(b"cat", "image/1")
    database.close()
    return str(tmp_path / "db")


def test_keys_are_names(path):
    """A key is a file; another one is not there; text is not offered."""
    database = LmdbBackend(path)
    assert database.get("image/1") == b"cat"
    assert (database.isfile("image/1"), database.exists("image/2")) == (True, False)
    with pytest.raises(FileNotFoundError, match="has no key 'image/2'"):
        database.get("image/2")
    with pytest.raises(UnsupportedVerbError):
        database.get_text("image/1")
    assert get("image/1", backend_args={"backend": "lmdb", "db_path": path}) == b"cat"


def test_it_travels_to_another_process_closed(path):
    """A pickled backend opens its database anew, as loader workers need."""
    database = LmdbBackend(path)
    database.get("image/1")
    assert pickle.loads(pickle.dumps(database)).get("image/1") == b"cat"
    database.close()
