import json

import pytest
import torch

from eng_checkpoint import CorruptCheckpointError, PlainDataError, commit, load_file, save_file

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.float8_e4m3fn,
]  # fmt: skip


@pytest.fixture
def weights():
    odd = {str(dtype): torch.arange(6).reshape(2, 3).to(dtype) for dtype in DTYPES}
    shared = torch.rand(4)
    return odd | {
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "T": torch.rand(2, 3).T,
        "a": shared,
        "b": shared,
    }


def same(one, other):
    assert sorted(one) == sorted(other)
    for name in one:
        assert (one[name].dtype, one[name].shape) == (other[name].dtype, other[name].shape)
        assert (
            one[name]
            .contiguous()
            .view(-1)
            .view(torch.uint8)
            .equal(other[name].contiguous().view(-1).view(torch.uint8))
        )


def test_what_is_written_is_read(tmp_path, weights):
    """Every type and shape; the digest is that of the file."""
    save_file(weights, tmp_path / "w.safetensors")
    same(load_file(tmp_path / "w.safetensors"), weights)
    commit(tmp_path, "v.safetensors", weights, epoch=0, iter=0, step=0)
    same(load_file(tmp_path / "v.safetensors"), weights)


def test_the_format_is_the_one_of_others(tmp_path, weights):
    """Files of the library are read here, and files of ours there."""
    library = pytest.importorskip("safetensors.torch")
    save_file(weights, tmp_path / "ours.safetensors")
    same(library.load_file(tmp_path / "ours.safetensors"), weights)
    library.save_file(
        {n: w.clone().contiguous() for n, w in weights.items()}, tmp_path / "theirs.safetensors"
    )
    same(load_file(tmp_path / "theirs.safetensors"), weights)


@pytest.mark.parametrize(
    "where",
    [None, "cpu", torch.device("meta"), {"cpu": "meta"}, lambda storage, at: storage, lambda *_: None],
)
def test_where_the_tensors_go(tmp_path, where):
    """`map_location` in all the forms that torch takes."""
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors")
    device = load_file(tmp_path / "w.safetensors", map_location=where)["w"].device
    assert device.type == ("meta" if where in (torch.device("meta"), {"cpu": "meta"}) else "cpu")


@pytest.mark.parametrize("value", [3, torch.eye(2).to_sparse(), {"nested": torch.ones(1)}], ids=str)
def test_what_the_format_cannot_hold(tmp_path, value):
    """Is named, and nothing is written."""
    with pytest.raises(PlainDataError, match=r"`x` holds .*named dense tensors only"):
        save_file({"x": value}, tmp_path / "w.safetensors")
    assert list(tmp_path.iterdir()) == []


def header(**items):
    text = json.dumps(items).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"\xff" * 8,
        (10**9).to_bytes(8, "little") + b"{}",
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}),
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}) + b"too long",
        header(a={"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}) + b"1234",
        header(a={"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}),
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}) + b"12345678",
        header(a={"dtype": "XX", "shape": [1], "data_offsets": [0, 4]}) + b"1234",
        header(
            a={"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            b={"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
        )
        + b"1234",
        header(a=[1, 2]),
    ],
    ids=range(12),
)
def test_headers_that_lie(tmp_path, content):
    """Wrong lengths, holes, overlaps and nonsense are damage, whatever memory they ask for."""
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(CorruptCheckpointError):
        load_file(tmp_path / "w.safetensors")
