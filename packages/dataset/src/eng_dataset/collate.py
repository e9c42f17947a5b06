"""From a list of samples to a batch. Two ways, and the registry where others are added.

`pseudo_collate` only turns the structure inside out: no tensor is stacked, so samples of different sizes
are welcome. `default_collate` also stacks tensors and turns numbers into tensors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import default_collate as _torch_collate

from eng_registry import FUNCTIONS

COLLATE_FUNCTIONS = FUNCTIONS


def pseudo_collate(data_batch: Sequence[Any]) -> Any:
    """The samples' structure with, at each leaf, the sequence of the samples' leaves.

    Mappings, named tuples and sequences are gone into; tuples become a list of columns.

    >>> pseudo_collate([{'img': 1, 'label': 'a'}, {'img': 2, 'label': 'b'}])
    {'img': [1, 2], 'label': ['a', 'b']}
    >>> pseudo_collate([(1, 'a'), (2, 'b')])
    [(1, 2), ('a', 'b')]

    Raises:
        RuntimeError: sequences of different lengths stand at the same place.
    """
    return _inside_out(data_batch, pseudo_collate, lambda leaves: leaves)


def default_collate(data_batch: Sequence[Any]) -> Any:
    """Like `pseudo_collate`, with tensors and arrays stacked and numbers made tensors.

    Strings, bytes and data elements (`eng_structures`) stay sequences.

    >>> default_collate([(torch.zeros(2), 1, 's'), (torch.ones(2), 2, 't')])
    [tensor([[0., 0.],
            [1., 1.]]), tensor([1, 2]), ('s', 't')]
    """
    return _inside_out(data_batch, default_collate, _stacked)


def _inside_out(samples: Sequence[Any], again: Any, leaves: Any) -> Any:
    first = samples[0]
    kind = type(first)
    if isinstance(first, str | bytes | torch.Tensor):
        return leaves(samples)
    if isinstance(first, Mapping):
        columns = {key: again([sample[key] for sample in samples]) for key in first}
        return columns if kind is dict else _like(kind, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(again(column) for column in zip(*samples, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in samples):
            raise RuntimeError(
                f"each element in list of batch should be of equal size, got {[len(s) for s in samples]}"
            )
        rows = [again(column) for column in zip(*samples, strict=True)]
        return rows if isinstance(first, list | tuple) else _like(kind, rows)
    return leaves(samples)


def _like(kind: type, columns: Any) -> Any:
    """`columns` as a `kind`, or as they are if a `kind` cannot be made of them."""
    try:
        return kind(columns)
    except TypeError:
        return columns


def _stacked(leaves: Sequence[Any]) -> Any:
    first = leaves[0]
    if isinstance(first, str | bytes) or _is_data_element(first):
        return leaves
    return _torch_collate(list(leaves))


def _is_data_element(leaf: Any) -> bool:
    """Whether this is one of eng_structures' elements, which this package does not import."""
    return hasattr(leaf, "metainfo_keys") and hasattr(leaf, "to_dict")


FUNCTIONS.register_module(module=pseudo_collate)
FUNCTIONS.register_module(module=default_collate)
