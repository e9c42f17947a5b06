"""A test case with a small training to change: a model, a dataset, a metric and two configurations."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any, ClassVar
from unittest import TestCase
from uuid import uuid4

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from eng_config import Config
from eng_evaluator import BaseMetric
from eng_logging import MessageHub, MMLogger
from eng_model import BaseModel
from eng_registry import DATASETS, METRICS, MODELS
from eng_runner import Runner
from eng_visualization import Visualizer

__all__ = [
    "RunnerTestCase",
    "ToyDataset",
    "ToyMetric",
    "ToyModel",
]


class ToyModel(BaseModel):
    """Two linear layers for samples of two numbers."""

    def __init__(self, data_preprocessor: Any = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.linear1 = nn.Linear(2, 2)
        self.linear2 = nn.Linear(2, 1)

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        """The outputs, for "loss" their mean distance from the labels."""
        batch = torch.stack(inputs) if isinstance(inputs, list) else inputs
        outputs: Tensor = self.linear2(self.linear1(batch)).squeeze(1)
        if mode != "loss":
            return outputs
        labels = torch.stack(data_samples) if isinstance(data_samples, list) else data_samples
        return {"loss": (labels - outputs).abs().mean()}


class ToyDataset(Dataset[dict[str, Tensor]]):
    """Twelve samples of two random numbers, each labelled 1."""

    METAINFO: ClassVar[dict[str, Any]] = {}
    data = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    label = torch.ones(12)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What the dataset says of itself."""
        return self.METAINFO

    def __len__(self) -> int:
        return self.data.size(0)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.data[index], "data_samples": self.label[index]}


class ToyMetric(BaseMetric):
    """Always the same numbers: `acc` 1, or `dummy_metrics`."""

    def __init__(self, collect_device: str = "cpu", dummy_metrics: dict[str, float] | None = None) -> None:
        super().__init__(collect_device=collect_device)
        self.dummy_metrics = dummy_metrics

    def process(self, data_batch: Any, predictions: Any) -> None:
        """Keep one result per sample."""
        self.results += [{"acc": 1.0}] * len(predictions)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """The numbers, whatever there was."""
        return {"acc": 1.0} if self.dummy_metrics is None else self.dummy_metrics


class RunnerTestCase(TestCase):
    """Each test gets `epoch_based_cfg` (two epochs of four iterations) and `iter_based_cfg` (twelve iterations).

    The three classes above are registered during a test, and every logger, history and visualizer of it is forgotten
    after it.
    """

    dist_cfg: ClassVar[dict[str, Any]] = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": 29600,
        "RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_RANK": "0",
    }

    def setUp(self) -> None:
        """Register the parts and write the configurations."""
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self._environment = dict(os.environ)
        for registry, part in ((MODELS, ToyModel), (DATASETS, ToyDataset), (METRICS, ToyMetric)):
            registry.register_module(module=part, force=True)
        self.epoch_based_cfg = self._configuration(
            {"by_epoch": True, "max_epochs": 2, "val_interval": 1}, {"by_epoch": True, "interval": 1}
        )
        self.iter_based_cfg = self._configuration(
            {"by_epoch": False, "max_iters": 12, "val_interval": 4}, {"by_epoch": False, "interval": 1}
        )
        self.iter_based_cfg.log_processor = {"by_epoch": False}

    def tearDown(self) -> None:
        """Forget what the test left in force."""
        for logger in MMLogger._instance_dict.values():
            logger.close()
        MMLogger._instance_dict.clear()
        MessageHub._instance_dict.clear()
        Visualizer._instance_dict.clear()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        os.environ.clear()
        os.environ.update(self._environment)

    def build_runner(self, cfg: Config) -> Runner:
        """The runner of a configuration, under a name that no other has."""
        cfg.experiment_name = self.experiment_name
        return Runner.from_cfg(cfg)

    @property
    def experiment_name(self) -> str:
        """A name that was never given before."""
        return f"{self._testMethodName}_{time.time_ns()}_{uuid4().hex[:6]}"

    def setup_dist_env(self) -> None:
        """Say in the environment that this is the one process of a distributed run."""
        os.environ.update({name: str(value) for name, value in self.dist_cfg.items()})

    def clear_work_dir(self) -> None:
        """Empty the folder of the runs."""
        self._folder.cleanup()
        os.makedirs(self._folder.name)

    def _configuration(self, train_cfg: dict[str, Any], checkpoint: dict[str, Any]) -> Config:
        loader = {
            "batch_size": 3,
            "num_workers": 0,
            "dataset": {"type": "ToyDataset"},
            "sampler": {"type": "DefaultSampler", "shuffle": True},
        }
        evaluation = {**loader, "sampler": {"type": "DefaultSampler", "shuffle": False}}
        return Config(
            {
                "work_dir": self._folder.name,
                "model": {"type": "ToyModel"},
                "train_dataloader": loader,
                "val_dataloader": evaluation,
                "test_dataloader": evaluation,
                "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 0.1}},
                "val_evaluator": {"type": "ToyMetric"},
                "test_evaluator": {"type": "ToyMetric"},
                "train_cfg": train_cfg,
                "val_cfg": {},
                "test_cfg": {},
                "default_hooks": {"checkpoint": {"type": "CheckpointHook", **checkpoint}},
                "custom_hooks": [],
                "env_cfg": {"dist_cfg": {"backend": "gloo"}},
            }
        )
