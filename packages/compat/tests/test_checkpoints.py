"""The private functions that downstream packages import work on our checkpoints."""

from collections import OrderedDict

import pytest
import torch
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    _load_checkpoint,
    _load_checkpoint_to_model,
    _load_checkpoint_with_prefix,
    load_from_http,
    load_from_local,
    save_checkpoint,
)
from torch import nn


@pytest.fixture
def file(tmp_path):
    """A checkpoint of a wrapped detector with a backbone."""
    state = {"module.backbone.weight": torch.full((1, 2), 3.0), "module.backbone.bias": torch.ones(1)}
    path = tmp_path / "detector.pth"
    save_checkpoint({"meta": {"epoch": 1}, "state_dict": OrderedDict(state)}, path)
    return path


def test_a_file_is_loaded(file):
    """By its path as text, `Path`, or through the older functions."""
    expected = CheckpointLoader.load_checkpoint(file)["state_dict"].keys()
    for loaded in (_load_checkpoint(str(file), "cpu"), load_from_local(file, map_location="cpu")):
        assert loaded["state_dict"].keys() == expected
        assert loaded["meta"] == {"epoch": 1}


def test_nothing_there(tmp_path):
    """An error that says so."""
    with pytest.raises(FileNotFoundError):
        load_from_local(tmp_path / "nothing.pth", None)


def test_a_part_of_the_weights(file):
    """Those behind a prefix, with or without its dot."""
    for prefix in ("module.backbone", "module.backbone."):
        assert list(_load_checkpoint_with_prefix(prefix, file)) == ["weight", "bias"]
    with pytest.raises(AssertionError, match=r"no weight of .* begins with `head\.`"):
        _load_checkpoint_with_prefix("head", file)


def test_weights_into_a_model(file):
    """The `module.` of a wrapper is gone by default; other names are revised as one says."""
    model = nn.Sequential(OrderedDict(backbone=nn.Linear(2, 1)))
    checkpoint = _load_checkpoint(file)
    assert _load_checkpoint_to_model(model, checkpoint, strict=True) is checkpoint
    assert model.backbone.weight.tolist() == [[3.0, 3.0]]

    plain = nn.Linear(2, 1)
    _load_checkpoint_to_model(plain, checkpoint, strict=True, revise_keys=[(r"^module\.backbone\.", "")])
    assert plain.bias.item() == 1.0


def test_a_file_of_a_web_server(file, tmp_path, monkeypatch):
    """It is downloaded once."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    handler = partial(SimpleHTTPRequestHandler, directory=str(file.parent))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/detector.pth"
        assert load_from_http(url, map_location="cpu")["meta"] == {"epoch": 1}
        server.shutdown()
