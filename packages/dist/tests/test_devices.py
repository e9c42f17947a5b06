from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch

from eng_dist import (
    cast_data_device,
    get_comm_device,
    get_data_device,
    get_device,
    get_max_memory_mib,
    is_cuda_available,
    is_mps_available,
)

CPU = torch.device("cpu")
META = torch.device("meta")
Pair = namedtuple("Pair", "image label")


def test_the_device_is_the_accelerator_that_torch_names() -> None:
    """There is one question for all kinds of it."""
    kind = get_device().type
    assert (kind == "cpu") == (not torch.accelerator.is_available())
    assert (is_cuda_available(), is_mps_available()) == (torch.cuda.is_available(), kind == "mps")


def test_one_process_talks_to_itself_on_the_cpu() -> None:
    """Nothing travels, so nothing is moved."""
    assert get_comm_device() == CPU


def test_the_peak_of_the_memory_is_0_where_torch_keeps_none() -> None:
    """The CPU's is not asked for."""
    assert get_max_memory_mib("cpu") == 0


@pytest.mark.parametrize(
    "data",
    [
        torch.zeros(1),
        [torch.zeros(1), (torch.ones(2),)],
        {"a": torch.zeros(1), "b": [{"c": torch.ones(1)}]},
        {torch.zeros(1)},
    ],
)
def test_nested_tensors_lie_on_one_device(data: Any) -> None:
    """Mappings and iterables, in any depth."""
    assert get_data_device(data) == CPU


def test_tensors_on_several_devices_have_no_one_device() -> None:
    """The message names them."""
    with pytest.raises(ValueError, match="several devices: cpu, meta"):
        get_data_device([torch.zeros(1), {"a": torch.zeros(1, device=META)}])


@pytest.mark.parametrize("data", [[], {}, ((),)])
def test_an_empty_container_lies_nowhere(data: Any) -> None:
    """There is nothing to ask, and nothing to move."""
    with pytest.raises(ValueError, match="lies on no device"):
        get_data_device(data)
    with pytest.raises(ValueError, match="nothing to move"):
        cast_data_device(data, CPU)


@pytest.mark.parametrize("data", ["text", 1, {"a": "text"}, [torch.zeros(1), 2.0]])
def test_what_is_no_tensor_is_named(data: Any) -> None:
    """A text is an iterable, but not of tensors."""
    for ask in (get_data_device, lambda value: cast_data_device(value, CPU)):
        with pytest.raises(TypeError, match="expected tensors, or mappings and iterables of tensors"):
            ask(data)


def test_moved_data_keeps_its_containers() -> None:
    """Lists, tuples, named tuples, dicts and their kin."""
    data = OrderedDict(a=[torch.zeros(1)], b=(torch.ones(1),), c=Pair(torch.zeros(2), torch.ones(3)))
    moved = cast_data_device(data, META)
    assert get_data_device(moved) == META
    assert [type(moved), *map(type, moved.values())] == [OrderedDict, list, tuple, Pair]
    assert moved["c"].label.shape == (3,)


def test_results_are_written_into_out() -> None:
    """In place, as a collective does with what came back."""
    data = {"a": [torch.tensor([1.0, 2.0])], "b": torch.tensor(3)}
    out = {"a": [torch.zeros(2)], "b": torch.tensor(0)}
    kept = out["a"][0]
    cast_data_device(data, CPU, out)
    assert (kept.tolist(), out["b"].item()) == ([1.0, 2.0], 3)


def test_out_must_look_like_data() -> None:
    """Another type, another length, or a set, which has no order."""
    tensor = torch.zeros(1)
    with pytest.raises(TypeError, match="out is a tuple, data is a list"):
        cast_data_device([tensor], CPU, (tensor,))
    with pytest.raises(TypeError, match="set have no order"):
        cast_data_device({tensor}, CPU, {tensor})
    with pytest.raises(ValueError, match="data has 1 items, out has 2"):
        cast_data_device({"a": tensor}, CPU, {"a": tensor, "b": tensor})
