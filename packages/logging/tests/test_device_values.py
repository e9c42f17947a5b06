"""Scalars of an accelerator, with tensors of the CPU that pass for those of one; each call of torch is counted."""

import copy
import pickle
from collections import Counter

import pytest

from eng_logging import ArgumentError, MessageHub

torch = pytest.importorskip("torch")

CALLS = Counter()


class OnCuda(torch.Tensor):
    """A tensor that says that it lies on an accelerator, and counts what is done with it."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function == torch.Tensor.device.__get__:
            return torch.device("cuda", 0)
        if function == torch.Tensor.is_cpu.__get__:
            return False
        CALLS[getattr(function, "__name__", str(function))] += 1
        return super().__torch_function__(function, types, args, kwargs or {})


@pytest.fixture(params=[torch.Tensor, OnCuda], ids=["cpu", "cuda"])
def place(request):
    """A function that puts a tensor onto the CPU, or onto what passes for an accelerator."""
    CALLS.clear()
    return lambda tensor: tensor.as_subclass(request.param)


@pytest.fixture
def cuda():
    """A function that puts a tensor onto what passes for an accelerator."""
    CALLS.clear()
    return lambda tensor: tensor.as_subclass(OnCuda)


def values(hub, key):
    return list(hub.get_scalar(key).data[0])


def test_a_buffer_that_is_updated_in_place_has_a_history(place):
    """Every value that it had, and not the last one three times."""
    hub, buffer = MessageHub("a"), place(torch.zeros(()))
    for value in (1.0, 2.0, 3.0):
        buffer.fill_(value)
        hub.record({"scale": buffer, "sum": buffer.sum()})
    buffer.fill_(8.0)
    assert values(hub, "scale") == values(hub, "sum") == [1.0, 2.0, 3.0]


def test_a_view_does_not_keep_what_it_is_a_view_of(place):
    """A thousand records of one number of a large result are a thousand numbers."""
    hub, large = MessageHub("a"), place(torch.ones(1000))
    hub.record({"first": large[0]})
    (kept,) = hub.series("first")._pending
    tensor = getattr(getattr(kept, "_copied", None), "tensor", torch.zeros(1))
    assert tensor.untyped_storage().nbytes() < 100
    assert values(hub, "first") == [1.0]


def test_a_record_is_one_launch_and_a_log_line_one_transfer(cuda):
    """However many scalars there are, and however many iterations lie between two lines."""
    hub = MessageHub("a")
    for iteration in range(10):
        hub.record(
            {f"train/loss_{n}": cuda(torch.tensor(float(n + iteration))) for n in range(8)} | {"lr": 0.1}
        )
    assert (CALLS["stack"], CALLS["tolist"], CALLS["item"]) == (10, 0, 0)
    assert [hub.get_scalar(f"train/loss_{n}").mean() for n in range(8)] == [n + 4.5 for n in range(8)]
    assert (CALLS["cat"], CALLS["tolist"], CALLS["item"]) == (1, 1, 0)
    assert values(hub, "lr") == [0.1] * 10


def test_each_type_of_number_is_kept_as_it_is(place):
    """A large count does not become a rounded float beside a loss; a bool is a number."""
    hub = MessageHub("a")
    scalars = {
        "count": torch.tensor(2**53 - 1),
        "loss": torch.tensor(0.1),
        "half": torch.tensor([0.5], dtype=torch.bfloat16),
        "flag": torch.tensor([[True]]),
    }
    hub.record({key: place(value) for key, value in scalars.items()})
    assert [values(hub, key) for key in scalars] == [[2.0**53 - 1], [torch.tensor(0.1).item()], [0.5], [1.0]]


def test_what_is_not_one_number_is_named_and_the_rest_is_kept(place):
    """At the log line, as before."""
    hub = MessageHub("a")
    hub.record(
        {"good": place(torch.ones(())), "many": place(torch.ones(2)), "complex": place(torch.tensor(1j))}
    )
    with pytest.raises(ArgumentError, match=r"'many': .*shape \(2,\); scalar 'complex'"):
        hub.settle()
    assert values(hub, "good") == [1.0]


def test_a_gradient_does_not_stay(place):
    """The graph behind a loss is let go of."""
    hub = MessageHub("a")
    hub.record({"loss": place(torch.ones(())).requires_grad_() * 2})
    (kept,) = hub.series("loss")._pending
    tensor = getattr(getattr(kept, "_copied", None), "tensor", torch.zeros(1))
    assert not tensor.requires_grad
    assert values(hub, "loss") == [2.0]


def test_copies_of_a_hub_have_the_numbers(cuda):
    """By pickle, by copy, by its state; what waits is read once."""
    hub = MessageHub("a")
    hub.record({"loss": cuda(torch.ones(()))})
    other = MessageHub("b")
    other.load_state_dict(hub.state_dict())
    for made in (pickle.loads(pickle.dumps(hub)), copy.deepcopy(hub.get_scalar("loss")), other):
        series = made if not isinstance(made, MessageHub) else made.get_scalar("loss")
        assert list(series.data[0]) == [1.0]
    assert CALLS["tolist"] == 1


class Failing(OnCuda):
    """An accelerator that has failed: nothing can be read from it."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.tolist:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return super().__torch_function__(function, types, args, kwargs)


def test_a_device_that_fails_is_no_wrong_value():
    """Its own error is raised, and not that a value is no number."""
    hub = MessageHub("a")
    hub.record({"loss": torch.ones(()).as_subclass(Failing)})
    with pytest.raises(RuntimeError, match="CUDA error"):
        hub.settle()


def test_arrays_of_one_element_are_read_at_once():
    """They are in the memory of the host, and may be changed there."""
    numpy = pytest.importorskip("numpy")
    hub, array = MessageHub("a"), numpy.array(1.0)
    hub.record({"a": array, "b": numpy.float32(2.0), "c": array[None]})
    array.fill(8.0)
    assert [values(hub, key) for key in "abc"] == [[1.0], [2.0], [1.0]]
