import pytest
import torch
from torch import nn

from eng_checkpoint import (
    PlainDataError,
    StateMismatchError,
    load_checkpoint,
    load_file,
    load_weights,
    save_checkpoint,
    save_file,
)


def test_weights_under_a_key_or_bare(tmp_path, model):
    """The whole checkpoint is given back."""
    source = {name: torch.full_like(value, 3) for name, value in model.state_dict().items()}
    for checkpoint in ({"state_dict": source, "meta": {"epoch": 1}}, source):
        save_file(checkpoint, tmp_path / "file.pth")
        nn.init.zeros_(model[0].weight)
        loaded = load_checkpoint(model, tmp_path / "file.pth", strict=True)
        assert list(loaded) == list(checkpoint)
        assert model[0].weight.eq(3).all()


def test_names_are_revised(tmp_path, model):
    """Pairs of pattern and replacement, in order; `module.` goes by default; versions follow their modules."""
    state = model.state_dict()
    renamed = type(state)((f"module.net_{name}", value) for name, value in state.items())
    renamed._metadata = type(state)((f"module.net_{path}", item) for path, item in state._metadata.items())
    save_file({"state_dict": renamed}, tmp_path / "file.pth")
    load_checkpoint(
        model, tmp_path / "file.pth", strict=True, revise_keys=[(r"^module\.", ""), (r"^net_", "")]
    )
    save_file(
        {"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "file.pth"
    )
    load_checkpoint(model, tmp_path / "file.pth", strict=True)


def test_when_nothing_fits(tmp_path, model):
    """That is an error also without `strict`: the model would silently be a random one."""
    save_file({"state_dict": {"other.weight": torch.ones(1)}}, tmp_path / "file.pth")
    with pytest.raises(StateMismatchError, match=r"nothing in .*file\.pth fits Sequential"):
        load_checkpoint(model, tmp_path / "file.pth")


def test_safetensors_as_a_source(tmp_path, model):
    """The ending names the format."""
    save_checkpoint(model.state_dict(), tmp_path / "model.safetensors")
    other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    load_checkpoint(other, tmp_path / "model.safetensors", strict=True)
    assert other[0].weight.equal(model[0].weight)


def test_places_that_are_not_local(tmp_path, model):
    """Any backend of eng_fileio, to and fro."""
    pytest.importorskip("fsspec")
    save_checkpoint({"state_dict": model.state_dict()}, "memory://run/file.pth")
    load_checkpoint(model, "memory://run/file.pth", strict=True)
    save_checkpoint({"n": 1}, tmp_path / "a.pth", backend_args={"backend": "local"})
    save_checkpoint({"n": 1}, tmp_path / "b.pth", file_client_args={"backend": "local"})
    assert load_file(tmp_path / "a.pth") == load_file(tmp_path / "b.pth") == {"n": 1}
    with pytest.raises(ValueError, match="give one of them"):
        save_checkpoint({}, tmp_path / "c.pth", file_client_args={}, backend_args={})
    with pytest.raises(PlainDataError):
        save_checkpoint({"model": model}, tmp_path / "c.pth")


def test_weights_fit_or_are_an_error(model, tmp_path):
    """All of them by default, one list of what does not; on request what fits, with a report; never nothing."""
    save_file(
        {f"old.{name}": value for name, value in model.state_dict().items()}, tmp_path / "old.safetensors"
    )
    path, rename = tmp_path / "old.safetensors", [(r"^old\.", "")]
    assert load_weights(model, path, revise_keys=rename).complete
    smaller = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(3))
    with pytest.raises(StateMismatchError, match=r"0\.weight: \[3, 2\] in the file, \[4, 2\] in the module"):
        load_weights(smaller, path, revise_keys=rename)
    report = load_weights(smaller, path, strict=False, revise_keys=rename)
    assert [item.name for item in report.mismatched] == ["0.bias", "0.weight"]
    assert len(report.loaded) == 5
    for strict in (True, False):
        with pytest.raises(StateMismatchError):
            load_weights(model, path, strict=strict)
