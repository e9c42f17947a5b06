"""InstanceData: the boxes, masks, scores and labels of the objects of one sample, all of one length."""

import itertools
from collections.abc import Callable, Sequence, Sized
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from eng_structures.element import BaseDataElement
from eng_structures.errors import ElementTypeError, ElementValueError

Index: TypeAlias = (
    "str | int | np.integer[Any] | slice | Sequence[int] | Sequence[bool] | np.ndarray[Any, Any] | Tensor"
)


class InstanceData(BaseDataElement):
    """Data fields of one length: the n-th item of each belongs to the n-th object.

    An index by number, slice, mask or numbers gives the same objects in every field:

    >>> import torch
    >>> found = InstanceData(scores=torch.tensor([0.9, 0.2, 0.7]), names=['cat', 'dog', 'cow'])
    >>> sure = found[found.scores > 0.5]
    >>> len(sure), sure.names
    (2, ['cat', 'cow'])

    Fields may be tensors, arrays, lists, tuples, strings, and objects with a length, a slice and a
    static ``cat``.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_metainfo_fields", "_data_fields"):
            self._check_length(name, value)
        super().__setattr__(name, value)

    __setitem__ = __setattr__

    def _check_length(self, name: str, value: Any) -> None:
        if not isinstance(value, Sized):
            raise ElementTypeError(
                f"{name} of {type(self).__name__} needs a length, which a {type(value).__name__} lacks"
            )
        size = len(self)
        alone = not size and set(self.keys()) <= {name}
        if not alone and len(value) != size:
            raise ElementValueError(
                f"{name} has {len(value)} items, but this {type(self).__name__} has {size}: fields are of one length"
            )

    def __len__(self) -> int:
        for name in self._data_fields:
            return len(getattr(self, name))
        return 0

    def __getitem__(self, item: Index) -> Any:
        """The field of that name, or an element with the chosen objects and the same metainfo.

        Raises:
            IndexError: a number is outside of the element.
            ElementTypeError: an index of another type.
            ElementValueError: an index tensor that is not one-dimensional, or a mask of another length.
        """
        if isinstance(item, str):
            return getattr(self, item)
        if isinstance(item, int | np.integer):
            item = _slice_of_one(int(item), len(self))
        if isinstance(item, slice):
            return self._chosen(lambda value, _: value[item])
        index = _as_index(item, len(self))
        # a mask is asked once which are chosen: on an accelerator each field that it is given to would wait for that
        numbers = index.nonzero().flatten() if index.dtype == torch.bool else index
        return self._chosen(lambda value, name: _pick(value, numbers, f"{name} of {type(self).__name__}"))

    def _chosen(self, choose: Callable[[Any, str], Any]) -> "InstanceData":
        element = type(self)(metainfo=self.metainfo)
        for name, value in self.items():
            element.set_data({name: choose(value, name)})
        return element

    @staticmethod
    def cat(instances_list: "Sequence[InstanceData]") -> "InstanceData":
        """The objects of all elements in one, with the metainfo of the first; of one element, that element itself.

        Raises:
            ElementTypeError: there is something else than an InstanceData.
            ElementValueError: the list is empty, or the elements have not the same fields.
            ValueError: a field's type cannot be joined.
        """
        if not instances_list:
            raise ElementValueError("there is nothing to join: the list is empty")
        for each in instances_list:
            if not isinstance(each, InstanceData):
                raise ElementTypeError(f"cat joins InstanceData, got a {type(each).__name__}")
        first = instances_list[0]
        if len(instances_list) == 1:
            return first
        for each in instances_list[1:]:
            if different := set(each.all_keys()) ^ set(first.all_keys()):
                raise ElementValueError(
                    f"the elements to join have different fields: {', '.join(sorted(different))}"
                )
        joined = type(first)(metainfo=first.metainfo)
        for name, _ in first.items():
            joined.set_data({name: _join([getattr(each, name) for each in instances_list], name)})
        return joined


def _slice_of_one(number: int, size: int) -> slice:
    if not -size <= number < size:
        raise IndexError(f"index {number} is outside of {size} instances")
    return slice(number, number + 1 or None)


def _as_index(item: Any, size: int) -> Tensor:
    """A list, array or tensor as a one-dimensional mask or tensor of numbers."""
    if isinstance(item, list):
        item = np.array(item) if item else np.empty(0, dtype=np.int64)
    if isinstance(item, np.ndarray) and item.dtype.kind in "iub":
        item = torch.from_numpy(item if item.dtype.kind == "b" else item.astype(np.int64))
    if not isinstance(item, Tensor) or item.dtype not in (torch.int64, torch.int32, torch.bool):
        kind = f"{item.dtype}" if isinstance(item, Tensor | np.ndarray) else f"a {type(item).__name__}"
        raise ElementTypeError(
            f"{kind} is no index: take a field's name, a number, a slice, or a list, array or "
            "tensor of whole numbers or booleans"
        )
    if item.dim() != 1:
        raise ElementValueError(f"an index has one dimension, this one has {item.dim()}")
    if item.dtype == torch.bool and len(item) != size:
        raise ElementValueError(f"the mask has {len(item)} items for {size} instances")
    return item.long() if item.dtype == torch.int32 else item


def _pick(value: Any, numbers: Tensor, where: str) -> Any:
    if isinstance(value, Tensor):
        return value[numbers.to(value.device)]
    if isinstance(value, np.ndarray):
        return value[numbers.cpu().numpy()]
    if isinstance(value, str | list | tuple):
        items = [value[number] for number in numbers.tolist()]
        return "".join(items) if isinstance(value, str) else type(value)(items)
    if not hasattr(value, "cat"):
        raise ValueError(
            f"{where} is a {type(value).__name__}, which has no static `cat` to join what was chosen"
        )
    pieces = [value[_slice_of_one(number, len(value))] for number in numbers.tolist()]
    return value.cat(pieces) if pieces else value[:0]


def _join(values: list[Any], name: str) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(values, dim=0)
    if isinstance(first, np.ndarray):
        return np.concatenate(values, axis=0)
    if isinstance(first, str):
        return "".join(values)
    if isinstance(first, list | tuple):
        return type(first)(itertools.chain.from_iterable(values))
    if not hasattr(first, "cat"):
        raise ValueError(f"{name} is a {type(first).__name__}, which has no static `cat` to join it")
    return first.cat(values)
