"""The first tutorial: a model, two loaders, a metric and a runner. Plain objects, no configuration file.

    python examples/fifteen_minutes.py

The data are the 1,797 handwritten digits that scikit-learn ships, enlarged for a small ResNet.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

from eng_evaluator import BaseMetric
from eng_model import BaseModel
from eng_runner import Runner


class Block(nn.Module):
    """Two convolutions around which the input takes a short cut."""

    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.conv2, self.norm2 = (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class DigitResNet(BaseModel):
    def __init__(self):
        super().__init__()
        self.resnet = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            Block(16),
            nn.MaxPool2d(2),
            Block(16),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )

    def forward(self, imgs, labels, mode):
        x = self.resnet(imgs)
        if mode == "loss":
            return {"loss": F.cross_entropy(x, labels)}
        if mode == "predict":
            return x, labels
        return x


class Accuracy(BaseMetric):
    def process(self, data_batch, data_samples):
        score, gt = data_samples
        # keep what this batch contributes in `self.results`
        self.results.append({"batch_size": len(gt), "correct": (score.argmax(dim=1) == gt).sum().cpu()})

    def compute_metrics(self, results):
        total_correct = sum(item["correct"] for item in results)
        total_size = sum(item["batch_size"] for item in results)
        return {"accuracy": 100 * total_correct / total_size}


def digits():
    """Images of shape (N, 1, 8, 8) in 0..1 and labels, 1,437 for training and 360 for validation."""
    data = load_digits()
    images = torch.as_tensor(data.images, dtype=torch.float32)[:, None] / 16
    labels = torch.as_tensor(data.target)
    return TensorDataset(images[:1437], labels[:1437]), TensorDataset(images[1437:], labels[1437:])


def main():
    train, val = digits()
    runner = Runner(
        # the model that is trained and validated
        model=DigitResNet(),
        # the folder for checkpoints and logs
        work_dir="./work_dirs/fifteen_minutes",
        # a loader of torch; its batches are what `forward` gets
        train_dataloader=DataLoader(train, batch_size=32, shuffle=True),
        # the optimizer; AMP, gradient accumulation and clipping are options of the wrapper
        optim_wrapper={"optimizer": {"type": SGD, "lr": 0.05, "momentum": 0.9}},
        # how long to train, and how often to validate
        train_cfg={"by_epoch": True, "max_epochs": 5, "val_interval": 1},
        val_dataloader=DataLoader(val, batch_size=32, shuffle=False),
        val_cfg={},
        val_evaluator={"type": Accuracy},
        randomness={"seed": 0},
    )
    runner.train()


if __name__ == "__main__":
    main()
