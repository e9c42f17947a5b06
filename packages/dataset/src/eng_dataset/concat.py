"""ConcatDataset: several data sets, one behind the other, that agree on what they are about."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from torch.utils.data import ConcatDataset as TorchConcatDataset

from eng_dataset.base import force_full_init
from eng_dataset.wrapper import DatasetWrapper, as_dataset
from eng_registry import DATASETS


@final
@DATASETS.register_module()
class ConcatDataset(DatasetWrapper, TorchConcatDataset[Any]):
    """`datasets` one behind the other, with the metainfo of the first.

    Whoever reads a sample cannot see which data set it came from, so all must agree on their metainfo, but for
    `ignore_keys`.

    Raises:
        ValueError: a metainfo key is missing in a data set, or its values differ; or there is no data set.
        TypeError: the values of a metainfo key are of different types.
    """

    def __init__(
        self,
        datasets: Sequence[Any],
        lazy_init: bool = False,
        ignore_keys: str | list[str] | None = None,
    ) -> None:
        self.datasets: list[Any] = [as_dataset(dataset) for dataset in datasets]
        if not self.datasets:
            raise ValueError("at least one data set is needed, but `datasets` is empty")
        self.ignore_keys = _keys(ignore_keys)
        check_agreement([dataset.metainfo for dataset in self.datasets], self.ignore_keys)
        self._metainfo = self.datasets[0].metainfo
        if not lazy_init:
            self.full_init()

    def _fill(self) -> None:
        for dataset in self.datasets:
            dataset.full_init()
        TorchConcatDataset.__init__(self, self.datasets)
        self._metainfo = self.datasets[0].metainfo

    def _inside(self, idx: int) -> tuple[Any, int]:
        which, number = self._get_ori_dataset_idx(idx)
        return self.datasets[which], number

    @force_full_init
    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def _get_ori_dataset_idx(self, idx: int) -> tuple[int, int]:
        """The number of the data set that has sample `idx`, and the number of the sample there."""
        size = self.cumulative_sizes[-1]
        if idx < -size:
            raise ValueError(f"there is no sample {idx}: there are {size} in all, counted from -{size} on")
        if idx >= size:
            raise IndexError(f"there is no sample {idx}: there are {size} in all")
        idx += size if idx < 0 else 0
        which = bisect_right(self.cumulative_sizes, idx)
        return which, idx - (self.cumulative_sizes[which - 1] if which else 0)


def check_agreement(metainfos: Sequence[Mapping[str, Any]], ignore_keys: Sequence[str] = ()) -> None:
    """Raise if a key is not in all of `metainfos` with a value of the same type that is equal."""
    first = metainfos[0]
    keys = dict.fromkeys(key for metainfo in metainfos for key in metainfo if key not in ignore_keys)
    for key in keys:
        missing = [number for number, metainfo in enumerate(metainfos) if key not in metainfo]
        if missing:
            raise ValueError(
                f"metainfo `{key}` is in one data set, but not in number {_listed(missing)} of those to be "
                f"concatenated; if that does not matter: ignore_keys=['{key}']"
            )
        for number, metainfo in enumerate(metainfos):
            if type(metainfo[key]) is not type(first[key]):
                raise TypeError(
                    f"metainfo `{key}` is a {type(first[key]).__name__} in the first data set to be concatenated, "
                    f"but a {type(metainfo[key]).__name__} in number {number}"
                )
            if not _equal(metainfo[key], first[key]):
                raise ValueError(
                    f"metainfo `{key}` is {first[key]!r} in the first data set to be concatenated, but "
                    f"{metainfo[key]!r} in number {number}; if that does not matter: ignore_keys=['{key}']"
                )


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _keys(ignore_keys: Any) -> list[str]:
    if ignore_keys is None:
        return []
    if isinstance(ignore_keys, str):
        return [ignore_keys]
    if isinstance(ignore_keys, list) and all(isinstance(key, str) for key in ignore_keys):
        return ignore_keys
    raise TypeError(f"ignore_keys is a key of the metainfo or a list of keys, but got {ignore_keys!r}")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
