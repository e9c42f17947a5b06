import io
import pickletools
import zipfile

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from eng_checkpoint import load_file, save_file
from eng_checkpoint.portable import save_portable


def strings(content):
    """Every string that the pickle of a file of torch holds."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
    return {value for _, value, _ in pickletools.genops(archive.read(name)) if isinstance(value, str)}


def test_tensors_of_an_accelerator_are_those_of_the_cpu_in_a_file():
    """A file is read where there is no accelerator; one that was copied to the CPU first is the same."""
    file = io.BytesIO()
    with FakeTensorMode(), torch.serialization.skip_data(materialize_fake_tensors=True):
        save_portable({"weight": torch.ones(4, device="cuda")}, file)
    assert "cpu" in strings(file.getvalue())
    assert not any("cuda" in text for text in strings(file.getvalue()))


def test_a_device_that_a_state_names_stays_what_it_is(tmp_path):
    """Only where tensors lie is changed; a meta tensor holds nothing and lies nowhere."""
    state = {"device": torch.device("cuda", 1), "text": "cuda:1", "meta": torch.ones(2, device="meta")}
    save_file(state, tmp_path / "file.pth")
    loaded = load_file(tmp_path / "file.pth", map_location=None)
    assert (loaded["device"], loaded["text"]) == (torch.device("cuda", 1), "cuda:1")
    assert loaded["meta"].device.type == "meta"


def test_what_torch_writes_is_the_same():
    """Byte for byte, of tensors of the CPU of every kind."""
    state = {"w": torch.rand(7), "tied": [torch.ones(3)] * 2, "p": torch.nn.Parameter(torch.ones(2)), "n": 1}
    state["sparse"] = torch.eye(3).to_sparse()
    ours, theirs = io.BytesIO(), io.BytesIO()
    save_portable(state, ours)
    torch.save(state, theirs)
    assert ours.getvalue() == theirs.getvalue()
