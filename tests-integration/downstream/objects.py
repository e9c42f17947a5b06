"""One object of each class of the engine that projects derive from or hold, after it has been used once.

What an object has as an attribute is seen only on the object: loops, hooks and visualizers set much of it as they run.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import DictAction
from torch import nn

from mmengine import dataset, evaluator, hooks, logging, model, optim, runner, structures, visualization


class Net(model.BaseModel):  # type: ignore[misc]  # no types come from `mmengine`
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        out = self.linear(torch.stack(inputs) if isinstance(inputs, list | tuple) else inputs)
        return {"loss": out.mean()} if mode == "loss" else list(out)


class Samples(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"inputs": torch.ones(2), "data_samples": index}


class Listed(dataset.BaseDataset):  # type: ignore[misc]  # no types come from `mmengine`
    def load_data_list(self) -> list[dict[str, Any]]:
        return [{"number": number} for number in range(4)]

    def get_cat_ids(self, index: int) -> list[int]:
        return [index % 2]


class Count(evaluator.BaseMetric):  # type: ignore[misc]  # no types come from `mmengine`
    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(1)

    def compute_metrics(self, results: Any) -> dict[str, int]:
        return {"count": len(results)}


class Merging(model.BaseTTAModel):  # type: ignore[misc]  # no types come from `mmengine`
    def merge_preds(self, data_samples_list: Any) -> Any:
        return data_samples_list


def loader(endless: bool = False) -> dict[str, Any]:
    kind = "InfiniteSampler" if endless else "DefaultSampler"
    return {"batch_size": 2, "dataset": Samples(), "sampler": {"type": kind, "shuffle": False}}


def trained(folder: str, train_cfg: dict[str, Any]) -> Any:
    """Return a runner that has trained two iterations with a validation, an average and two backends, and tested."""
    backends = [{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend"}]
    made = runner.Runner(
        model=Net(),
        work_dir=folder,
        train_dataloader=loader(endless="max_iters" in train_cfg),
        train_cfg=train_cfg,
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        param_scheduler=[{"type": "LinearLR"}, {"type": "PolyLR"}],
        val_dataloader=loader(),
        val_cfg={},
        val_evaluator=[Count()],
        test_dataloader=loader(),
        test_cfg={},
        test_evaluator=[Count()],
        custom_hooks=[{"type": "EMAHook"}],
        visualizer={"type": "Visualizer", "vis_backends": backends},
        randomness={"seed": 0},
        log_level="ERROR",
        experiment_name=Path(folder).name,
    )
    made.train()
    made.test()
    return made


def of_training() -> Iterator[tuple[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        made = trained(folder, {"by_epoch": True, "max_epochs": 1})
        yield "Runner", made
        yield "EpochBasedTrainLoop", made.train_loop
        yield "ValLoop", made.val_loop
        yield "TestLoop", made.test_loop
        yield "Evaluator", made.val_loop.evaluator
        yield "OptimWrapper", made.optim_wrapper
        yield "LogProcessor", made.log_processor
        yield "MessageHub", made.message_hub
        yield "Visualizer", made.visualizer
        yield "BaseModel", made.model
        yield from ((type(hook).__name__, hook) for hook in made.hooks)
        yield from ((type(scheduler).__name__, scheduler) for scheduler in made.param_schedulers)
        yield from ((type(b).__name__, b) for b in made.visualizer._vis_backends.values())


def of_training_by_iterations() -> Iterator[tuple[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "IterBasedTrainLoop", trained(folder, {"by_epoch": False, "max_iters": 2}).train_loop


def of_data() -> Iterator[tuple[str, Any]]:
    listed = Listed()
    yield "BaseDataset", listed
    yield "ConcatDataset", dataset.ConcatDataset([listed, listed])
    yield "RepeatDataset", dataset.RepeatDataset(listed, 2)
    yield "ClassBalancedDataset", dataset.ClassBalancedDataset(listed, 0.5)
    yield "Compose", dataset.Compose([])
    yield "DefaultSampler", dataset.DefaultSampler(listed)
    yield "InfiniteSampler", dataset.InfiniteSampler(listed)


def of_models() -> Iterator[tuple[str, Any]]:
    yield "BaseModule", model.BaseModule()
    yield "Sequential", model.Sequential(nn.Linear(1, 1))
    yield "ModuleList", model.ModuleList([nn.Linear(1, 1)])
    yield "BaseDataPreprocessor", model.BaseDataPreprocessor()
    yield "ImgDataPreprocessor", model.ImgDataPreprocessor(mean=[0.0], std=[1.0])
    yield "ExponentialMovingAverage", model.ExponentialMovingAverage(nn.Linear(1, 1))
    yield "BaseTTAModel", Merging(Net())
    yield "ConstantInit", model.ConstantInit(1.0)


def of_structures() -> Iterator[tuple[str, Any]]:
    yield "BaseDataElement", structures.BaseDataElement(metainfo={"a": 1}, b=2)
    yield "InstanceData", structures.InstanceData(b=torch.ones(2))
    yield "PixelData", structures.PixelData(b=torch.ones(1, 2, 2))
    yield "LabelData", structures.LabelData(b=torch.ones(2))


def of_the_rest() -> Iterator[tuple[str, Any]]:
    yield "BaseMetric", Count()
    yield "DumpResults", evaluator.DumpResults("results.pkl")
    yield "HistoryBuffer", logging.HistoryBuffer()
    yield (
        "DefaultOptimWrapperConstructor",
        optim.DefaultOptimWrapperConstructor({"optimizer": {"type": "SGD"}}),
    )
    yield "DictAction", DictAction(["--options"], "options")
    yield "Hook", hooks.Hook()
    yield from of_drawing()


def of_drawing() -> Iterator[tuple[str, Any]]:
    drawing = visualization.Visualizer(image=np.zeros((4, 4, 3), dtype=np.uint8))
    yield "Visualizer", drawing
    drawing.draw_texts("a", np.array([1, 1]))
    drawing._init_manager("window")


MAKERS: tuple[Callable[[], Iterator[tuple[str, Any]]], ...] = (
    of_training,
    of_training_by_iterations,
    of_data,
    of_models,
    of_structures,
    of_the_rest,
)


def objects() -> tuple[dict[str, Any], list[str]]:
    """Return one object for each name of a class, and what could not be made."""
    made: dict[str, Any] = {}
    failed = []
    for maker in MAKERS:
        try:
            for name, value in maker():
                made[name] = value
        except Exception as error:  # every kind of failure is reported
            failed.append(f"{maker.__name__}: {type(error).__name__}: {error}")
    return made, failed
