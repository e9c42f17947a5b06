"""What data sets made of other data sets have in common; `concat`, `repeat` and `balanced` say which samples.

A wrapper has no records of its own: what it is asked for, it asks of the data set inside. So it takes no
subsets either: which records would they be?
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from eng_dataset.base import BaseDataset, force_full_init
from eng_registry import DATASETS


class DatasetWrapper(ABC):
    """A data set whose sample `idx` is a sample of another; `_inside` says which one of which."""

    _metainfo: dict[str, Any]
    _fully_initialized: bool = False

    @abstractmethod
    def _fill(self) -> None:
        """Fill the data sets inside and find out what depends on their samples."""

    @abstractmethod
    def _inside(self, idx: int) -> tuple[Any, int]:
        """The data set that has sample `idx`, and its number there."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def metainfo(self) -> dict[str, Any]:
        """A copy of what is known of the data set as a whole."""
        return copy.deepcopy(self._metainfo)

    def full_init(self) -> None:
        """Fill the data sets inside. A second call does nothing."""
        if not self._fully_initialized:
            self._fill()
            self._fully_initialized = True

    @force_full_init
    def __getitem__(self, idx: int) -> Any:
        dataset, number = self._inside(idx)
        return dataset[number]

    def __iter__(self) -> Iterator[Any]:
        return (self[idx] for idx in range(len(self)))

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The record of sample `idx`; its ``sample_idx`` is the number inside."""
        dataset, number = self._inside(idx)
        return dataset.get_data_info(number)  # type: ignore[no-any-return]

    @force_full_init
    def get_cat_ids(self, idx: int) -> list[int]:
        """The classes of sample `idx`."""
        dataset, number = self._inside(idx)
        return dataset.get_cat_ids(number)  # type: ignore[no-any-return]

    def get_subset_(self, indices: int | Sequence[int]) -> NoReturn:
        """Not possible: take the subset of the data set inside."""
        raise NotImplementedError(
            f"{type(self).__name__} has no records of its own to keep some of; "
            "take the subset of the data set inside, before it is wrapped"
        )

    def get_subset(self, indices: int | Sequence[int]) -> NoReturn:
        """Not possible: take the subset of the data set inside."""
        self.get_subset_(indices)


def as_dataset(dataset: Any) -> Any:
    """The data set that is given, or that a configuration describes.

    Raises:
        TypeError: it is neither a BaseDataset, nor a wrapper of one, nor a mapping.
    """
    if isinstance(dataset, Mapping):
        return DATASETS.build(dataset)
    if isinstance(dataset, BaseDataset | DatasetWrapper):
        return dataset
    raise TypeError(
        f"a BaseDataset or the configuration (a dict) of one can be wrapped, but got a {type(dataset).__name__}"
    )
