"""Drawing and experiment tracking behind one small interface.

What writes reports is imported when it is first asked for: a training does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eng_visualization.backends.aim import AimVisBackend
from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.backends.clearml import ClearMLVisBackend
from eng_visualization.backends.comet import CometVisBackend
from eng_visualization.backends.dvclive import DVCLiveVisBackend
from eng_visualization.backends.local import LocalVisBackend
from eng_visualization.backends.mlflow import MLflowVisBackend
from eng_visualization.backends.neptune import NeptuneVisBackend
from eng_visualization.backends.swanlab import SwanLabVisBackend
from eng_visualization.backends.tensorboard import TensorboardVisBackend
from eng_visualization.backends.trackio import TrackioVisBackend
from eng_visualization.backends.wandb import WandbVisBackend
from eng_visualization.draw.arguments import (
    check_length,
    check_type,
    check_type_and_length,
    tensor2ndarray,
    value2list,
)
from eng_visualization.draw.canvas import img_from_canvas
from eng_visualization.draw.colors import color_str2rgb, color_val_matplotlib
from eng_visualization.draw.heatmap import convert_overlay_heatmap
from eng_visualization.draw.window import wait_continue
from eng_visualization.errors import ArgumentError, MissingClientError, VisualizationError
from eng_visualization.visualizer import VisBackendsType, Visualizer
from eng_visualization.writer import BackendWriter

if TYPE_CHECKING:
    from eng_visualization.report.page import write_report
    from eng_visualization.report.run import NotARunError

__all__ = [
    "AimVisBackend",
    "ArgumentError",
    "BackendWriter",
    "BaseVisBackend",
    "ClearMLVisBackend",
    "CometVisBackend",
    "DVCLiveVisBackend",
    "LocalVisBackend",
    "MLflowVisBackend",
    "MissingClientError",
    "NeptuneVisBackend",
    "NotARunError",
    "SwanLabVisBackend",
    "TensorboardVisBackend",
    "TrackioVisBackend",
    "VisBackendsType",
    "VisualizationError",
    "Visualizer",
    "WandbVisBackend",
    "check_length",
    "check_type",
    "check_type_and_length",
    "color_str2rgb",
    "color_val_matplotlib",
    "convert_overlay_heatmap",
    "force_init_env",
    "img_from_canvas",
    "tensor2ndarray",
    "value2list",
    "wait_continue",
    "write_report",
]

_LATER = {"write_report": "page", "NotARunError": "run"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"eng_visualization.report.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
