"""How often a whole run waits for its accelerator: in quiet iterations, for log lines, saves and validations."""

from collections import Counter
from contextlib import contextmanager

import torch
from device_waits import DeviceWaits
from torch.utils.data import default_collate
from toy_training import loader, toy_runner

from eng_evaluator import MeanAbsoluteError
from eng_model import BaseModel
from eng_runner import BaseStrategy, Hook

LOG_EVERY, SAVE_AT, ITERATIONS = 4, 6, 11
"""Of the iterations of a run the fourth and eighth have a log line, the sixth is saved; the last one is validated."""


ADAMW = {"optimizer": {"type": "AdamW", "lr": 0.1}}
BF16 = {"type": "AmpOptimWrapper", "dtype": "bfloat16"}
FP16 = {"type": "AmpOptimWrapper", "dtype": "float16"}
STOPPING = {"type": "EarlyStoppingHook", "monitor": "mae", "rule": "less"}
EMA = {"type": "EMAHook", "momentum": 0.2}

TABLE = {
    "SGD": ({}, {}),
    "AdamW": ({"optim_wrapper": ADAMW}, {}),
    "clipped by norm": ({"optim_wrapper": {"clip_grad": {"max_norm": 1.0}}}, {}),
    "clipped by value": ({"optim_wrapper": {"clip_grad": {"clip_value": 1.0}}}, {}),
    "accumulated": ({"optim_wrapper": {"accumulative_counts": 3, "clip_grad": {"max_norm": 1.0}}}, {}),
    "bf16": ({"optim_wrapper": {**ADAMW, **BF16, "clip_grad": {"max_norm": 1.0}}}, {}),
    "fp16": ({"optim_wrapper": {**ADAMW, **FP16}}, {"quiet": 1, "log": 2, "save": 5}),
    "EMA": ({"hooks": [EMA]}, {}),
    "NonFinite, raises": ({"hooks": [{"type": "NonFiniteHook", "interval": 4}]}, {"log": 2, "save": 3}),
    "NonFinite, skips": (
        {"hooks": [{"type": "NonFiniteHook", "action": "skip", "interval": 4}]},
        {"log": 2, "save": 3},
    ),
    "Throughput": ({"hooks": [{"type": "ThroughputHook", "interval": 2, "system": True}]}, {}),
    "early stopping": ({"hooks": [STOPPING]}, {}),
    "all of them": (
        {
            "optim_wrapper": {**ADAMW, **BF16, "accumulative_counts": 2, "clip_grad": {"max_norm": 1.0}},
            "hooks": [
                EMA,
                {"type": "NonFiniteHook", "action": "skip", "interval": 4},
                {"type": "ThroughputHook"},
                STOPPING,
            ],
        },
        {"log": 2, "save": 3},
    ),
}
"""What is measured, and the waits that are not those of the first row.

A log line reads all scalars since the last one in one transfer. A save asks whether the weights are finite, and reads
the scalars; the transfer of the state itself comes on top: one for each tensor, or one for all with `async_save`. With
float16 the host has to know in each iteration whether it stepped, and a save reads the loss scale and its age.
"""

FIRST_ROW = {"quiet": 0, "log": 1, "save": 2, "val": 0, "metrics": 1}


class OnAccelerator(BaseStrategy):
    """A model on an accelerator, for which the device `meta` stands."""

    def wrap(self, model):
        return model.to("meta")

    def synchronize(self, model):
        pass


class Net(BaseModel):
    """Layers with weights and buffers, three scalars to log, and predictions that a metric can take."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(1, 8),
            torch.nn.BatchNorm1d(8),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(8, 1),
        )

    def forward(self, x, y, mode):
        predicted = self.layers(x)
        if mode != "loss":
            return predicted, y
        error = predicted - y
        return {
            "loss": error.square().mean(),
            "loss_parts": [error.abs().mean()],
            "error": error.abs().mean(),
        }


class Phases(Hook):
    """Counts the waits between the ends of iterations, by what was due in them."""

    priority = "LOWEST"

    def __init__(self, seen):
        self.seen = seen
        self.begin = 0
        self.waits = {"quiet": [], "log": [], "save": [], "val": [], "metrics": []}

    def cut(self, phase):
        """What came since the last cut belongs to this phase."""
        waits, self.begin = self.seen.waits[self.begin :], len(self.seen.waits)
        self.waits[phase].append(waits)

    def before_train(self, runner):
        self.begin = len(self.seen.waits)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        done = runner.clock.iter
        self.cut("save" if done == SAVE_AT else "log" if done % LOG_EVERY == 0 else "quiet")

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.cut("val")

    def after_val_epoch(self, runner, metrics=None):
        self.cut("metrics")


@contextmanager
def autocast_of_meta():
    """torch has no autocast for `meta`; that of the CPU does as little to its tensors."""
    of_torch = torch.autocast
    torch.autocast = lambda device_type, **options: of_torch(device_type.replace("meta", "cpu"), **options)
    try:
        yield
    finally:
        torch.autocast = of_torch


def measured(work_dir, *, optim_wrapper=None, hooks=()):
    """The operators that waited, and how often, in the iteration or batch of each kind that has the most waits."""
    seen = DeviceWaits()
    phases = Phases(seen)
    runner = toy_runner(
        work_dir,
        model=Net(),
        strategy=OnAccelerator(),
        train_dataloader=loader(48, collate_fn=default_collate),
        train_cfg={"by_epoch": False, "max_iters": ITERATIONS, "val_interval": ITERATIONS},
        val_dataloader=loader(8, shuffle=False, collate_fn=default_collate),
        val_evaluator=[MeanAbsoluteError()],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}, **(optim_wrapper or {})},
        default_hooks={
            "logger": {"type": "LoggerHook", "interval": LOG_EVERY},
            "checkpoint": {
                "type": "CheckpointHook",
                "by_epoch": False,
                "interval": SAVE_AT,
                "save_last": False,
            },
        },
        custom_hooks=[*hooks, phases],
        log_level="ERROR",
    )
    with seen, autocast_of_meta():
        runner.train()
    assert runner.clock.iter == ITERATIONS
    return {phase: Counter(max(waits, key=len, default=[])) for phase, waits in phases.waits.items()}
