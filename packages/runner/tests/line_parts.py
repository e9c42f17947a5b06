"""What the configuration `line_config.py` names: a data set, a model and a metric that are small and quick."""

import torch
from torch.nn import functional as F
from torch.utils.data import Dataset

from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_registry import DATASETS, HOOKS, METRICS, MODELS
from eng_runner import Hook


@DATASETS.register_module(force=True)
class LinePoints(Dataset):
    """`count` points of y = 3 x + 1, or as many as the text of a file says."""

    def __init__(self, count=32, file=None):
        if file is not None:
            with open(file) as text:
                count = int(text.read())
        self.x = torch.linspace(-1, 1, count)[:, None]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return {"x": self.x[index], "y": 3 * self.x[index] + 1}


@MODELS.register_module(force=True)
class LineModel(BaseModel):
    """y = w x + b for points of `width` coordinates."""

    def __init__(self, width=1, start=None):
        super().__init__()
        self.linear = torch.nn.Linear(width, 1)
        if start is not None:
            torch.nn.init.constant_(self.linear.weight, start)

    def forward(self, x, y, mode):
        predicted = self.linear(x)
        return {"loss": F.mse_loss(predicted, y)} if mode == "loss" else (predicted, y)


@METRICS.register_module(force=True)
class LineError(BaseMetric):
    """Mean absolute error."""

    default_prefix = "line"

    def process(self, data_batch, data_samples):
        predicted, y = data_samples
        self.results.extend((predicted - y).abs())

    def compute_metrics(self, results):
        return {"error": torch.stack(results).mean().item()}


@HOOKS.register_module(force=True)
class Failing(Hook):
    """Breaks in the first iteration."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        return 1 // batch_idx
