"""The parts of the digits example: data, augmentation, model and metric of a small, real problem.

Scikit-learn ships 1,797 handwritten digits of 8x8 pixels (values 0..16), so nothing has to be downloaded.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from eng_dataset import BaseDataset
from eng_model import BaseModel
from eng_registry import DATASETS, MODELS, TRANSFORMS
from eng_structures import LabelData


@DATASETS.register_module()
class Digits(BaseDataset):
    """Handwritten digits; every fifth sample is for validation, the others are for training."""

    METAINFO = {"classes": tuple("0123456789")}  # noqa: RUF012 - read, never written

    def __init__(self, split, pipeline=()):
        self.split = split
        super().__init__(pipeline=list(pipeline))

    def load_data_list(self):
        digits = load_digits()
        wanted = [i for i in range(len(digits.target)) if (i % 5 == 0) == (self.split == "val")]
        return [{"inputs": digits.images[i], "labels": int(digits.target[i])} for i in wanted]


@TRANSFORMS.register_module()
class ToTensor:
    """The image as a float tensor of shape (1, 8, 8) in 0..1."""

    def __call__(self, sample):
        inputs = torch.as_tensor(sample["inputs"], dtype=torch.float32)[None] / 16
        return {"inputs": inputs, "labels": sample["labels"]}


@TRANSFORMS.register_module()
class RandomShift:
    """Shift the image by up to `pixels` in both directions, filling with black; drawn anew for every sample."""

    def __init__(self, pixels=1):
        self.pixels = pixels

    def __call__(self, sample):
        pixels = self.pixels
        down, right = torch.randint(0, 2 * pixels + 1, (2,)).tolist()
        height, width = sample["inputs"].shape[-2:]
        padded = F.pad(sample["inputs"], (pixels,) * 4)
        return sample | {"inputs": padded[:, down : down + height, right : right + width]}


@MODELS.register_module()
class DigitsNet(BaseModel):
    """Two convolutions and a linear layer, about 20,000 parameters."""

    def __init__(self, channels=32, dropout=0.1):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * channels, 10))

    def forward(self, inputs, labels, mode):
        logits = self.head(self.features(inputs))
        if mode == "loss":
            return {
                "loss": F.cross_entropy(logits, labels),
                "acc": (logits.argmax(1) == labels).float().mean(),
            }
        if mode == "predict":  # a sample each, which metrics and the visualizer understand
            return [
                LabelData(pred_score=scores, pred_label=scores.argmax(), gt_label=label)
                for scores, label in zip(logits.softmax(1), labels, strict=True)
            ]
        return logits
