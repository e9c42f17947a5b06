"""Process groups: DDP, sharding, and several processes on one device."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from eng_dist import all_gather_object, barrier, destroy, get_backend

from .check import Device, Failed, Skipped, check, need
from .training import ConvNet, Images, Tokens, Transformer, group_of_one, runner

ADAMW = {"type": "AdamW", "lr": 1e-3}


@check(60)
def data_parallel(device: Device) -> str:
    """One process with the backend of the device: DDP starts, trains and saves, without a warning of torch."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sync_bn = None if device.is_dry else "torch"
        run = runner(
            device, ConvNet(device), Images(256), 8, checkpoint={"interval": 4}, workers=0, sync_bn=sync_bn,
            **group_of_one(),
        )  # fmt: skip
        run.train()
        barrier()
        need(all_gather_object({"a": 1}) == [{"a": 1}], "objects do not travel")
    complaints = {str(each.message)[:80] for each in caught if "device_id" in str(each.message)}
    need(not complaints, f"torch warns: {complaints}")
    backend = distributed.get_backend_config(distributed.group.WORLD)
    need(device.kind != "cuda" or get_backend() == "nccl", f"the backend is {backend}")
    destroy()
    return f"{type(run.model).__name__} over {backend}"


def _sharded(device: Device, *, group: dict[str, Any] | None = None, **given: Any) -> Any:
    strategy = {"type": "FSDPStrategy", **given.pop("strategy", {})}
    wrapper = {"clip_grad": {"max_norm": 1.0}, **given.pop("wrapper", {})}
    model = given.pop("model", None) or Transformer(device)
    run = runner(
        device, model, Tokens(256), 6, optimizer=ADAMW, wrapper=wrapper, checkpoint={"interval": 3}, workers=0,
        strategy=strategy, **(group or group_of_one()), **given,
    )  # fmt: skip
    run.train()
    return run


@check(60)
def sharded_and_resumed(device: Device) -> str:
    """FSDP saves its parts, and a second run continues from them."""
    folder, group = tempfile.mkdtemp(), group_of_one()
    _sharded(device, work_dir=folder, group=group)
    run = runner(
        device, Transformer(device), Tokens(256), 8, optimizer=ADAMW, workers=0, work_dir=folder, resume=True,
        strategy={"type": "FSDPStrategy"}, **group,
    )  # fmt: skip
    run.train()
    need(run.clock.iter == 8, f"it ended after {run.clock.iter} iterations")
    return "trained, saved in parts, continued from 6 to 8"


@check(60)
def sharded_into_one_file(device: Device) -> str:
    """`state_dict_cfg='full'` gathers on the device, then moves to the host."""
    run = _sharded(device, strategy={"state_dict_cfg": "full"})
    files = sorted(path.name for path in Path(run.work_dir).glob("*.pth") if path.is_file())
    need(len(files) == 2, f"the files are {files}")
    return f"{files}"


@check(60)
def sharded_with_offload(device: Device) -> str:
    """Parameters in host memory, clipped by the norm of all, saved as one file."""
    _sharded(device, strategy={"model_wrapper": {"cpu_offload": True}, "state_dict_cfg": "full"})
    return "6 iterations"


@check(60)
def sharded_in_float16(device: Device) -> str:
    """The scaler over DTensors."""
    wrapper = {"type": "AmpOptimWrapper", "dtype": "float16", "loss_scale": {"init_scale": 256.0}}
    run = _sharded(device, wrapper=wrapper)
    need(run.clock.step == 6, f"{run.clock.step} steps of 6 iterations")
    return "6 steps"


@check(60)
def sharded_without_memory(device: Device) -> str:
    """A model on the meta device gets its memory and its first values part by part."""
    with torch.device("meta"):
        model = Transformer(device, width=512, depth=16)
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.reset_parameters = module._reset_parameters  # torch has it under a private name only
    run = _sharded(
        device, model=model, strategy={"model_wrapper": {"auto_wrap_policy": ["TransformerEncoderLayer"]}}
    )
    empty = [name for name, each in run.bare_model.named_parameters() if each.is_meta]
    need(not empty, f"without memory: {empty[:3]}")
    return f"{sum(each.numel() for each in model.parameters()) / 1e6:.0f} million weights, 6 iterations"


SCRIPT = """
import os, sys
sys.path[:0] = {path!r}
from gpu_checks.check import Device
from gpu_checks.training import ConvNet, Images, runner, weights
from eng_dist import all_gather_object, destroy
device = Device({kind!r})
run = runner(
    device, ConvNet(device), Images(256), 8, checkpoint={{"interval": 4}}, workers=0, work_dir={work_dir!r},
    hooks=[{{"type": "EMAHook", "momentum": 0.1}}], launcher="pytorch",
    env_cfg={{"dist_cfg": {{"backend": {backend!r}}}}},
)
run.train()
own = {{name: value for name, value in weights(run.bare_model).items() if "running" not in name}}
sums = all_gather_object(sum(value.double().sum().item() for value in own.values()))
assert len(set(sums)) == 1, sums
destroy()
print("ALL THE SAME")
"""


def _two_processes(device: Device, backend: str) -> None:
    """Train DDP in two processes and compare their weights."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = SCRIPT.format(path=sys.path, kind=device.kind, work_dir=tempfile.mkdtemp(), backend=backend)
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=90)[0] for process in processes]
    except subprocess.TimeoutExpired as error:
        raise Failed("two processes did not end in 90 s") from error
    finally:
        for process in processes:
            process.kill()
    last = [(text.strip().splitlines() or ["nothing"])[-1][:160] for text in said]
    need(all("ALL THE SAME" in text for text in said), " | ".join(last))


@check(100)
def two_processes_on_one_device(device: Device) -> str:
    """gloo takes tensors of a GPU, so that the code for several processes runs where there is one device."""
    _two_processes(device, "gloo")
    return "gloo: the same weights in both"


@check(100)
def two_devices(device: Device) -> str:
    """The backend of the device between two of them."""
    if torch.accelerator.device_count() < 2:
        raise Skipped(f"{torch.accelerator.device_count()} devices")
    _two_processes(device, "nccl" if device.kind == "cuda" else "")
    return "the same weights on both"
