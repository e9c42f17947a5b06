import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from eng_checkpoint import Staging
from eng_checkpoint.tensors import bytes_of, tensors_in


def test_a_snapshot_is_independent_and_the_same():
    """Values, layout, kinds of containers, and what shares memory with what."""
    base = torch.rand(4, 5)
    model = nn.Linear(2, 2)
    state = {
        "base": base,
        "view": base[1:, ::2],
        "T": base.T,
        "parameter": model.weight,
        "model": model.state_dict(),
        "sparse": torch.eye(3).to_sparse(),
        "conj": torch.tensor([1 + 2j]).conj(),
        "scalar": torch.tensor(3),
        "rest": [1, ("a", None), {2}],
        "numbers": (torch.ones(1), 2),
    }
    copy = Staging().copy(state)
    expected = {"base": base.clone(), "weight": model.weight.detach().clone()}
    base.zero_()
    nn.init.zeros_(model.weight)
    assert copy["base"].equal(expected["base"])
    assert copy["view"].equal(expected["base"][1:, ::2])
    assert copy["T"].equal(expected["base"].T)
    assert copy["view"].untyped_storage().data_ptr() == copy["base"].untyped_storage().data_ptr()
    assert isinstance(copy["parameter"], nn.Parameter)
    assert copy["parameter"].equal(expected["weight"])
    assert copy["model"]._metadata == model.state_dict()._metadata
    assert copy["model"]._metadata is not model.state_dict()._metadata
    assert copy["sparse"].to_dense().equal(torch.eye(3))
    assert copy["conj"].equal(torch.tensor([1 - 2j]))
    assert (copy["rest"], copy["numbers"][1], copy["scalar"].item()) == ([1, ("a", None), {2}], 2, 3)


def test_the_memory_is_used_again():
    """The next snapshot writes into the pages of the one before; a changed shape gets new ones."""
    staging = Staging()
    one = staging.copy({"a": torch.ones(10), "b": torch.ones(20)})
    places = [one["a"].data_ptr(), one["b"].data_ptr()]
    two = staging.copy({"a": torch.zeros(10), "b": torch.zeros(20)})
    assert [two["a"].data_ptr(), two["b"].data_ptr()] == places
    three = staging.copy({"a": torch.zeros(11), "b": torch.ones(20)})
    assert three["b"].data_ptr() == places[1]
    assert three["a"].shape == (11,)


@pytest.mark.parametrize("offset", [0, 1, 4])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 801])
def test_bytes_of_any_number_at_any_place(offset, size):
    """Memory that somebody else laid out need not begin where large numbers do."""
    memory = bytearray(range(256)) * 4
    tensor = torch.frombuffer(memory, dtype=torch.uint8, offset=offset)[:size]
    assert Staging().copy({"x": tensor})["x"].tolist() == list(memory[offset : offset + size])


def test_the_size_of_a_state():
    """Each memory counts once, however many tensors look at it."""
    base = torch.zeros(10, dtype=torch.float64)
    state = {"a": base, "b": [base[:3], {"c": torch.zeros(2)}], "n": 1, "meta": torch.zeros(9, device="meta")}
    assert bytes_of(state) == 88
    assert [tensor.numel() for tensor in tensors_in(state)] == [10, 3, 2, 9]
    assert bytes_of({"s": torch.eye(2).to_sparse()}) > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_from_an_accelerator():
    """Through pinned memory; the copy is complete when it is handed out."""
    weight = torch.rand(1_000_000, device="cuda")
    staging = Staging()
    for _ in range(2):
        expected = weight.cpu()
        copy = staging.copy({"w": weight})
        weight.add_(1)
        assert copy["w"].is_pinned()
        assert copy["w"].equal(expected)


def test_tensors_that_are_made_for_the_copy_do_not_meet():
    """A conjugated tensor is made anew to be copied; the next one may be made at the same address."""
    tensors = {n: torch.full((1000,), complex(n, n)).conj() for n in range(50)}
    copy = Staging().copy(tensors)
    assert [n for n in tensors if not copy[n].equal(tensors[n])] == []
    negative = {n: torch.full((1000,), complex(n, n)).conj().imag for n in range(50)}
    copy = Staging().copy(negative)
    assert [n for n in negative if not copy[n].equal(negative[n])] == []


class Copies(TorchDispatchMode):
    """Counts what is copied out of an accelerator, and what is read from one number by number."""

    def __init__(self):
        super().__init__()
        self.non_blocking = self.waiting = 0

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        name = op.overloadpacket.__name__
        if name == "copy_" and args[1].device.type == "cuda":
            if (len(args) > 2 and args[2]) or (kwargs or {}).get("non_blocking"):
                self.non_blocking += 1
            else:
                self.waiting += 1
        elif name in {"_to_copy", "_local_scalar_dense"} and args[0].device.type == "cuda":
            self.waiting += 1
        return op(*args, **(kwargs or {}))


def test_an_accelerator_is_waited_for_once(monkeypatch):
    """Each memory is copied once, tied weights included, and the host waits when all copies were asked for."""
    waits = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waits.append)
    with FakeTensorMode(), Copies() as copies:
        weights = [torch.ones(4, 4, device="cuda") for _ in range(20)]
        state = {"state_dict": weights, "tied": weights[0], "ema": [torch.ones(3, device="cuda")]}
        copy = Staging().copy(state)
    assert (copies.non_blocking, copies.waiting) == (21, 0)
    assert waits == [torch.device("cuda", 0)]
    assert copy["tied"].untyped_storage()._cdata == copy["state_dict"][0].untyped_storage()._cdata
    assert {tensor.device.type for tensor in tensors_in(copy)} == {"cpu"}
