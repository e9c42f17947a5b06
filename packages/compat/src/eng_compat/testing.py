"""Comparisons for tests. All that begin with `assert_`, but for the first, do not raise but answer, as in MMEngine."""

from __future__ import annotations

import runpy
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from unittest import mock

import numpy
import torch
from torch import Tensor, nn

from .norms import is_norm

__all__ = [
    "assert_allclose",
    "assert_attrs_equal",
    "assert_dict_contains_subset",
    "assert_dict_has_keys",
    "assert_is_norm_layer",
    "assert_keys_equal",
    "assert_params_all_zeros",
    "check_python_script",
]


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str | Callable[[str], str] | None = "",
) -> None:
    """Raise `AssertionError` unless all numbers are close; types and devices do not matter.

    Without tolerances those of the less precise type count, for float32 0.0001 of the size and 0.00001. Raises
    `ValueError` for one tolerance alone.
    """
    actual, expected = torch.as_tensor(actual), torch.as_tensor(expected)
    if rtol is None and atol is None:
        rtol, atol = map(max, zip(_tolerance(actual), _tolerance(expected), strict=True))
    torch.testing.assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=False,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )


def assert_dict_contains_subset(dict_obj: Mapping[Any, Any], expected_subset: Mapping[Any, Any]) -> bool:
    """Whether a mapping has all these keys with these values; arrays and tensors are equal if all in them is.

    >>> assert_dict_contains_subset({"a": 1, "b": 2}, {"a": 1}), assert_dict_contains_subset({"a": 1}, {"c": 1})
    (True, False)
    """
    return all(key in dict_obj and _equal(dict_obj[key], value) for key, value in expected_subset.items())


def assert_attrs_equal(obj: Any, expected_attrs: Mapping[str, Any]) -> bool:
    """Whether an object has all these attributes with these values."""
    return all(
        hasattr(obj, name) and _equal(getattr(obj, name), value) for name, value in expected_attrs.items()
    )


def assert_dict_has_keys(obj: Mapping[Any, Any], expected_keys: Iterable[Any]) -> bool:
    """Whether a mapping has all these keys."""
    return set(expected_keys) <= set(obj)


def assert_keys_equal(result_keys: Iterable[Any], target_keys: Iterable[Any]) -> bool:
    """Whether these are the same keys, in whatever order."""
    return set(result_keys) == set(target_keys)


def assert_is_norm_layer(module: nn.Module) -> bool:
    """Whether a module normalises."""
    return is_norm(module)


def assert_params_all_zeros(module: nn.Module) -> bool:
    """Whether the weight of a module, and its bias if it has one, are zero everywhere."""
    weights = [getattr(module, name, None) for name in ("weight", "bias")]
    return all(not weight.any() for weight in weights if weight is not None)


def check_python_script(cmd: str) -> None:
    """Run `script.py --with arguments` in this process, as if it were started so.

    Raises what the script raises, `SystemExit` with an exit code other than 0 too.
    """
    words = shlex.split(cmd)
    with mock.patch.object(sys, "argv", words):
        runpy.run_path(words[0], run_name="__main__")


def _tolerance(tensor: Tensor) -> tuple[float, float]:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return 0.0, 0.0
    return {torch.float16: (1e-3, 1e-3), torch.bfloat16: (1e-2, 1e-3), torch.float64: (1e-5, 1e-8)}.get(
        tensor.dtype, (1e-4, 1e-5)
    )


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    if isinstance(a, numpy.ndarray) or isinstance(b, numpy.ndarray):
        return numpy.array_equal(a, b)
    return bool(a == b)
