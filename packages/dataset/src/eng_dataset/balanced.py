"""ClassBalancedDataset: samples of rare classes come more often.

After Gupta, Dollar and Girshick, "LVIS: A dataset for large vocabulary instance segmentation", CVPR 2019.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, final

from torch.utils.data import Dataset

from eng_dataset.base import force_full_init
from eng_dataset.wrapper import DatasetWrapper, as_dataset
from eng_registry import DATASETS


@final
@DATASETS.register_module()
class ClassBalancedDataset(DatasetWrapper, Dataset[Any]):
    """`dataset` with each sample repeated so that no class is in a much smaller share of samples than `oversample_thr`.

    The data set inside says the classes of a sample by `get_cat_ids`. `repeat_indices` are its samples in the
    order of this one.
    """

    def __init__(self, dataset: Any, oversample_thr: float, lazy_init: bool = False) -> None:
        self.dataset = as_dataset(dataset)
        self.oversample_thr = oversample_thr
        self._metainfo = self.dataset.metainfo
        if not lazy_init:
            self.full_init()

    def _fill(self) -> None:
        self.dataset.full_init()
        self._metainfo = self.dataset.metainfo
        classes = [self.dataset.get_cat_ids(number) for number in range(len(self.dataset))]
        factors = repeat_factors(classes, self.oversample_thr)
        self.repeat_indices = [
            number for number, factor in enumerate(factors) for _ in range(math.ceil(factor))
        ]

    def _inside(self, idx: int) -> tuple[Any, int]:
        return self.dataset, self.repeat_indices[idx]

    @force_full_init
    def __len__(self) -> int:
        return len(self.repeat_indices)


def repeat_factors(classes: Sequence[Collection[int]], threshold: float) -> list[float]:
    """For the classes of each sample, how often the sample should come; 1 for one without classes.

    A class in a share f of the samples wants max(1, sqrt(threshold / f)); a sample gets the largest of its classes'.

    >>> repeat_factors([[0], [0], [0], [0, 1]], threshold=1.0)
    [1.0, 1.0, 1.0, 2.0]
    """
    samples_with = Counter(number for sample in classes for number in set(sample))
    wanted = {
        number: max(1.0, math.sqrt(threshold * len(classes) / count))
        for number, count in samples_with.items()
    }
    return [max((wanted[number] for number in sample), default=1.0) for sample in classes]
