from collections import OrderedDict, namedtuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from eng_checkpoint import PlainDataError, check_plain, load_file, save_file

Pair = namedtuple("Pair", "a b")
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats()
    | st.text()
    | st.binary(min_size=1)
)
states = st.recursive(
    values | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner, max_size=3)
        | st.sets(st.integers() | st.text(), max_size=3)
    ),
    max_leaves=12,
)


def written(value):
    """As text that tells 1 from 1.0, a nan from another one, and not the order of a set."""
    if isinstance(value, set):
        return f"set {sorted(map(written, value))}"
    if isinstance(value, dict):
        return f"dict {[(repr(key), written(item)) for key, item in value.items()]}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} {list(map(written, value))}"
    return repr(value)


@settings(deadline=None, max_examples=60)
@given(state=states)
def test_what_is_plain_is_loaded_the_same(tmp_path_factory, state):
    """Every value that passes the check comes back from a file, without trust, as it was."""
    path = tmp_path_factory.getbasetemp() / "plain.pth"
    check_plain(state)
    save_file({"state": state}, path)
    assert written(load_file(path, verify="off")["state"]) == written(state)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(3, dtype=torch.bfloat16),
        torch.zeros(2, 3).T,
        torch.eye(3).to_sparse(),
        nn.Parameter(torch.ones(2)),
        nn.Buffer(torch.ones(2)),
        torch.tensor(1 + 2j).conj(),
        torch.zeros(0, 3),
        torch.zeros(2, dtype=torch.float8_e4m3fn),
    ],
    ids=str,
)
def test_tensors_of_every_kind(tmp_path, tensor):
    """Their type, layout and values survive."""
    save_file({"tensor": tensor, "dtype": tensor.dtype, "size": tensor.shape}, tmp_path / "file")
    loaded = load_file(tmp_path / "file")
    assert type(loaded["tensor"]) is type(tensor)
    assert (loaded["dtype"], loaded["size"]) == (tensor.dtype, tensor.shape)
    torch.testing.assert_close(loaded["tensor"], tensor, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("value", "path", "what"),
    [
        ({"hooks": {"ema": [1, print]}}, "hooks.ema.1", "a builtin_function_or_method"),
        ({"meta": {"pair": Pair(1, 2)}}, "meta.pair", r"a \S*test_plain.Pair"),
        ({"rng": {(1, 2): 3}}, "rng.(1, 2)", "a key that is a tuple"),
        ({"log": [1.0, {2.0: object()}]}, "log.1.2.0", "an object"),
        ({"log": b""}, "log", "empty bytes"),
        ({"cfg": OrderedDict(a=ValueError())}, "cfg.a", "a ValueError"),
        (Pair(1, 2), "the state", "Pair"),
    ],
)
def test_anything_else_is_named_by_its_path(value, path, what):
    """The error says where it stands and what it is."""
    with pytest.raises(PlainDataError, match=what) as raised:
        check_plain(value)
    assert raised.value.path == path
    assert isinstance(raised.value, TypeError)


def test_attributes_of_tensors_and_dicts_are_looked_at():
    """What hangs on a tensor or an OrderedDict would be written, too."""
    tensor = torch.ones(1)
    tensor.note = {"who": lambda: 1}
    with pytest.raises(PlainDataError, match=r"`w.note.who` holds a function"):
        check_plain({"w": tensor})
    state = nn.Linear(1, 1).state_dict()
    check_plain(state)
    state._metadata["x"] = print
    with pytest.raises(PlainDataError, match=r"`__dict__._metadata.x`"):
        check_plain(state)


def test_a_container_that_holds_itself():
    """Is refused instead of followed for ever."""
    state = {"list": []}
    state["list"].append(state)
    with pytest.raises(PlainDataError, match=r"`list.0` holds a container that holds itself"):
        check_plain(state)
