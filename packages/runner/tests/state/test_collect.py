"""What is collected for a checkpoint stays where it is; the file, or the copy in memory, is the only copy."""

import pytest
import torch
from device_waits import DeviceWaits
from torch.distributed.tensor import DTensor, Replicate, Shard
from toy_training import Line, Net, toy_runner

from eng_checkpoint import entries, load_file
from eng_runner import BaseStrategy
from eng_runner.engine.saving import SaveRequest
from eng_runner.state.collect import collect
from eng_runner.strategies.spread import SpreadStrategy


class OnAccelerator(BaseStrategy):
    """A model on an accelerator, for which the device `meta` stands."""

    def wrap(self, model):
        return model.to("meta")

    def synchronize(self, model):
        pass


def test_nothing_is_copied_to_be_collected(tmp_path):
    """The host does not wait, and the tensors are those of the model."""
    runner = toy_runner(tmp_path, strategy=OnAccelerator())
    runner.prepare()
    request = SaveRequest(folder=str(tmp_path), name="x.pth")
    with DeviceWaits() as seen:
        state = collect(runner, request)
    assert seen.waits == []
    held, own = state["state_dict"], runner.bare_model.state_dict()
    assert held.keys() == own.keys()
    for name, value in own.items():
        assert held[name].untyped_storage()._cdata == value.untyped_storage()._cdata
        assert not held[name].requires_grad
    assert held._metadata == own._metadata


class Tied(Net):
    """Two layers with one weight."""

    def __init__(self):
        super().__init__()
        self.again = torch.nn.Linear(8, 8)
        self.same = torch.nn.Linear(8, 8)
        self.same.weight = self.again.weight

    def forward(self, x, y, mode):
        self.dropout.p = 0.0
        hidden = self.same(self.again(self.up(x)).tanh())
        predicted = self.down(hidden)
        return (
            {"loss": (predicted - y).square().mean()}
            if mode == "loss"
            else list(zip(predicted, y, strict=True))
        )


@pytest.mark.parametrize(("kind", "count"), [("SingleDeviceStrategy", 1), ("FSDPStrategy", 2)])
def test_tied_weights_are_one_in_the_file(tmp_path, ranks, kind, count):
    """Also where they are gathered from several processes; other ranks keep nothing of them."""
    strategy = {"type": kind, **({"state_dict_cfg": "full"} if kind.startswith("FSDP") else {})}

    def body():
        runner = toy_runner(
            tmp_path,
            model=Tied(),
            strategy=strategy,
            val=False,
            train_cfg={"by_epoch": True, "max_epochs": 1},
        )
        runner.train()
        whole = runner.bare_model.again.weight
        return (whole.full_tensor() if isinstance(whole, DTensor) else whole).tolist()

    trained = ranks(count, body)[0]
    state = load_file(tmp_path / entries(tmp_path)[0].name)["state_dict"]
    first, second = state["again.weight"], state["same.weight"]
    assert first.untyped_storage()._cdata == second.untyped_storage()._cdata
    assert first.tolist() == trained


class Spread(SpreadStrategy):
    """What the strategies of DTensors share."""

    def wrap(self, model):
        return model


@pytest.fixture
def mesh(monkeypatch):
    """Two accelerators in a group that refuses what is on the host, as NCCL does; `meta` stands for them."""
    from torch import distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("meta:fake", store=FakeStore(), rank=0, world_size=2)
    yield init_device_mesh("meta", (2,))
    distributed.destroy_process_group()


@pytest.mark.parametrize("where", ["meta", "cpu"])
def test_parts_are_gathered_by_the_accelerator_and_then_moved(mesh, where):
    """Those of the CPU offload too, whose parts are in host memory: the group could not send them from there."""
    from torch.distributed.tensor._dtensor_spec import DTensorSpec, TensorMeta

    part = torch.ones(3, 2, device=where)
    meta = TensorMeta(torch.Size((6, 2)), (2, 1), part.dtype)
    parts = [
        DTensor(part, DTensorSpec(mesh, placements, tensor_meta=meta), requires_grad=False)
        for placements in ((Shard(0),), (Shard(0),), (Replicate(),))
    ]
    with DeviceWaits() as seen:
        state = Spread("full").gathered(
            {"state_dict": {"a": parts[0], "tied": parts[0].detach(), "b": parts[1]}}
        )
    whole = state["state_dict"]
    assert [each.device.type for each in whole.values()] == ["cpu"] * 3
    assert [tuple(each.shape) for each in whole.values()] == [(6, 2)] * 3
    assert whole["a"] is whole["tied"]
    assert seen.waits.count("_to_copy") <= 2 + 2 * (where == "cpu")


def test_only_the_process_that_writes_keeps_what_is_gathered(ranks):
    """The others would hold the whole model in their memory."""

    def body():
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.tensor import distribute_tensor

        part = distribute_tensor(torch.arange(4.0), init_device_mesh("cpu", (2,)), [Shard(0)])
        state = Spread("full").gathered({"weight": part, "plain": torch.ones(1), "n": 3})
        whole = state["weight"]
        return whole if whole is None else whole.tolist(), state["n"]

    assert ranks(2, body) == [([0.0, 1.0, 2.0, 3.0], 3), (None, 3)]


def test_a_save_in_the_middle_of_a_step_is_of_that_moment(tmp_path):
    """A synchronous save is written before anything goes on."""
    runner = toy_runner(tmp_path, model=Line(), val=False, train_cfg={"by_epoch": True, "max_epochs": 1})
    runner.train()
    before = {name: value.clone() for name, value in runner.bare_model.state_dict().items()}
    runner.save_checkpoint(str(tmp_path), "now.pth")
    with torch.no_grad():
        for parameter in runner.bare_model.parameters():
            parameter.zero_()
    saved = load_file(tmp_path / "now.pth")["state_dict"]
    assert all(torch.equal(saved[name], value) for name, value in before.items())
