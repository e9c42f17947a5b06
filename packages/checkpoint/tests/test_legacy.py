"""Files that MMEngine 0.8.5 and 0.10.7 wrote, each with a message hub, numpy values, a deque and EMA weights."""

import io
import pickle
from pathlib import Path

import pytest
import torch

from eng_checkpoint import (
    CorruptCheckpointError,
    UnsafeCheckpointError,
    check_plain,
    load_checkpoint,
    load_file,
)

FILES = sorted(Path(__file__).parent.glob("data/reference_*.pth"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_all_of_it_becomes_plain_data(path, model):
    """Histories, arrays, scalars and deques are lists, tensors and numbers; versions of modules survive."""
    state = load_file(path)
    scalars = state["message_hub"]["log_scalars"]
    assert scalars["train/lr"] == {
        "_log_history": [0.1] * 5,
        "_count_history": [1] * 5,
        "_max_length": 1_000_000,
    }
    assert scalars["train/loss"]["_log_history"] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    info = state["message_hub"]["runtime_info"]
    assert (info["epoch"], info["best_score"], info["keep_ckpt_ids"]) == (2, 0.75, [1, 2])
    assert info["per_class"].equal(torch.arange(6.0).reshape(2, 3))
    assert (state["meta"]["seed"], type(state["meta"]["seed"])) == (7, int)
    assert state["state_dict"]._metadata["1"] == {"version": 2}
    assert state["ema_state_dict"]["steps"] == 3
    checkpoint = load_checkpoint(model, path, strict=True)
    assert model[0].weight.equal(checkpoint["state_dict"]["0.weight"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_read_can_be_saved(path, tmp_path):
    """The result is data of the kind that this package writes."""
    from eng_checkpoint import save_file

    save_file(load_file(path), tmp_path / "again.pth")
    again, first = load_file(tmp_path / "again.pth"), load_file(path)
    assert again["message_hub"]["log_scalars"] == first["message_hub"]["log_scalars"]


class Asks:
    """Pickled as a call of one of the names that have a stand-in."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("version", ["0.9.1", "0.10.7"])
def test_what_a_whole_run_of_it_saved(version):
    """Two epochs of its own runner with Adam, two schedules, EMA, a metric and clipping: all of it is plain data."""
    state = load_file(Path(__file__).parent / "data" / f"trained_{version}.pth")
    check_plain(state)
    assert (state["meta"]["mmengine_version"], state["meta"]["iter"]) == (version, 4)
    hub = state["message_hub"]
    assert [len(hub["log_scalars"][f"train/{name}"]["_log_history"]) for name in ("lr", "loss")] == [4, 4]
    assert hub["log_scalars"]["val/acc"]["_log_history"] == [1.0]
    assert hub["runtime_info"]["val/per_class"].tolist() == [0.0, 1.0, 2.0]
    assert state["optimizer"]["state"][0]["exp_avg"].shape == (3, 2)
    assert state["ema_state_dict"]["module.net.0.weight"].shape == (3, 2)
    assert [schedule["last_step"] for schedule in state["param_schedulers"]] == [1, 1]


def saved(tmp_path, value):
    torch.save({"deque": Asks(getattr, "text", "upper"), "value": value}, tmp_path / "file.pth")
    return tmp_path / "file.pth"


def test_the_stand_ins_open_no_door(tmp_path, payload):
    """`getattr` gives nothing but a name, and only of a history; other names stay refused."""
    thing, ran = payload
    allowed = set(torch.serialization.get_safe_globals())
    with pytest.raises(CorruptCheckpointError, match="asks for the attribute 'upper' of 'text'"):
        load_file(saved(tmp_path, 1))
    torch.save({"asks": Asks(getattr, pickle.Unpickler, "load"), "value": thing}, tmp_path / "file.pth")
    with pytest.raises((UnsafeCheckpointError, CorruptCheckpointError)):
        load_file(tmp_path / "file.pth")
    assert not ran.exists()
    assert set(torch.serialization.get_safe_globals()) == allowed


def test_arrays_of_any_kind(tmp_path):
    """Fortran order, the other byte order, empty, of objects; what no tensor can hold is said."""
    numpy = pytest.importorskip("numpy")
    arrays = {
        "fortran": numpy.asfortranarray(numpy.arange(6).reshape(2, 3)),
        "big": numpy.arange(3, dtype=">i4"),
        "empty": numpy.zeros((0, 2)),
        "bool": numpy.array([True, False]),
    }
    torch.save(
        arrays | {"objects": numpy.array([1, "two"], dtype=object), "n": numpy.int16(-3)}, tmp_path / "f.pth"
    )
    loaded = load_file(tmp_path / "f.pth")
    for name, array in arrays.items():
        assert loaded[name].tolist() == array.tolist()
    assert (loaded["objects"], loaded["n"]) == ([1, "two"], -3)
    torch.save({"text": numpy.array(["ab"])}, tmp_path / "f.pth")
    with pytest.raises(CorruptCheckpointError, match="dtype 'U2' has no tensor"):
        load_file(tmp_path / "f.pth")


def test_names_of_numpy_1(tmp_path):
    """Arrays that an older numpy wrote are built from other names."""
    numpy = pytest.importorskip("numpy")
    torch.save({"a": numpy.arange(3)}, buffer := io.BytesIO(), _use_new_zipfile_serialization=False)
    old = buffer.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    (tmp_path / "old.pth").write_bytes(old)
    assert load_file(tmp_path / "old.pth")["a"].tolist() == [0, 1, 2]
