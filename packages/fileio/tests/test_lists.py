import pytest

from eng_fileio import dict_from_file, list_from_file


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(b"1.jpg\r\n2.jpg\n\n4.jpg\n")
    return path


def test_lines(names):
    """Line ends go, empty lines between stay, offset and number cut, the prefix is put before."""
    assert list_from_file(names) == ["1.jpg", "2.jpg", "", "4.jpg"]
    assert list_from_file(names, offset=1, max_num=1) == ["2.jpg"]
    assert list_from_file(names, prefix="a/", offset=3) == ["a/4.jpg"]
    assert list_from_file(names, file_client_args={"backend": "local"}, max_num=1) == ["1.jpg"]


def test_an_empty_file_has_no_lines(tmp_path):
    """Not even an empty one."""
    (tmp_path / "empty").touch()
    assert list_from_file(tmp_path / "empty") == []


def test_encodings(tmp_path):
    """The caller may name another encoding."""
    (tmp_path / "a").write_bytes("grün\n".encode("latin-1"))
    assert list_from_file(tmp_path / "a", encoding="latin-1") == ["grün"]


def test_tables(tmp_path):
    """Two columns make a value, more a list, and a key alone is an error with its line."""
    path = tmp_path / "table"
    path.write_text("1 cat\n2 brown dog\n")
    assert dict_from_file(path) == {"1": "cat", "2": ["brown", "dog"]}
    assert dict_from_file(path, key_type=int) == {1: "cat", 2: ["brown", "dog"]}
    path.write_text("1 cat\n2\n")
    with pytest.raises(ValueError, match="table:2: a key and a value, but there is '2'"):
        dict_from_file(path)
