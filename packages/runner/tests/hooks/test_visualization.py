"""Images of tests, and of validations where that is asked for; feature maps."""

import pytest
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


def written(work_dir, model=None, **hook):
    """The names of the images that a training of two epochs and a test leave."""
    loader = {
        "dataset": Images(),
        "batch_size": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    }
    runner = Runner(
        model=model or Looking(), work_dir=str(work_dir),
        train_dataloader=loader, train_cfg={"by_epoch": True, "max_epochs": 2},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        val_dataloader=loader, val_cfg={}, val_evaluator=[], test_dataloader=loader, test_cfg={}, test_evaluator=[],
        custom_hooks=[{"type": "NaiveVisualizationHook"} | hook], log_level="WARNING",
        visualizer={"vis_backends": [{"type": "LocalVisBackend"}]},
    )  # fmt: skip
    runner.train()
    runner.test()
    return sorted(path.name for path in work_dir.glob("*/vis_data/vis_image/**/*.png"))


def test_images_of_the_test(tmp_path):
    """Every second batch."""
    assert written(tmp_path, interval=2) == ["test_1_0_1.png", "test_1_1_1.png"]


def test_images_of_validations(tmp_path):
    """The same names at the iterations 2 and 4."""
    assert written(tmp_path, interval=3, val_interval=2) == [
        "val_1_0_2.png", "val_1_0_4.png", "val_1_1_2.png", "val_1_1_4.png",
    ]  # fmt: skip


class Together(Looking):
    """Answers with one tensor for each kind of result, not with a list of samples."""

    def forward(self, inputs, mode):
        answer = super().forward(inputs, mode)
        return answer if mode == "loss" else (inputs.mean((1, 2, 3)), inputs.amax((1, 2, 3)), inputs)


def test_results_of_a_whole_batch_are_not_taken_for_samples(tmp_path, capfd):
    """Nothing is drawn, and why is said once."""
    assert written(tmp_path, Together()) == []
    said = "".join(path.read_text() for path in tmp_path.glob("*/*.log"))
    assert said.count("NaiveVisualizationHook draws nothing: a model returns one result for each image") == 1


class Convolving(Looking):
    """Looks through one convolution."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.flat = torch.nn.Flatten()

    def forward(self, inputs, mode):
        self.flat(self.features(inputs))
        return super().forward(inputs, mode)


def test_feature_maps(tmp_path):
    """Of each layer, for the first image of every second batch, at the iteration of the training."""
    names = written(
        tmp_path, Convolving(), type="FeatureMapHook", layers="features", interval=2, overlay=True
    )
    assert names == ["features_1.png", "features_2.png", "features_4.png"]


def test_nobody_listens_after_the_run(tmp_path):
    """The layers are as they were."""
    model = Convolving()
    written(tmp_path, model, type="FeatureMapHook", layers=["features"])
    assert not model.features._forward_hooks


def test_a_misspelled_layer(tmp_path):
    """Is known before anything runs, with the nearest name."""
    with pytest.raises(ValueError, match=r"no layer 'feature' \(did you mean `features`"):
        written(tmp_path, Convolving(), type="FeatureMapHook", layers="feature")


def test_a_layer_without_a_map(tmp_path):
    """The shape is named."""
    with pytest.raises(TypeError, match=r"'flat' answers with a tensor of shape \(2, 256\)"):
        written(tmp_path, Convolving(), type="FeatureMapHook", layers="flat")
