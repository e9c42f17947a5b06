"""Images of tests, and of validations where that is asked for."""

import torch
from torch.utils.data import Dataset

from eng_model import BaseModel
from eng_runner import Runner
from eng_structures import BaseDataElement


class Images(Dataset):
    """Four grey images."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"inputs": torch.full((3, 8, 8), index / 4)}


class Looking(BaseModel):
    """Says nothing about each image."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode):
        if mode == "loss":
            return {"loss": self.weight.sum() + 0 * inputs.mean()}
        return [BaseDataElement() for _ in inputs]


def written(work_dir, **hook):
    """The names of the images that a training of two epochs and a test leave."""
    loader = {
        "dataset": Images(),
        "batch_size": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    }
    runner = Runner(
        model=Looking(), work_dir=str(work_dir),
        train_dataloader=loader, train_cfg={"by_epoch": True, "max_epochs": 2},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        val_dataloader=loader, val_cfg={}, val_evaluator=[], test_dataloader=loader, test_cfg={}, test_evaluator=[],
        custom_hooks=[{"type": "NaiveVisualizationHook", **hook}], log_level="WARNING",
        visualizer={"vis_backends": [{"type": "LocalVisBackend"}]},
    )  # fmt: skip
    runner.train()
    runner.test()
    return sorted(path.name for path in work_dir.glob("*/vis_data/vis_image/*.png"))


def test_images_of_the_test(tmp_path):
    """Every second batch."""
    assert written(tmp_path, interval=2) == ["test_1_0_1.png", "test_1_1_1.png"]


def test_images_of_validations(tmp_path):
    """The same names at the iterations 2 and 4."""
    assert written(tmp_path, interval=3, val_interval=2) == [
        "val_1_0_2.png", "val_1_0_4.png", "val_1_1_2.png", "val_1_1_4.png",
    ]  # fmt: skip
