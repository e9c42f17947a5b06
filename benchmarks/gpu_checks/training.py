"""Small models, data and runs for the checks."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from eng_model import BaseModel
from eng_runner import Hook, Runner

from .check import Device

WARM_UP = 10
"""Iterations before anything is measured."""


class ConvNet(BaseModel):
    """Residual blocks of convolutions and batch norms, and a classifier."""

    def __init__(self, device: Device, width: int = 64, depth: int = 6, dropout: float = 0.0) -> None:
        super().__init__()
        width, depth = (8, 2) if device.is_dry else (width, depth)
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            for _ in range(depth)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, 10)

    def forward(self, inputs: Tensor, labels: Tensor, mode: str) -> Any:
        """Scores, or the loss with the share of right classes."""
        hidden = self.stem(inputs)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        scores = self.head(self.dropout(hidden.mean((2, 3))))
        if mode == "loss":
            right = (scores.argmax(1) == labels).float().mean()
            return {"loss": F.cross_entropy(scores, labels), "acc": right}
        return scores, labels


class Transformer(BaseModel):
    """Blocks of attention over tokens; the weights of both embeddings are one if `is_tied`."""

    def __init__(
        self, device: Device, width: int = 256, depth: int = 4, words: int = 512, is_tied: bool = False
    ) -> None:
        super().__init__()
        width, depth, words = (32, 1, 64) if device.is_dry else (width, depth, words)
        self.embedding = nn.Embedding(words, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.head = nn.Linear(width, words, bias=False)
        if is_tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor, mode: str) -> Any:
        """Scores of the next token, or their loss."""
        hidden = self.embedding(tokens)
        for block in self.blocks:
            hidden = block(hidden)
        scores = self.head(hidden)
        if mode == "loss":
            return {"loss": F.cross_entropy(scores[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())}
        return scores


class Images(Dataset[dict[str, Tensor]]):
    """Noise with random classes, in memory."""

    def __init__(self, count: int, size: int = 32) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(count, 3, size, size, generator=generator)
        self.labels = torch.randint(10, (count,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.images[index], "labels": self.labels[index]}


class Tokens(Dataset[dict[str, Tensor]]):
    """Random tokens, in memory."""

    def __init__(self, count: int, length: int = 128, words: int = 64) -> None:
        self.tokens = torch.randint(words, (count, length), generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"tokens": self.tokens[index]}


def loader(device: Device, data: Dataset[Any], *, workers: int = 2, shuffle: bool = True) -> dict[str, Any]:
    """Return the mapping of a loader, with what a configuration leaves out left out."""
    return {
        "dataset": data,
        "batch_size": device.size(32, 4),
        "num_workers": device.size(workers, 0),
        "persistent_workers": device.size(workers, 0) > 0,
        "collate_fn": {"type": "default_collate"},
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
    }


def runner(
    device: Device,
    model: nn.Module,
    data: Dataset[Any],
    iterations: int,
    *,
    optimizer: dict[str, Any] | None = None,
    wrapper: dict[str, Any] | None = None,
    hooks: Sequence[Any] = (),
    checkpoint: dict[str, Any] | None = None,
    work_dir: str | None = None,
    log_every: int = 10**6,
    workers: int = 2,
    deterministic: bool = False,
    **options: Any,
) -> Runner:
    """Return a run of so many iterations, without log lines and checkpoints unless they are asked for."""
    return Runner(
        model=model,
        work_dir=work_dir or tempfile.mkdtemp(),
        train_dataloader=loader(device, data, workers=workers),
        train_cfg={"by_epoch": False, "max_iters": iterations, "val_interval": 10**6},
        optim_wrapper={"optimizer": optimizer or {"type": "SGD", "lr": 0.01, "momentum": 0.9}, **(wrapper or {})},
        default_hooks={
            "logger": {"type": "LoggerHook", "interval": log_every},
            "checkpoint": {
                "type": "CheckpointHook", "by_epoch": False, "interval": -1, "save_last": False, **(checkpoint or {})
            },
        },
        custom_hooks=list(hooks),
        log_level=options.pop("log_level", "ERROR"),
        randomness={"seed": 7, "deterministic": deterministic},
        **options,
    )  # fmt: skip


class Window(Hook):
    """Measures the iterations after the warm-up: time per iteration, and where the host waits for the device."""

    priority = "LOWEST"

    def __init__(self, device: Device, iterations: int) -> None:
        self.device = device
        self.iterations = iterations
        self.waits: Counter[str] = Counter()
        self.seconds = 0.0
        self._counting: Any = None

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Begin after the warm-up, end when it has seen enough."""
        if runner.clock.iter == WARM_UP:
            self.device.wait()
            self._counting = self.device.counted_waits()
            self.waits = self._counting.__enter__()
            self._begin = time.perf_counter()
        elif runner.clock.iter == WARM_UP + self.iterations:
            self._end()
            self.device.wait()
            self.seconds = (time.perf_counter() - self._begin) / self.iterations

    def on_exception(self, runner: Any, exception: BaseException) -> None:
        """Leave CUDA as it was."""
        self._end()

    def _end(self) -> None:
        if self._counting is not None:
            self._counting.__exit__(None, None, None)
            self._counting = None


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of a model's state on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def are_same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Whether two states are the same to the last bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def group_of_one(backend: str | None = None) -> dict[str, Any]:
    """Return the arguments of a Runner for a process group of this process alone."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    names = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1"}
    os.environ.update({name: str(value) for name, value in (names | {"MASTER_PORT": port}).items()})
    return {"launcher": "pytorch", "env_cfg": {"dist_cfg": {"backend": backend} if backend else {}}}
