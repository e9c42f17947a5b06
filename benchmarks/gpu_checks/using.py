"""What follows a training, or looks at it: validation, prediction, profiles, log lines."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from eng_evaluator import Evaluator
from eng_registry import MODELS
from eng_runner import BaseInferencer

from .check import Device, check, need
from .training import ConvNet, Images, loader, runner


@check(60)
def metrics(device: Device) -> str:
    """The same numbers as on the CPU, and no wait for a batch."""
    generator = torch.Generator().manual_seed(0)
    scores, classes = (
        torch.randn(512, 10, generator=generator),
        torch.randint(10, (512,), generator=generator),
    )
    lines = []
    for kind, options in (("Accuracy", {}), ("ConfusionMatrix", {"num_classes": 10})):
        there, here = (Evaluator({"type": kind, **options}) for _ in range(2))
        moved = scores.to(device.kind), classes.to(device.kind)
        there.process((moved[0][:32], moved[1][:32]))
        here.process((scores[:32], classes[:32]))
        with device.counted_waits() as waits:
            for begin in range(32, 512, 32):
                part = slice(begin, begin + 32)
                there.process((moved[0][part], moved[1][part]))
                here.process((scores[part], classes[part]))
        need(there.evaluate(512) == here.evaluate(512), f"{kind} differs from that of the CPU")
        need(not waits, f"{kind}: {waits.total() / 15:.1f} waits a batch: {dict(waits)}")
        lines.append(f"{kind} 0 waits")
    return ", ".join(lines)


@check(60)
def validation(device: Device) -> str:
    """A validation by itself."""
    run = runner(
        device, ConvNet(device), Images(256), 1, workers=0,
        val_dataloader=loader(device, Images(256), workers=0, shuffle=False), val_cfg={},
        val_evaluator={"type": "Accuracy"},
    )  # fmt: skip
    return f"{run.val()}"


@MODELS.register_module(force=True)
class CheckedNet(ConvNet):
    """A model that a configuration can name."""

    def __init__(self) -> None:
        super().__init__(Device("cpu"))


class Predictor(BaseInferencer):
    """Classes of constant images."""

    def _init_pipeline(self, cfg: Any) -> Any:
        return lambda number: {"inputs": torch.full((3, 16, 16), float(number)), "labels": torch.tensor(0)}

    def forward(self, inputs: Any, **kwargs: Any) -> Any:
        """Scores of a batch."""
        return list(
            self.model.val_step({name: torch.stack(list(parts)) for name, parts in inputs.items()})[0]
        )

    def visualize(self, inputs: Any, preds: Any, show: bool = False) -> None:
        """Nothing is drawn."""

    def postprocess(self, preds: Any, visualization: Any, return_datasamples: bool = False) -> Any:
        """The best class of each input."""
        return [scores.argmax().item() for scores in preds]


@check(60)
def predictions(device: Device) -> str:
    """An inferencer computes on the device."""
    predictor = Predictor({"model": {"type": "CheckedNet"}}, show_progress=False)
    where = next(predictor.model.parameters()).device.type
    need(where == device.kind, f"the model is on {where}")
    found = predictor([number % 7 for number in range(64)], batch_size=16)
    need(len(found) == 64, f"{len(found)} results for 64 inputs")
    return f"64 inputs on {where}"


@check(60)
def profile(device: Device) -> str:
    """The kernels of the device are in the trace."""
    folder = tempfile.mkdtemp()
    hook = {
        "type": "ProfilerHook", "by_epoch": False, "profile_times": 5, "activity_with_cuda": True,
        "json_trace_path": "trace.json",
    }  # fmt: skip
    runner(device, ConvNet(device), Images(256), 8, workers=0, hooks=[hook], work_dir=folder).train()
    events = json.loads(next(Path(folder).rglob("trace.json")).read_text())["traceEvents"]
    kernels = sum(each.get("cat") == "kernel" for each in events)
    need(device.is_dry or kernels > 50, f"{kernels} kernels among {len(events)} events")
    return f"{kernels} kernels among {len(events)} events"


@check(60)
def log_lines(device: Device) -> str:
    """A line says how much memory of the device was taken."""
    folder = tempfile.mkdtemp()
    runner(
        device, ConvNet(device), Images(256), 20, workers=0, work_dir=folder, log_every=10, log_level="INFO"
    ).train()
    lines = next(Path(folder).rglob("*.log")).read_text().splitlines()
    line = [each for each in lines if "(train)" in each][-1]
    need(device.is_dry or "memory: " in line, line)
    return line.split(" - ")[-1].strip()[-120:]
