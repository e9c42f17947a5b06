"""The first samples of a data set, for short trial runs."""

from typing import Any

from torch.utils.data import Dataset


class FirstN(Dataset[Any]):
    """`dataset` with at most `length` samples; every other attribute is that of `dataset`.

    >>> len(FirstN(range(10), 3))
    3
    """

    def __init__(self, dataset: Any, length: int) -> None:
        self.dataset = dataset
        self.length = length

    def __len__(self) -> int:
        return min(self.length, len(self.dataset))

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataset":  # while unpickling there is no data set to ask
            raise AttributeError(name)
        return getattr(self.dataset, name)
