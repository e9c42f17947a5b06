import pickle

import pytest
import torch
from torch import nn


class Payload:
    """Whoever unpickles this writes a file: proof that code ran."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.fixture
def payload(tmp_path):
    """An object that leaves the file `ran` behind when it is unpickled, and that file's path."""
    return Payload(tmp_path / "ran"), tmp_path / "ran"


@pytest.fixture
def flip():
    """A function that flips one bit of a file."""

    def flip(path, position, bit=0):
        content = bytearray(path.read_bytes())
        content[position] ^= 1 << bit
        path.write_bytes(content)

    return flip


@pytest.fixture
def unsafe_files(tmp_path, payload):
    """Three forms in which a file can ask for code: torch's zip, its older form, a bare pickle."""
    thing, _ = payload
    paths = [tmp_path / f"{name}.pth" for name in ("zip", "old", "bare")]
    torch.save({"state_dict": {"weight": thing}}, paths[0])
    torch.save({"state_dict": {"weight": thing}}, paths[1], _use_new_zipfile_serialization=False)
    paths[2].write_bytes(pickle.dumps({"state_dict": thing}, protocol=2))
    return paths
