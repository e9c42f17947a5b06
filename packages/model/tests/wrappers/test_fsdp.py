"""A model whose parameters are shared out over the processes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore

from eng_model import (
    BaseModel,
    ExponentialMovingAverage,
    ImgDataPreprocessor,
    MMFullyShardedDataParallel,
    is_model_wrapper,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*non-leaf Tensor.*:UserWarning")

SETTINGS: list[dict[str, Any]] = [
    {},
    {"auto_wrap_policy": ["Linear"], "sync_module_states": True},
    {"auto_wrap_policy": {"type": "size_based_auto_wrap_policy", "min_num_params": 20}},
    {"sharding_strategy": "SHARD_GRAD_OP", "auto_wrap_policy": ["body"]},
    {"sharding_strategy": "HYBRID_SHARD"},
    {"cpu_offload": True},
]


class Net(BaseModel):
    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU())
        self.head = nn.Linear(8, 1)

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
        result = self.head(self.body(inputs))
        return {"loss": (result - data_samples).square()} if mode == "loss" else result


def _batch() -> dict[str, Tensor]:
    inputs = torch.linspace(-1, 1, 24).view(8, 3)
    return {"inputs": inputs, "data_samples": inputs.sum(1, keepdim=True)}


def _whole(model: nn.Module) -> dict[str, Tensor]:
    """The state with its shards put together."""
    return {
        name: value.full_tensor() if isinstance(value, DTensor) else value.clone()
        for name, value in model.state_dict().items()
    }


def _differ(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_two_processes_train_as_one(two_ranks: Callable[..., Any], sgd: Any) -> None:
    """Whatever is gathered when, sharded where; with accumulation; the average of the model too."""
    torch.manual_seed(0)
    net = Net()

    def train(model: Any, inner: nn.Module, every: int = 1) -> ExponentialMovingAverage:
        average = ExponentialMovingAverage(inner, momentum=0.3)
        wrapper = sgd(model, every=every)
        for _ in range(2):
            model.train_step(_batch(), wrapper)
            average.update_parameters(inner)
        return average

    def shard() -> list[list[float]]:
        plain, gathered = copy.deepcopy(net), copy.deepcopy(net)
        average, _ = train(plain, plain), train(gathered, gathered, every=2)
        expected = [_whole(plain), _whole(average.module), _whole(gathered)]
        results = []
        for settings in SETTINGS:
            inner = copy.deepcopy(net)
            if settings.get("sync_module_states") and distributed.get_rank():
                nn.init.zeros_(inner.head.weight)
            wrapped = MMFullyShardedDataParallel(inner, **settings)
            averaged = train(wrapped, inner)
            results.append(
                [_differ(_whole(inner), expected[0]), _differ(_whole(averaged.module), expected[1])]
            )
            wrapped.eval().val_step(_batch())
            averaged.swap_with(inner)
            trained = {name for name, _ in inner.named_parameters()}
            swapped = {name: value for name, value in _whole(inner).items() if name in trained}
            results[-1].append(_differ(swapped, {name: expected[1][name] for name in trained}))
        for settings in SETTINGS[:2]:
            inner = copy.deepcopy(net)
            train(MMFullyShardedDataParallel(inner, **settings), inner, every=2)
            results.append([_differ(_whole(inner), expected[2])] * 3)
        return results

    for results in two_ranks(shard):
        assert torch.tensor(results).max() < 1e-5, results


def test_a_model_without_memory_begins_like_any_other(two_ranks: Callable[..., Any]) -> None:
    """From the same seed it has the same values; each part is whole only while it is being shared out."""

    def build() -> list[float]:
        init_cfg = {"type": "Kaiming", "layer": "Linear", "distribution": "uniform"}
        torch.manual_seed(3)
        expected = Net(init_cfg)
        with torch.device("meta"):
            empty = Net(init_cfg)
        torch.manual_seed(3)
        MMFullyShardedDataParallel(empty, auto_wrap_policy=["Linear"])
        built = _differ(_whole(empty), _whole(expected))
        for model in (expected, empty):
            torch.manual_seed(4)
            model.init_weights()
        return [built, _differ(_whole(empty), _whole(expected)), float(empty.head.weight.to_local().numel())]

    assert two_ranks(build) == [[0.0, 0.0, 8.0], [0.0, 0.0, 0.0]]


@pytest.mark.usefixtures("group_of_one")
def test_the_model_stays_what_it_is(sgd: Any) -> None:
    """Names, steps, classes; each chosen part is sharded, and the whole."""
    net = Net()
    names = [*net.state_dict()]
    wrapped = MMFullyShardedDataParallel(net, auto_wrap_policy=["head"])
    assert is_model_wrapper(wrapped)
    assert wrapped.module is net
    assert [*net.state_dict()] == names
    assert [name for name, part in net.named_modules() if isinstance(part, FSDPModule)] == ["", "head"]
    assert isinstance(net, Net)
    assert wrapped.val_step(_batch()).shape == wrapped.test_step(_batch()).shape == (8, 1)


@pytest.mark.usefixtures("group_of_one")
def test_mixed_precision_computes_in_another_type(sgd: Any) -> None:
    """Parameters stay as they are; buffers are cast, but not what a preprocessor normalises by."""

    class Images(BaseModel):
        def __init__(self) -> None:
            super().__init__(ImgDataPreprocessor(mean=[1.0], std=[2.0]))
            self.conv = nn.Conv2d(1, 2, 1)
            self.bn = nn.BatchNorm2d(2)
            self.seen: torch.dtype | None = None

        def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
            result = self.conv(inputs)
            self.seen = result.dtype
            return {"loss": result.sum()} if mode == "loss" else result

    net = Images()
    precision = {"param_dtype": "bfloat16", "reduce_dtype": "float32", "buffer_dtype": "torch.bfloat16"}
    wrapped = MMFullyShardedDataParallel(net, mixed_precision=precision)
    wrapped.train_step({"inputs": torch.ones(2, 1, 2, 2)}, sgd(wrapped))
    assert net.seen == torch.bfloat16
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert net.bn.running_mean.dtype == torch.bfloat16
    assert net.data_preprocessor.mean.dtype == torch.float32


@pytest.mark.usefixtures("group_of_one")
def test_what_is_ignored_stays_whole() -> None:
    """By name, by class, or as the object."""
    net = Net()
    MMFullyShardedDataParallel(net, ignored_modules=["head"], ignored_parameters=["body.0.bias"])
    sharded = [name for name, parameter in net.named_parameters() if isinstance(parameter, DTensor)]
    assert sharded == ["body.0.weight", "body.1.weight", "body.1.bias"]
    other = Net()
    MMFullyShardedDataParallel(other, ignored_modules=[other.body], ignored_parameters=[other.head.bias])
    sharded = [name for name, parameter in other.named_parameters() if isinstance(parameter, DTensor)]
    assert sharded == ["head.weight"]


@pytest.mark.usefixtures("group_of_one")
def test_a_mesh_or_a_group_says_over_whom() -> None:
    """One dimension shards; of two, the first replicates."""
    net = Net()
    MMFullyShardedDataParallel(net, mesh=init_device_mesh("cpu", (1, 1), mesh_dim_names=("copies", "shards")))
    assert net.head.weight.device_mesh.mesh_dim_names == ("copies", "shards")
    net = Net()
    MMFullyShardedDataParallel(net, process_group=distributed.new_group([0]))
    assert net.head.weight.device_mesh.size() == 1


@pytest.mark.usefixtures("group_of_one")
def test_gradients_that_stay_here_can_be_asked_for_by_name() -> None:
    """`no_sync` ends where it began, also after an error."""
    wrapped = MMFullyShardedDataParallel(Net())
    with pytest.raises(KeyError), wrapped.no_sync():
        raise KeyError
    with wrapped.no_sync(), wrapped.no_sync():
        pass
    assert wrapped(**_batch(), mode="loss")["loss"].requires_grad


@pytest.fixture
def accelerators(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeviceMesh]:
    """Two accelerators, for which the device `meta` stands, in a group that knows nothing else, as with NCCL."""
    module = SimpleNamespace(
        current_device=lambda: 0,
        device_count=lambda: 2,
        is_available=lambda: True,
        is_initialized=lambda: True,
    )
    monkeypatch.setattr(torch, "meta", module, raising=False)
    monkeypatch.setattr("eng_model.wrappers.fsdp_settings.get_device", lambda: torch.device("meta"))
    distributed.init_process_group("meta:fake", store=FakeStore(), rank=0, world_size=2)
    yield init_device_mesh("meta", (2,))
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore:DTensor random operators:UserWarning")
@pytest.mark.parametrize("settings", [{}, {"sync_module_states": True}, {"cpu_offload": True}])
def test_a_model_of_the_cpu_is_sharded_part_by_part(
    accelerators: DeviceMesh, settings: dict[str, Any]
) -> None:
    """Before each part is sharded, nothing of the model is whole on the accelerator."""
    net = Net()
    seen: list[tuple[str, list[str]]] = []

    def linears(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
        if recurse:
            return True
        whole = [n for n, each in net.named_parameters() if each.is_meta and not isinstance(each, DTensor)]
        seen.append((type(module).__name__, whole))
        return isinstance(module, nn.Linear)

    MMFullyShardedDataParallel(net, mesh=accelerators, auto_wrap_policy=linears, **settings)
    assert [name for name, _ in seen].count("Linear") == 2
    assert not any(whole for _, whole in seen)
    assert all(isinstance(parameter, DTensor) for parameter in net.parameters())
    assert all(buffer.is_meta for buffer in net.buffers())
    assert net.data_preprocessor.device.type == "meta"


@pytest.mark.filterwarnings("ignore:DTensor random operators:UserWarning")
def test_what_is_ignored_goes_to_the_accelerator_too(accelerators: DeviceMesh) -> None:
    """Whole, and as the same object; torch leaves it where it is."""
    net = Net()
    bias = net.head.bias
    MMFullyShardedDataParallel(net, mesh=accelerators, ignored_parameters=["head.bias"])
    assert net.head.bias is bias
    assert bias.is_meta
    assert bias.requires_grad
    assert not isinstance(bias, DTensor)


@pytest.mark.usefixtures("group_of_one")
def test_a_mesh_of_cpus_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this process has an accelerator: the mesh decides."""
    monkeypatch.setattr("eng_model.wrappers.fsdp_settings.get_device", lambda: torch.device("meta"))
    net = Net()
    wrapped = MMFullyShardedDataParallel(net, mesh=init_device_mesh("cpu", (1,)))
    assert net.data_preprocessor.device.type == "cpu"
    assert wrapped.val_step(_batch()).shape == (8, 1)
