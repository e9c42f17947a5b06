"""Checkpoints of a model on the device: what a training waits for, what a file holds, how exactly a run resumes."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from eng_checkpoint import BackgroundSaver, commit, load_file
from eng_model import BaseModel
from eng_runner import Hook

from .check import Device, check, need
from .training import ConvNet, Images, Tokens, Transformer, are_same, runner, weights

ADAMW = {"type": "AdamW", "lr": 1e-3}


class Wide(BaseModel):
    """Half a gibibyte of weights that are quick to compute with."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        width = device.size(4096, 128)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(8))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor, mode: str) -> Any:
        """A loss that depends on every weight."""
        hidden = inputs.flatten(1)[:, :1].expand(-1, self.layers[0].in_features)
        for layer in self.layers:
            hidden = layer(hidden) * 0.01
        return {"loss": hidden.square().mean()}


@check(100)
def background_copies(device: Device) -> str:
    """A save in the background holds the weights of its own moment, and blocks for one copy into pinned memory."""
    gib = 0.02 if device.is_dry else 2.0
    parts = {
        f"part{number}": torch.full((int(gib * 2**30 / 32),), float(number), device=device.kind)
        for number in range(8)
    }
    folder, blocked = tempfile.mkdtemp(), []
    with BackgroundSaver() as saver:
        for save in range(3):
            begin = time.perf_counter()
            saver.submit(partial(commit, folder, f"{save}.pth", epoch=0, iter=save, step=save), parts)
            blocked.append(time.perf_counter() - begin)
            for part in parts.values():
                part.add_(1000.0)  # the training continues
            device.wait()
            saver.wait()
    for save in range(3):
        state = load_file(os.path.join(folder, f"{save}.pth"))
        right = all(bool((state[f"part{n}"] == n + 1000.0 * save).all()) for n in range(8))
        need(right, f"save {save} holds weights of another moment")
    shutil.rmtree(folder)
    times = ", ".join(f"{each * 1e3:.0f}" for each in blocked)
    return f"{gib:g} GiB: blocked {times} ms, {gib / blocked[-1]:.1f} GiB/s once the memory is there"


class Timed(Hook):
    """How long the iteration of a save is, beyond the others."""

    priority = "LOWEST"

    def __init__(self, device: Device) -> None:
        self.device = device
        self.seconds: list[float] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Begin with nothing queued."""
        self.device.wait()
        self._begin = time.perf_counter()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End with nothing queued."""
        self.device.wait()
        self.seconds.append(time.perf_counter() - self._begin)


@check(100)
def background_save_of_a_run(device: Device) -> str:
    """What a training waits for: weights and both moments of AdamW are copied once."""
    timed = Timed(device)
    run = runner(
        device, Wide(device), Images(512, 8), 9, optimizer=ADAMW, workers=0, hooks=[timed],
        checkpoint={"interval": 3, "async_save": True, "max_keep_ckpts": 1},
    )  # fmt: skip
    run.train()
    gib = 3 * sum(each.nbytes for each in run.bare_model.parameters()) / 2**30
    plain, saving = min(timed.seconds), timed.seconds[8] - min(timed.seconds)
    shutil.rmtree(run.work_dir)
    times = f"an iteration of {plain * 1e3:.0f} ms takes {saving * 1e3:.0f} ms more"
    return f"{gib:.2f} GiB: {times} ({gib / saving:.1f} GiB/s)"


@check(40)
def tied_weights(device: Device) -> str:
    """They are one in the file, and everything in it is of the CPU."""
    folder = tempfile.mkdtemp()
    model = Transformer(device, is_tied=True)
    runner(
        device, model, Tokens(64), 2, optimizer=ADAMW, workers=0, work_dir=folder, checkpoint={"interval": 2}
    ).train()
    state = torch.load(next(Path(folder).glob("iter_2.pth")), weights_only=True)
    pair = [
        state["state_dict"][name].untyped_storage()._cdata for name in ("embedding.weight", "head.weight")
    ]
    need(pair[0] == pair[1], "tied weights are written twice")
    moments = [each for own in state["optimizer"]["state"].values() for each in own.values()]
    kinds = {each.device.type for each in moments if isinstance(each, torch.Tensor)}
    need(kinds == {"cpu"}, f"the optimizer's tensors are of {kinds}")
    return "one memory, all of the CPU"


class Break(Hook):
    """Ends a run as a signal would that nobody handles."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End."""
        if runner.clock.iter == self.iteration:
            raise KeyboardInterrupt


@check(90)
def exact_resume(device: Device) -> str:
    """Dropout, the scaler of float16, AdamW and an average: bitwise the run that was never broken off."""
    iterations, stop = device.size(40, 12), device.size(25, 8)

    def run(work_dir: str, *hooks: Any, **options: Any) -> Any:
        torch.manual_seed(3)
        return runner(
            device, ConvNet(device, dropout=0.3), Images(512), iterations, optimizer=ADAMW, workers=0,
            wrapper={"type": "AmpOptimWrapper", "dtype": "float16", "clip_grad": {"max_norm": 1.0}},
            hooks=[{"type": "EMAHook", "momentum": 0.1}, *hooks], work_dir=work_dir, deterministic=True,
            checkpoint={"interval": 6, "save_last": True}, **options,
        )  # fmt: skip

    whole, folder = run(tempfile.mkdtemp()), tempfile.mkdtemp()
    whole.train()
    try:
        run(folder, Break(stop)).train()
    except KeyboardInterrupt:
        torch.rand(5, device=device.kind)
    resumed = run(folder, resume=True)
    resumed.train()
    need(are_same(weights(whole.model), weights(resumed.model)), "the weights differ")
    scales = [each.optim_wrapper.loss_scaler.get_scale() for each in (whole, resumed)]
    need(scales[0] == scales[1], f"the loss scales are {scales}")
    return f"{iterations} iterations, broken off after {stop}: bitwise"


@check(60)
def any_map_location(device: Device) -> str:
    """`runner.resume` takes the device as `map_location`."""
    folder = tempfile.mkdtemp()
    first = runner(
        device,
        ConvNet(device),
        Images(64),
        3,
        optimizer=ADAMW,
        workers=0,
        work_dir=folder,
        checkpoint={"interval": 3},
    )
    first.train()
    second = runner(device, ConvNet(device), Images(64), 6, optimizer=ADAMW, workers=0, work_dir=folder)
    second.resume(os.path.join(folder, "iter_3.pth"), map_location=device.kind)
    second.train()
    need(second.clock.iter == 6, f"it ended after {second.clock.iter} iterations, not 6")
    return f"map_location={device.kind!r}, continued from 3 to 6"


@check(90)
def memory_of_a_resume(device: Device) -> str:
    """The device holds no second copy of the state when a run resumes."""
    folder = tempfile.mkdtemp()

    def run(iterations: int, **options: Any) -> Any:
        return runner(
            device, Wide(device), Images(512, 8), iterations, optimizer=ADAMW, workers=0, work_dir=folder,
            checkpoint={"interval": 4, "max_keep_ckpts": 1}, **options,
        )  # fmt: skip

    device.peak_mib(reset=True)
    run(4).train()
    steady = device.peak_mib(reset=True)
    gc.collect()
    if not device.is_dry:
        torch.accelerator.empty_cache()
        torch.accelerator.reset_peak_memory_stats()
    run(8, resume=True).train()
    at_resume = device.peak_mib()
    shutil.rmtree(folder)
    need(at_resume <= steady * 1.1, f"peak {steady:.0f} MiB, {at_resume:.0f} MiB where the run resumes")
    return f"peak {steady:.0f} MiB, {at_resume:.0f} MiB where the run resumes"
