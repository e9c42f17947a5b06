"""Short trainings of downstream projects from their shipped configurations, and what is recorded of each.

Nothing random is left in them but the initial weights: no shuffling, no augmentation, one thread, a fixed seed.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import drawn
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

Case = Callable[[Path], Config]


def shipped(project: str, name: str) -> Config:
    """Return a configuration that the wheel of a project ships."""
    spec = find_spec(project)
    assert spec is not None
    assert spec.origin is not None
    return Config.fromfile(str(Path(spec.origin).parent / ".mim" / "configs" / name))


def loader(dataset: Mapping[str, Any], batch_size: int = 2) -> dict[str, Any]:
    sampler = {"type": "DefaultSampler", "shuffle": False}
    return {"batch_size": batch_size, "num_workers": 0, "sampler": sampler, "dataset": dict(dataset)}


def classification(folder: Path, accumulative_counts: int = 1, on_both: bool = False) -> Config:
    """mmpretrain: ResNet-18, two epochs of four iterations, a warm-up and a cosine, the project's own moving average.

    With `on_both` it validates the average and the trained weights.
    """
    cfg = shipped("mmpretrain", "resnet/resnet18_8xb32_in1k.py")
    root = str(drawn.image_folder(folder / "data"))
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "PackInputs"}]
    names = {"classes": drawn.CLASSES}
    images = loader(
        {"type": "ImageNet", "data_root": root, "split": "train", "metainfo": names, "pipeline": pipeline}
    )
    cfg.model.head.update(num_classes=2, topk=(1,))
    cfg.data_preprocessor.num_classes = 2
    cfg.train_dataloader = images
    cfg.val_dataloader = images
    cfg.test_dataloader = images
    cfg.val_evaluator = {"type": "Accuracy", "topk": (1,)}
    cfg.test_evaluator = cfg.val_evaluator
    cfg.train_cfg.max_epochs = 2
    average = {"type": "EMAHook", "momentum": 0.1, "priority": "ABOVE_NORMAL", "evaluate_on_origin": on_both}
    cfg.custom_hooks = [average]
    cfg.optim_wrapper.update(accumulative_counts=accumulative_counts)
    cfg.optim_wrapper.optimizer.lr = 0.01
    cfg.param_scheduler = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": 3},
        {"type": "CosineAnnealingLR", "T_max": 2, "by_epoch": True, "begin": 0, "end": 2},
    ]
    return cfg


def detection(folder: Path, name: str, epochs: int) -> Config:
    """mmdet on drawn boxes: two iterations an epoch, a validation after each."""
    cfg = shipped("mmdet", name)
    root = str(drawn.coco(folder / "data"))
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True},
        {"type": "Resize", "scale": (96, 96), "keep_ratio": True},
        {
            "type": "PackDetInputs",
            "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
        },
    ]
    boxes = {
        "type": "CocoDataset",
        "data_root": root,
        "ann_file": "boxes.json",
        "data_prefix": {"img": "images/"},
        "metainfo": {"classes": drawn.CLASSES},
        "pipeline": pipeline,
    }
    cfg.train_dataloader = loader({**boxes, "filter_cfg": {"filter_empty_gt": True, "min_size": 32}})
    cfg.val_dataloader = loader({**boxes, "test_mode": True}, batch_size=1)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.val_evaluator.ann_file = f"{root}/boxes.json"
    cfg.test_evaluator.ann_file = f"{root}/boxes.json"
    cfg.model.backbone.init_cfg = None
    cfg.model.bbox_head.num_classes = 2
    cfg.model.test_cfg.score_thr = 0.0  # a net that has seen six batches is sure of nothing
    cfg.train_cfg.update(max_epochs=epochs, val_interval=1)
    return cfg


def retinanet(folder: Path) -> Config:
    """mmdet: RetinaNet with ResNet-18, whose norm layers and first stage are frozen."""
    cfg = detection(folder, "retinanet/retinanet_r18_fpn_1x_coco.py", epochs=3)
    cfg.param_scheduler[0].update(start_factor=0.1, end=3)
    cfg.param_scheduler[1].update(end=3, milestones=[2])
    return cfg


def rtmdet(folder: Path, share: bool = False) -> Config:
    """mmdet: RTMDet-tiny, a group for each parameter, its moving average, a pipeline that changes in the last epoch.

    As it is shipped its head shares convolutions between levels (`share`), so that a parameter has several names.
    """
    cfg = detection(folder, "rtmdet/rtmdet_tiny_8xb32-300e_coco.py", epochs=3)
    for part in (cfg.model.backbone, cfg.model.neck, cfg.model.bbox_head):
        part.norm_cfg = {"type": "BN"}  # SyncBN needs a GPU
    cfg.model.bbox_head.share_conv = share
    cfg.train_cfg.dynamic_intervals = [(2, 1)]
    cfg.param_scheduler[0].update(start_factor=0.1, end=3)
    cfg.param_scheduler[1].update(begin=1, end=3, T_max=2)
    cfg.custom_hooks[0].update(momentum=0.1)
    cfg.custom_hooks[1].update(switch_epoch=2, switch_pipeline=cfg.train_dataloader.dataset.pipeline)
    return cfg


def recognition(folder: Path) -> Config:
    """mmocr: CRNN, two data sets in one validation."""
    cfg = shipped("mmocr", "textrecog/crnn/crnn_mini-vgg_5e_mj.py")
    root = str(drawn.words(folder / "data"))
    pipeline = [step for step in cfg.train_pipeline if step.type != "Resize"]
    part = {"type": "OCRDataset", "data_root": root, "ann_file": "words.json", "pipeline": None}
    cfg.train_dataloader = loader({"type": "ConcatDataset", "datasets": [part], "pipeline": pipeline})
    both = {"type": "ConcatDataset", "datasets": [part, {**part, "indices": 4}], "pipeline": pipeline}
    cfg.val_dataloader = loader(both, batch_size=1)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.val_evaluator.dataset_prefixes = ["first", "second"]
    cfg.test_evaluator.dataset_prefixes = ["first", "second"]
    cfg.train_cfg.max_epochs = 2
    return cfg


CASES: dict[str, Case] = {
    "mmpretrain_resnet18": classification,
    "mmpretrain_resnet18_accumulate_2": lambda folder: classification(folder, 2, on_both=True),
    "mmpretrain_resnet18_accumulate_3": lambda folder: classification(folder, 3),
    "mmdet_retinanet": retinanet,
    "mmdet_rtmdet": rtmdet,
    "mmdet_rtmdet_shared": lambda folder: rtmdet(folder, share=True),
    "mmocr_crnn": recognition,
}
"""Name of a case -> what makes its configuration in an empty folder."""


class Recorder(Hook):
    """Keeps what the engine computes in each iteration, before any other hook changes it."""

    priority = "HIGHEST"

    def __init__(self) -> None:
        self.iterations: list[dict[str, Any]] = []
        self.metrics: list[dict[str, Any]] = []
        self.predictions: list[str] = []

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        groups = runner.optim_wrapper.param_groups
        self.iterations.append(
            {
                "losses": {name: exact(value) for name, value in outputs.items()},
                "rates": runs(exact(group["lr"]) for group in groups),
                "momentum": runs(exact(group.get("momentum")) for group in groups),
                "data": [Path(sample.img_path).name for sample in data_batch["data_samples"]],
            }
        )

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self.predictions.append(digest(leaves(outputs)))

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        self.metrics.append({name: exact(value) for name, value in metrics.items()})


def train(name: str) -> dict[str, Any]:
    """Return what one training gives: losses, rates, metrics, digests of weights, floats in hexadecimal."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        cfg = CASES[name](Path(folder))
        cfg.work_dir = f"{folder}/work"
        cfg.randomness = {"seed": 0}
        cfg.log_level = "ERROR"
        runner = Runner.from_cfg(cfg)
        return _train(runner)


def _train(runner: Any) -> dict[str, Any]:
    recorder, seen = Recorder(), []
    runner.register_hook(recorder, priority="HIGHEST")
    facts = ("epoch", "iter", "max_epochs", "max_iters")

    def look(*_: Any) -> None:
        if runner.model.training:
            seen.append([runner.message_hub.get_info(fact) for fact in facts])

    runner.model.register_forward_pre_hook(look)
    runner.train()
    averages = [hook.ema_model for hook in runner.hooks if hasattr(hook, "ema_model")]
    counts, rest = {}, {}
    for number, average in enumerate(averages):
        for name, value in average.state_dict().items():
            (rest if value.is_floating_point() else counts)[f"{number}.{name}"] = value
    return {
        "groups": groups_of(runner),
        "iterations": recorder.iterations,
        "predictions": recorder.predictions,
        "metrics": recorder.metrics,
        "message_hub_in_forward": seen,
        "weights": digest(leaves(runner.model.state_dict())),
        "averages": digest(leaves(rest)),
        "counts_in_averages": digest(leaves(counts)),
        "validated": scalars_of(runner.message_hub, "val/"),
        "optimizer": digest(buffers_of(runner.optim_wrapper.state_dict())),
    }


def scalars_of(hub: Any, prefix: str) -> dict[str, list[Any]]:
    """Return the values of each scalar under a prefix in the history of a run, measured times aside."""
    names = [name for name in hub.log_scalars if name.startswith(prefix) and not name.endswith("time")]
    buffers = {name: hub.log_scalars[name] for name in names}
    return {name: [exact(value) for value in buffer.data[0]] for name, buffer in sorted(buffers.items())}


def exact(value: Any) -> Any:
    """Return a number so that equal means equal to the bit: floats in hexadecimal."""
    if isinstance(value, torch.Tensor):
        value = value.item()
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    return value.hex() if isinstance(value, float) else value


def runs(values: Any) -> list[list[Any]]:
    """Return `[[value, how often in a row], ...]`: hundreds of groups mostly share one rate."""
    return [[value, len(list(same))] for value, same in groupby(values)]


def groups_of(runner: Any) -> list[list[Any]]:
    """Return `[[number of parameters, initial rate, decay, how many such groups in a row], ...]`."""
    keys = [
        (len(group["params"]), exact(group["initial_lr"]), exact(group["weight_decay"]))
        for group in runner.optim_wrapper.param_groups
    ]
    return [[*key, count] for key, count in runs(keys)]


def digest(values: Iterable[tuple[str, Any]]) -> str:
    """Return a digest of named values; tensors count with type, shape and bytes."""
    total = hashlib.sha256()
    for name, value in values:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            total.update(value.numpy().tobytes())
        else:
            total.update(f"{name} {exact(value)!r}".encode())
    return total.hexdigest()[:16]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each leaf in nested containers and data elements, in the order of their names."""
    if isinstance(value, list | tuple):
        value = {str(number): part for number, part in enumerate(value)}
    if hasattr(value, "items"):
        for name, part in sorted(value.items()):
            yield from leaves(part, f"{path}.{name}")
    else:
        yield path, value


def buffers_of(optimizer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what an optimizer keeps of each parameter: momentum, squares, steps."""
    return leaves({str(number): slots for number, slots in optimizer["state"].items()})
