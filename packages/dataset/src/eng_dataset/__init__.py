"""Datasets, seekable samplers and loaders that resume exactly."""

from eng_dataset.balanced import ClassBalancedDataset
from eng_dataset.base import BaseDataset, force_full_init
from eng_dataset.build import build_dataloader
from eng_dataset.collate import COLLATE_FUNCTIONS, default_collate, pseudo_collate
from eng_dataset.concat import ConcatDataset
from eng_dataset.errors import (
    CollateError,
    LoaderConfigError,
    LoaderError,
    LoaderTypeError,
    SampleError,
    WorkerError,
)
from eng_dataset.loader import Loader
from eng_dataset.pipeline import Compose
from eng_dataset.randomness import sample_key, worker_init_fn
from eng_dataset.repeat import RepeatDataset
from eng_dataset.samplers import DefaultSampler, InfiniteSampler, SeekableSampler

__all__ = [
    "COLLATE_FUNCTIONS",
    "BaseDataset",
    "ClassBalancedDataset",
    "CollateError",
    "Compose",
    "ConcatDataset",
    "DefaultSampler",
    "InfiniteSampler",
    "Loader",
    "LoaderConfigError",
    "LoaderError",
    "LoaderTypeError",
    "RepeatDataset",
    "SampleError",
    "SeekableSampler",
    "WorkerError",
    "build_dataloader",
    "default_collate",
    "force_full_init",
    "pseudo_collate",
    "sample_key",
    "worker_init_fn",
]
