import io
import json
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eng_fileio import BaseFileHandler, FileIOError, UnsafePickleError, dump, load, register_handler

TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text("abc ü\n:"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


class Payload:
    """`Path.touch` by its name: its pickle writes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@given(tree=TREES)
def test_what_is_dumped_is_loaded(tree):
    """Plain trees come back equal through every format."""
    for file_format in ("json", "yaml", "pkl"):
        content = dump(tree, file_format=file_format)
        stream = io.StringIO(content) if isinstance(content, str) else io.BytesIO(content)
        assert load(stream, file_format=file_format) == tree


@pytest.mark.parametrize("name", ["data.json", "data.yaml", "data.yml", "data.pkl", "data.pickle"])
@pytest.mark.parametrize("kind", [str, Path])
def test_files_by_their_endings(tmp_path, name, kind):
    """The ending names the format, and missing directories are made."""
    path = kind(tmp_path / "new" / name)
    assert dump([{"a": 1}, "bä"], path) is None
    assert load(path) == [{"a": 1}, "bä"]
    assert load(path, backend_args={"backend": "local"}) == [{"a": 1}, "bä"]


def test_open_files(tmp_path):
    """An open file needs the format by name."""
    with open(tmp_path / "data", "w") as file:
        dump({"a": 1}, file, file_format="json", indent=2)
    assert (tmp_path / "data").read_text() == '{\n  "a": 1\n}'
    with open(tmp_path / "data") as file, pytest.raises(TypeError, match="give `file_format`"):
        load(file)


def test_what_cannot_be_meant():
    """Unknown formats, no format, and things that are no files are refused in words."""
    with pytest.raises(TypeError, match="unknown format 'txt'; there are json"):
        load("a.txt")
    with pytest.raises(TypeError, match="unknown format"):
        dump(1, "a.txt")
    with pytest.raises(ValueError, match="give `file_format`"):
        dump(1)
    with pytest.raises(TypeError, match="a path or an open file, not list"):
        load(["a"], file_format="json")
    with pytest.raises(TypeError, match="a path or an open file, not int"):
        dump(1, 2, file_format="json")
    with pytest.raises(ValueError, match="give one of them"):
        load("a.json", file_client_args={}, backend_args={})


def test_json_of_sets_ranges_and_arrays():
    """What has an obvious JSON form gets it; what has none is an error."""

    class Array:
        def tolist(self):
            return [[1.0]]

    assert json.loads(dump({"s": {1}, "r": range(2), "a": Array()}, file_format="json")) == {
        "s": [1],
        "r": [0, 1],
        "a": [[1.0]],
    }
    with pytest.raises(TypeError, match="object has no JSON form"):
        dump(object(), file_format="json")


@pytest.mark.parametrize(
    "text",
    ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!python/object:object {}"],
)
def test_yaml_builds_plain_types_only(tmp_path, text):
    """A tag that would build a Python object is an error and builds nothing."""
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(yaml.constructor.ConstructorError):
        load(tmp_path / "a.yaml")


def test_a_pickle_of_more_than_plain_data_needs_trust(tmp_path):
    """Without trust nothing runs and the global is named; with trust the caller gets what they asked for."""
    mark = tmp_path / "mark"
    dump(Payload(mark), tmp_path / "a.pkl")
    with pytest.raises(UnsafePickleError, match="which is not plain data"):
        load(tmp_path / "a.pkl")
    assert not mark.exists()
    load(tmp_path / "a.pkl", trust=True)
    assert mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles_of_every_protocol(tmp_path, protocol):
    """Plain data and its nearest kin load without trust."""
    data = [
        {"a": (1, 2.5, None, True)},
        {1, 2},
        frozenset({3}),
        OrderedDict(b=b"1"),
        bytearray(b"x"),
        1j,
        range(3),
    ]
    dump(data, tmp_path / "a.pkl", protocol=protocol)
    assert load(tmp_path / "a.pkl") == data


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "os.system", "subprocess.Popen"])
def test_no_way_round_the_list_of_plain_globals(name):
    """A hand-written pickle that names a function is refused before it could be called."""
    module, attribute = name.split(".")
    content = f"c{module}\n{attribute}\n(S'1'\ntR.".encode()
    with pytest.raises(UnsafePickleError) as raised:
        load(io.BytesIO(content), file_format="pkl")
    assert raised.value.name == name
    assert isinstance(raised.value, FileIOError)


def test_numpy_arrays_are_plain(tmp_path):
    """Where numpy is installed, arrays and its numbers load without trust; functions of it do not."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6.0).reshape(2, 3)
    for protocol in (2, 5):
        dump({"array": array, "number": numpy.float32(2)}, tmp_path / "a.pkl", protocol=protocol)
        loaded = load(tmp_path / "a.pkl")
        assert loaded["array"].tolist() == array.tolist()
        assert loaded["number"] == 2


def test_an_own_format(tmp_path):
    """A registered handler serves its endings; what is no handler is refused."""

    @register_handler(["lines", "rows"], separator="|")
    class Lines(BaseFileHandler):
        def __init__(self, separator):
            self.separator = separator

        def load_from_fileobj(self, file):
            return file.read().split(self.separator)

        def dump_to_fileobj(self, obj, file):
            file.write(self.dump_to_str(obj))

        def dump_to_str(self, obj):
            return self.separator.join(obj)

    dump(["a", "b"], tmp_path / "x.rows")
    assert (tmp_path / "x.rows").read_text() == "a|b"
    assert load(tmp_path / "x.rows") == ["a", "b"]
    handler = Lines("-")
    handler.dump_to_path(["c", "d"], tmp_path / "y.lines")
    assert handler.load_from_path(tmp_path / "y.lines") == ["c", "d"]
    with pytest.raises(TypeError, match="is not a BaseFileHandler"):
        register_handler("x")(dict)
    with pytest.raises(TypeError, match="a str or a list of str"):
        register_handler([1])


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", b"{bad"), ("a.yaml", b"a: ["), ("a.pkl", b"\x80\x04")]
)
def test_an_error_in_a_file_names_the_file(tmp_path, name, content):
    """Beside what the format says; a training reads many."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((ValueError, yaml.YAMLError, pickle.UnpicklingError, EOFError)) as raised:
        load(path)
    assert raised.value.__notes__ == [f"while reading {str(path)!r}"]


def test_a_mark_at_the_beginning_is_no_content(tmp_path):
    """As editors of Windows write it."""
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert load(path) == {"a": 1}


@pytest.mark.parametrize("name", ["labels", "folder.d/labels"])
def test_a_name_without_an_ending(name):
    """Is told as such, and not as a format of that name."""
    with pytest.raises(TypeError, match=r"has no ending .* give `file_format`"):
        load(name)
