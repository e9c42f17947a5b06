"""Predictions from a file, in chunks that look as if they came from a loader and a model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from eng_structures import BaseDataElement

Samples: TypeAlias = Iterable[Any]


def chunks(
    data_samples: Samples, data: Samples | None, chunk_size: int
) -> Iterator[tuple[list[Any], list[Any] | None]]:
    """Up to `chunk_size` predictions at a time, each time with their inputs, or None without inputs.

    >>> list(chunks('abc', [1, 2, 3], 2))
    [(['a', 'b'], [1, 2]), (['c'], [3])]

    Raises:
        AssertionError: there are not as many inputs as predictions.
    """
    assert chunk_size > 0, f"chunk_size is a number of samples, but got {chunk_size}"
    if isinstance(data_samples, Sequence) and isinstance(data, Sequence):
        _check_equal(len(data_samples), len(data))
    samples, inputs = iter(data_samples), None if data is None else iter(data)
    while True:
        chunk = list(islice(samples, chunk_size))
        beside = None if inputs is None else list(islice(inputs, max(len(chunk), 1)))
        if beside is not None:
            _check_equal(len(chunk), len(beside))
        if not chunk:
            return
        yield chunk, beside


def _check_equal(predictions: int, inputs: int) -> None:
    assert predictions == inputs, f"each prediction has its input, but there are {predictions} and {inputs}"


def in_either_order(data_samples: Any, data: Any) -> tuple[Any, Any]:
    """(predictions, inputs), also where they were given as (inputs, predictions)."""
    if data is not None and _are_predictions(data) and not _are_predictions(data_samples):
        return data, data_samples
    return data_samples, data


def _are_predictions(samples: Any) -> bool:
    """Whether the first of them is a data element, or a mapping with a key that begins with ``pred``."""
    first = samples[0] if isinstance(samples, Sequence) and samples else None
    if isinstance(first, Mapping):
        return any(str(key).startswith("pred") for key in first)
    return isinstance(first, BaseDataElement)


def transposed(inputs: Sequence[Any]) -> Any:
    """Samples as a batch that is not stacked: dicts become a dict of lists, tuples a list of columns.

    >>> transposed([{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}])
    {'a': [1, 2], 'b': ['x', 'y']}
    """
    first = inputs[0]
    if isinstance(first, Mapping):
        return {key: transposed([sample[key] for sample in inputs]) for key in first}
    if isinstance(first, tuple | list):
        columns = [transposed(column) for column in zip(*inputs, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    return inputs
