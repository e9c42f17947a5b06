"""What a report learns of a run beside its curves."""

import json

import torch
from torch.utils.data import Dataset

from eng_model import BaseModel
from eng_runner import Runner


class Animals(Dataset):
    """Four of two classes."""

    metainfo = {"classes": ("cat", "dog")}  # noqa: RUF012

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"x": torch.ones(2) * index, "labels": index % 2}


class Guess(BaseModel):
    """A linear layer."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)

    def forward(self, x, labels, mode):
        scores = self.linear(x)
        return (
            {"loss": torch.nn.functional.cross_entropy(scores, labels)}
            if mode == "loss"
            else (scores, labels)
        )


def test_command_seed_classes_and_the_newest_confusion(tmp_path):
    """They stand in the facts of the start, the matrix with the names of its classes."""
    loader = {
        "dataset": Animals(),
        "batch_size": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    }
    Runner(
        model=Guess(), work_dir=str(tmp_path), train_dataloader=loader,
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}}, val_dataloader=loader, val_cfg={},
        val_evaluator=[{"type": "ConfusionMatrix", "num_classes": 2}], randomness={"seed": 3},
        visualizer={"vis_backends": [{"type": "LocalVisBackend"}]}, log_level="WARNING",
    ).train()  # fmt: skip
    (path,) = tmp_path.glob("*/vis_data/facts.json")
    facts = json.loads(path.read_text())
    assert facts["seed"] == 3
    assert facts["classes"] == ["cat", "dog"]
    assert "pytest" in facts["command"]
    assert facts["val/confusion_matrix"]["labels"] == ["cat", "dog"]
    assert sum(map(sum, facts["val/confusion_matrix"]["matrix"])) == 4
