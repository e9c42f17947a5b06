"""Small data sets that the tests of this package read; at the top of a module, so that spawned workers find them."""

import random
import time
from typing import Any

import numpy as np
import torch

from eng_dataset import BaseDataset
from eng_registry import DATASETS


class Noisy:
    """Each sample is its index and a random number of each of the three generators."""

    def __init__(self, size: int = 11) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, float, float, float]:
        return index, random.random(), float(np.random.rand()), float(torch.rand(()))


class Counting(Noisy):
    """Remembers which samples were read."""

    def __init__(self, size: int = 11) -> None:
        super().__init__(size)
        self.read: list[int] = []

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        return index


class Broken(Noisy):
    """Raises a KeyError for one sample."""

    def __init__(self, size: int = 11, at: int = 5) -> None:
        super().__init__(size)
        self.at = at

    def __getitem__(self, index: int) -> Any:
        if index == self.at:
            raise KeyError("no such image")
        return index


class Deadly(Noisy):
    """Ends the process that reads sample 5, without a word."""

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Leaving(Noisy):
    """Leaves the process that reads sample 5, as a library might."""

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            raise SystemExit(3)
        return index


class Sleepy(Noisy):
    """Never gives sample 5."""

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            time.sleep(600)
        return index


@DATASETS.register_module()
class Classes(BaseDataset):
    """Sample i is {'x': i}, of class `classes[i]` or of none."""

    METAINFO = {"classes": ("a", "b", "c")}  # noqa: RUF012

    def __init__(self, classes: list[int | None], **options: Any) -> None:
        self.classes = classes
        super().__init__(**options)

    def load_data_list(self) -> list[dict[str, Any]]:
        return [{"x": x} for x in range(len(self.classes))]

    def get_cat_ids(self, idx: int) -> list[int]:
        number = self.classes[idx]
        return [] if number is None else [number]


def add_one(values: Any, results: Any) -> None:
    """Change an array in a child process."""
    values[0] += 1
    results.put(values.tolist())
