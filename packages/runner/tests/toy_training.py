"""A training small enough to be run many times: a line through points, with real loaders, optimizer and schedule."""

import torch
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_runner import Runner


class Line(BaseModel):
    """y = w x + b, with dropout so that the random state matters."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.dropout = torch.nn.Dropout(dropout)
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x, y, mode):
        predicted = self.linear(self.dropout(x))
        return {"loss": F.mse_loss(predicted, y)} if mode == "loss" else list(zip(predicted, y, strict=True))


class Net(BaseModel):
    """Two layers with dropout between them, wide enough to be split."""

    def __init__(self):
        super().__init__()
        self.up = torch.nn.Linear(1, 8)
        self.dropout = torch.nn.Dropout(0.1)
        self.down = torch.nn.Linear(8, 1)

    def forward(self, x, y, mode):
        predicted = self.down(self.up(self.dropout(x)).tanh())
        return {"loss": F.mse_loss(predicted, y)} if mode == "loss" else list(zip(predicted, y, strict=True))


class Error(BaseMetric):
    """Mean absolute error."""

    default_prefix = "line"

    def process(self, data_batch, data_samples):
        self.results.extend((predicted - y).abs() for predicted, y in data_samples)

    def compute_metrics(self, results):
        return {"error": torch.stack(results).mean().item(), "count": len(results)}


def points(count=32):
    x = torch.linspace(-1, 1, count)[:, None]
    return TensorDataset(x, 3 * x + 1)


def loader(count=32, batch_size=4, *, shuffle=True, **options):
    return {
        "dataset": points(count),
        "batch_size": batch_size,
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
        "collate_fn": {"type": "default_collate"},
        **options,
    }


def toy_runner(work_dir, *, val=True, **options):
    """A runner of 3 epochs of 8 iterations; `options` replace its arguments."""
    evaluation = {
        "val_dataloader": loader(10, shuffle=False), "val_cfg": {}, "val_evaluator": [Error()],
    }  # fmt: skip
    return Runner(
        **{
            "model": Line(),
            "work_dir": str(work_dir),
            "train_dataloader": loader(),
            "train_cfg": {"by_epoch": True, "max_epochs": 3},
            "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
            "param_scheduler": {"type": "LinearLR", "start_factor": 0.5, "by_epoch": False, "end": 10},
            "randomness": {"seed": 0},
            "log_level": "WARNING",
            **(evaluation if val else {}),
            **options,
        }
    )
