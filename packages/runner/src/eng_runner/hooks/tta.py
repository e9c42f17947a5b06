"""Tests with several augmentations of each sample and merges their predictions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, final

from eng_registry import HOOKS, MODELS, RUNNERS

from ..engine.hook import Hook
from ..engine.run import Run


@final
@HOOKS.register_module()
class PrepareTTAHook(Hook):
    """Before a test, puts the model that `tta_cfg` describes (a BaseTTAModel) around the runner's model."""

    priority = "NORMAL"

    def __init__(self, tta_cfg: Mapping[str, Any]) -> None:
        self.tta_cfg = tta_cfg

    def before_test(self, runner: Run) -> None:
        """Wrap the model."""
        runner.model = MODELS.build(self.tta_cfg, default_args={"module": runner.model})


def build_runner_with_tta(cfg: Any) -> Any:
    """A runner whose test uses `cfg.tta_model` and `cfg.tta_pipeline`. Raises KeyError if one of them is missing."""
    missing = [name for name in ("tta_model", "tta_pipeline") if name not in cfg]
    if missing:
        raise KeyError(f"test-time augmentation needs {' and '.join(missing)} in the configuration")
    cfg = copy.deepcopy(cfg)
    dataset = cfg["test_dataloader"]["dataset"]
    while "pipeline" not in dataset and "dataset" in dataset:
        dataset = dataset["dataset"]
    dataset["pipeline"] = cfg["tta_pipeline"]
    runner = RUNNERS.build(cfg)
    runner.register_hook(PrepareTTAHook(tta_cfg=cfg["tta_model"]))
    return runner
