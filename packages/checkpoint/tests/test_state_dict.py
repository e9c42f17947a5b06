import time

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from eng_checkpoint import (
    Mismatch,
    StateMismatchError,
    get_state_dict,
    load_state_dict,
    register_wrapper,
    weights_to_cpu,
)
from eng_checkpoint.tensors import tensors_in


class Wrapper(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


register_wrapper(Wrapper)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)
        self.norm = nn.BatchNorm2d(1)


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Wrapper(Inner())
        self.head = nn.Linear(1, 1)


def plain_deep():
    deep = Deep()
    deep.block = deep.block.module
    return deep


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, Wrapper, torch.compile, lambda m: Wrapper(nn.DataParallel(m))]
)
def test_wrappers_leave_no_trace(wrap):
    """Neither around the model nor deep inside; in names and in the versions of modules."""
    state = get_state_dict(wrap(Deep()))
    bare = plain_deep().state_dict()
    assert list(state) == list(bare)
    assert dict(state._metadata) == dict(bare._metadata)


@pytest.mark.parametrize("wrap", [lambda m: m, nn.DataParallel, torch.compile])
@pytest.mark.parametrize("inside", [Deep, plain_deep])
def test_bare_weights_fit_a_wrapped_model(wrap, inside):
    """And the report speaks of bare names."""
    state = plain_deep().state_dict()
    model = wrap(inside())
    report = load_state_dict(model, state, strict=True)
    assert report.complete
    assert report.loaded == tuple(state)
    for name, value in get_state_dict(model).items():
        assert value.equal(state[name])


def test_options_of_the_state():
    """A prefix, a destination, and the parameters themselves."""
    destination = nn.Linear(1, 1).state_dict(prefix="first.")
    state = get_state_dict(nn.DataParallel(nn.Linear(1, 1)), destination, "second.", True)
    assert state is destination
    assert list(state) == ["first.weight", "first.bias", "second.weight", "second.bias"]
    assert isinstance(state["second.weight"], nn.Parameter)
    assert "second" in state._metadata


def test_one_error_lists_everything(model):
    """Missing, unexpected and mismatched names, with both shapes."""
    state = dict(model.state_dict(), extra=torch.ones(1))
    del state["1.weight"]
    state["0.weight"] = torch.ones(3, 4)
    with pytest.raises(StateMismatchError) as raised:
        load_state_dict(model, state, strict=True)
    text = str(raised.value)
    assert "1 missing in the file:\n  1.weight" in text
    assert "1 unexpected in the file:\n  extra" in text
    assert "0.weight: [3, 4] in the file, [3, 2] in the module" in text
    assert isinstance(raised.value, RuntimeError)


def test_what_does_not_fit_is_reported_and_left_alone(model, caplog):
    """Without `strict` the rest is loaded, with one warning and a report."""
    before = model[0].weight.clone()
    state = dict(model.state_dict(), extra=torch.ones(1))
    state["0.weight"], state["0.bias"] = torch.ones(3, 4), torch.full((3,), 5.0)
    report = load_state_dict(model, state)
    assert report.mismatched == (Mismatch(name="0.weight", in_file=(3, 4), in_module=(3, 2)),)
    assert (report.unexpected, report.missing) == (("extra",), ())
    assert model[0].weight.equal(before)
    assert model[0].bias.tolist() == [5, 5, 5]
    assert caplog.text.count("not all weights fit") == 1


def test_long_lists_are_cut(model):
    """Twenty names, and how many more."""
    with pytest.raises(StateMismatchError, match=r"30 unexpected[\s\S]*\.\.\. and 10 more"):
        load_state_dict(
            model, dict(model.state_dict(), **{f"x{n}": torch.ones(1) for n in range(30)}), strict=True
        )


def test_a_counter_that_old_files_lack(model):
    """`num_batches_tracked` is not missed."""
    state = model.state_dict()
    del state["1.num_batches_tracked"]
    assert load_state_dict(model, state, strict=True).missing == ()


def test_versions_reach_the_modules():
    """A module that migrates old weights sees the version that they were saved with."""

    class Versioned(nn.Linear):
        _version = 3

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
            self.seen = local_metadata.get("version")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    state = nn.Sequential(Versioned(1, 1)).state_dict()
    state._metadata["0"]["version"] = 2
    model = nn.DataParallel(nn.Sequential(Versioned(1, 1)))
    load_state_dict(model, state)
    assert model.module[0].seen == 2


def test_weights_go_to_the_cpu_with_all_that_they_hold():
    """Nested states of optimizers, too; versions stay; what is there already is not copied."""
    weight = nn.Parameter(torch.ones(2))
    moved = weights_to_cpu({"a": weight, "state": {0: {"m": [weight.detach()]}}, "n": 3})
    assert moved["a"].data_ptr() == weight.data_ptr()
    assert not moved["a"].requires_grad
    assert moved["state"][0]["m"][0].equal(torch.ones(2))
    assert weights_to_cpu(nn.Linear(1, 1).state_dict())._metadata == {"": {"version": 1}}


def test_tied_weights_stay_tied_on_their_way_to_the_cpu():
    """Each is copied once; other tensors of the same memory and tensors that look alike are their own."""
    with FakeTensorMode():
        weight = torch.ones(4, device="cuda")
        state = {"a": weight, "b": [weight], "c": weight.view(2, 2), "d": torch.ones(4, device="cuda")}
        moved = weights_to_cpu(state)
    assert moved["a"] is moved["b"][0]
    assert len({id(moved[name]) for name in "acd"}) == 3
    assert {tensor.device.type for tensor in tensors_in(moved)} == {"cpu"}


def test_the_work_grows_with_the_names():
    """And not with their square: four thousand names load in a moment."""
    deep = nn.ModuleList(
        nn.ModuleList(nn.ModuleList(nn.Linear(1, 1) for _ in range(10)) for _ in range(10)) for _ in range(20)
    )
    state = deep.state_dict()
    start = time.perf_counter()
    load_state_dict(deep, state, strict=True)
    assert time.perf_counter() - start < 2
