"""A training as people write it for MMEngine: nothing is imported from anywhere but `mmengine`, torch and numpy."""
# ruff: noqa: B006, C408, RUF012  old code looks so

import argparse
import os.path as osp

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.logging import MessageHub, print_log
from mmengine.model import BaseModel
from mmengine.model.base_module import BaseModule
from mmengine.model.weight_init import trunc_normal_
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS, RUNNERS, TRANSFORMS
from mmengine.runner import Runner
from mmengine.runner.checkpoint import _load_checkpoint
from mmengine.structures import BaseDataElement
from mmengine.utils import digit_version, is_list_of, mkdir_or_exist
from mmengine.utils.dl_utils import TORCH_VERSION
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import nn


@TRANSFORMS.register_module()
class PackPoints:
    """A sample as a model takes it: inputs beside a data element."""

    def __call__(self, results):
        sample = BaseDataElement(metainfo={"sample_idx": results["sample_idx"]})
        sample.set_field(torch.tensor(results["label"]), "gt_label")
        return dict(inputs=torch.tensor(results["point"], dtype=torch.float32), data_samples=sample)


@DATASETS.register_module()
class Points(BaseDataset):
    """Points in the plane; the class is the side of a line."""

    METAINFO = dict(classes=("below", "above"))

    def load_data_list(self):
        points = np.random.RandomState(3).randn(48, 2)
        return [dict(point=point.tolist(), label=int(point.sum() > 0)) for point in points]


@MODELS.register_module()
class Body(BaseModule):
    """Two layers with a batch normalisation between them."""

    def __init__(self, width, init_cfg=dict(type="Xavier", layer="Linear", distribution="uniform")):
        super().__init__(init_cfg)
        self.layers = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.layers(x)


@MODELS.register_module()
class Classifier(BaseModel):
    """A body with a linear head, and the three modes of `forward`."""

    def __init__(self, backbone, num_classes, data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.head = nn.Linear(backbone["width"], num_classes)
        trunc_normal_(self.head.weight, std=0.02)

    def forward(self, inputs, data_samples=None, mode="tensor"):
        if is_list_of(inputs, torch.Tensor):
            inputs = torch.stack(inputs)
        scores = self.head(self.backbone(inputs))
        if mode == "tensor":
            return scores
        if mode == "loss":
            labels = torch.stack([sample.gt_label for sample in data_samples])
            return dict(loss_cls=nn.functional.cross_entropy(scores, labels.to(scores.device)))
        for sample, label in zip(data_samples, scores.argmax(1), strict=True):
            sample.set_field(label, "pred_label")
        return data_samples


@METRICS.register_module()
class ShareFound(BaseMetric):
    """The share of samples whose class was found."""

    default_prefix = "points"

    def process(self, data_batch, data_samples):
        for sample in data_samples:  # `Evaluator.process` has made plain dicts of the elements
            self.results.append(int(sample["pred_label"] == sample["gt_label"]))

    def compute_metrics(self, results):
        return dict(accuracy=sum(results) / len(results))


@HOOKS.register_module()
class Watch(Hook):
    """Writes down what it sees, as hooks of old code do: through the runner and the message hub."""

    priority = "LOW"

    def before_train(self, runner) -> None:
        self.began_at = runner.iter
        norms = [module for module in runner.model.modules() if isinstance(module, _BatchNorm)]
        print_log(f"{len(norms)} batch norm on {get_device()}", logger="current")

    def after_train_iter(self, runner, batch_idx: int, data_batch: DATA_BATCH = None, outputs=None) -> None:
        if self.every_n_train_iters(runner, 4):
            runner.message_hub.update_scalar("train/watched", outputs["loss"].item())

    def after_train_epoch(self, runner) -> None:
        if is_main_process():
            MessageHub.get_current_instance().update_info("watched_epoch", runner.epoch)


@PARAM_SCHEDULERS.register_module()
class QuadraticWarmUpParams(_ParamScheduler):
    """A schedule of one's own by the documented method."""

    def __init__(self, optimizer, param_name, begin=0, end=INF, last_step=-1, by_epoch=True, verbose=False):
        self.total_iters = end - begin - 1
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch, verbose)

    def _get_value(self):
        if self.last_step == 0:
            return [base * (1 / self.total_iters) ** 2 for base in self.base_values]
        factor = ((self.last_step + 1) / self.total_iters) ** 2
        return [base * min(factor, 1.0) for base in self.base_values]


@PARAM_SCHEDULERS.register_module()
class QuadraticWarmUpLR(LRSchedulerMixin, QuadraticWarmUpParams):
    """The same, of the learning rate."""


def main(argv=None):
    """The `train.py` of any package of OpenMMLab."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--work-dir")
    parser.add_argument("--resume", nargs="?", type=str, const="auto")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    args = parser.parse_args(argv)

    assert digit_version(TORCH_VERSION) >= digit_version("1.6.0")
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get("work_dir", None) is None:
        cfg.work_dir = osp.join("./work_dirs", osp.splitext(osp.basename(args.config))[0])
    if args.resume == "auto":
        cfg.resume = True
        cfg.load_from = None
    elif args.resume is not None:
        cfg.resume = True
        cfg.load_from = args.resume
    mkdir_or_exist(cfg.work_dir)
    runner = Runner.from_cfg(cfg) if "runner_type" not in cfg else RUNNERS.build(cfg)
    runner.train()
    return runner


def weights_of(path):
    """The weights in a checkpoint."""
    return _load_checkpoint(path, map_location="cpu")["state_dict"]
