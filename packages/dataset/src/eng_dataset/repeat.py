"""RepeatDataset: an epoch that is several passes long."""

from typing import Any, final

from torch.utils.data import Dataset

from eng_dataset.base import force_full_init
from eng_dataset.wrapper import DatasetWrapper, as_dataset
from eng_registry import DATASETS


@final
@DATASETS.register_module()
class RepeatDataset(DatasetWrapper, Dataset[Any]):
    """`dataset` `times` over: sample i is sample i modulo its size.

    For small data sets whose epochs are so short that starting one takes longer than the epoch.
    """

    def __init__(self, dataset: Any, times: int, lazy_init: bool = False) -> None:
        if times < 0:
            raise ValueError(f"a data set can be repeated 0 times or more, but times={times}")
        self.dataset = as_dataset(dataset)
        self.times = times
        self._metainfo = self.dataset.metainfo
        if not lazy_init:
            self.full_init()

    def _fill(self) -> None:
        self.dataset.full_init()
        self._ori_len = len(self.dataset)
        self._metainfo = self.dataset.metainfo

    def _inside(self, idx: int) -> tuple[Any, int]:
        if not self._ori_len:
            raise IndexError(f"there is no sample {idx}: the repeated data set is empty")
        return self.dataset, idx % self._ori_len

    @force_full_init
    def __len__(self) -> int:
        return self.times * self._ori_len
