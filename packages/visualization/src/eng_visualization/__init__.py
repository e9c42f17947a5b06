"""Drawing and experiment tracking behind one small interface."""

from eng_visualization.backends.backend import BaseVisBackend, force_init_env
from eng_visualization.backends.local import LocalVisBackend
from eng_visualization.backends.tensorboard import TensorboardVisBackend
from eng_visualization.errors import ArgumentError, MissingClientError, VisualizationError
from eng_visualization.visualizer import VisBackendsType, Visualizer
from eng_visualization.writer import BackendWriter

__all__ = [
    "ArgumentError",
    "BackendWriter",
    "BaseVisBackend",
    "LocalVisBackend",
    "MissingClientError",
    "TensorboardVisBackend",
    "VisBackendsType",
    "VisualizationError",
    "Visualizer",
    "force_init_env",
]
