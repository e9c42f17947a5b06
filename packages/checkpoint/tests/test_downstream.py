import pytest
from torch import nn

import eng_checkpoint


def test_the_names_that_libraries_import(tmp_path):
    """Read, read a part, and fill: each with the arguments of old."""
    source = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    eng_checkpoint.save_file({"state_dict": source.state_dict()}, path := tmp_path / "file.pth")
    checkpoint = eng_checkpoint._load_checkpoint(str(path), map_location="cpu", logger=None)
    model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    assert eng_checkpoint._load_checkpoint_to_model(model, checkpoint, strict=True) is checkpoint
    assert model[0].weight.equal(source[0].weight)
    for prefix in ("1", "1."):
        part = eng_checkpoint._load_checkpoint_with_prefix(prefix, str(path))
        assert list(part) == ["weight", "bias"]
    with pytest.raises(AssertionError, match=r"begins with 'head\.'; they begin with \['0', '1'\]"):
        eng_checkpoint._load_checkpoint_with_prefix("head", str(path))
