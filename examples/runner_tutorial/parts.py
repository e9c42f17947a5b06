"""The registered parts of the runner tutorial: a model, a dataset and a metric."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_registry import DATASETS, METRICS, MODELS

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "none": nn.Identity}


@MODELS.register_module()
class MyAwesomeModel(BaseModel):
    """A perceptron that tells which of two rings a point of the plane belongs to."""

    def __init__(self, layers=4, activation="relu"):
        super().__init__()
        act_type = ACTIVATIONS[activation]
        sequence = [nn.Linear(2, 64), act_type()]
        for _ in range(layers - 1):
            sequence.extend([nn.Linear(64, 64), act_type()])
        self.mlp = nn.Sequential(*sequence)
        self.classifier = nn.Linear(64, 2)

    def forward(self, data, labels, mode):
        x = self.classifier(self.mlp(data))
        if mode == "tensor":
            return x
        if mode == "predict":
            return F.softmax(x, dim=1), labels
        return {"loss": F.cross_entropy(x, labels)}


@DATASETS.register_module()
class MyDataset(Dataset):
    """Points on two noisy rings of radius 3 and 6, made when the dataset is built."""

    def __init__(self, is_train, size):
        generator = torch.Generator().manual_seed(0 if is_train else 3407)
        self.labels = torch.randint(0, 2, (size,), generator=generator)
        r = 3 * (self.labels + 1) + torch.randn(size, generator=generator)
        theta = torch.rand(size, generator=generator) * 2 * torch.pi
        self.data = torch.vstack([r * torch.cos(theta), r * torch.sin(theta)]).T

    def __getitem__(self, index):
        return self.data[index], self.labels[index]

    def __len__(self):
        return len(self.data)


@METRICS.register_module()
class Accuracy(BaseMetric):
    """How many of a hundred points are told correctly."""

    def process(self, data_batch, data_samples):
        score, gt = data_samples
        self.results.append({"batch_size": len(gt), "correct": (score.argmax(dim=1) == gt).sum().cpu()})

    def compute_metrics(self, results):
        total_correct = sum(r["correct"] for r in results)
        total_size = sum(r["batch_size"] for r in results)
        return {"accuracy": 100 * total_correct / total_size}
