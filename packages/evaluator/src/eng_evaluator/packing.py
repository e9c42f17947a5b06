"""Objects that hold tensors, as bytes.

Pickling a tensor the way torch does costs a storage, its header and its whole memory each time, even for a view
of one number. Here the tensors of all results go into one row of numbers for each type of number, and the
pickle says only where in it each one is.
"""

import copyreg
import io
import pickle
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, TypeAlias

import torch

Reduced: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


def pack(data: Any) -> bytes:
    """`data` as bytes that `unpack` reads, tensors by columns. Data on an accelerator is copied at once."""
    return _pickled(data).payload()


def unpack(payload: bytes) -> Any:
    """What `pack` was given, with tensors on the CPU and without history.

    >>> unpack(pack([torch.tensor([1.5], dtype=torch.bfloat16), 'a']))
    [tensor([1.5000], dtype=torch.bfloat16), 'a']
    """
    columns, body = pickle.loads(payload)
    return _ColumnUnpickler(io.BytesIO(body), columns).load()


def as_unpacked(data: Any) -> Any:
    """What `unpack` would give of it: the same object where it holds no tensor, else a copy."""
    pickler = _pickled(data)
    return unpack(pickler.payload()) if pickler.has_tensors else data


def self_contained(data: Any) -> bytes:
    """`data` as a pickle that needs nothing but torch to be read: tensors as arrays, one by one."""
    stream = io.BytesIO()
    _ArrayPickler(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(data)
    return stream.getvalue()


def _pickled(data: Any) -> "_ColumnPickler":
    pickler = _ColumnPickler(io.BytesIO())
    pickler.dump(data)
    return pickler


class _ColumnPickler(pickle.Pickler):
    """Leaves tensors out and remembers them, by type of number and device."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self.stream = stream
        self.has_tensors = False
        self.tensors: dict[tuple[torch.dtype, torch.device], tuple[int, list[torch.Tensor]]] = {}
        self.dispatch_table = copyreg.dispatch_table | {torch.Tensor: self._reduce}

    def _reduce(self, tensor: torch.Tensor) -> Reduced:
        self.has_tensors = True
        if tensor.layout is not torch.strided or tensor.is_quantized:
            return as_torch_does(tensor)
        key = tensor.dtype, tensor.device
        if key not in self.tensors:
            self.tensors[key] = len(self.tensors), []
        column, tensors = self.tensors[key]
        tensors.append(tensor)
        return _at, (column, len(tensors) - 1, tuple(tensor.shape))

    def payload(self) -> bytes:
        """All that `unpack` needs."""
        return pickle.dumps((self.columns(), self.stream.getvalue()), protocol=pickle.HIGHEST_PROTOCOL)

    @torch.no_grad()
    def columns(self) -> list[tuple[Any, torch.dtype, list[int]]]:
        """For each column: its numbers as bytes, their type, and how many each tensor has."""
        return [
            (
                as_bytes(torch.cat([tensor.reshape(-1) for tensor in tensors])),
                dtype,
                [tensor.numel() for tensor in tensors],
            )
            for (dtype, _), (_, tensors) in self.tensors.items()
        ]


class _ColumnUnpickler(pickle.Unpickler):
    """Puts the tensors back, as views of their column."""

    def __init__(self, stream: io.BytesIO, columns: list[tuple[Any, torch.dtype, list[int]]]) -> None:
        super().__init__(stream)
        self.columns = [
            torch.split(torch.from_numpy(numbers).view(dtype), sizes) for numbers, dtype, sizes in columns
        ]

    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name == "_at":
            return lambda column, row, shape: self.columns[column][row].view(shape)
        return super().find_class(module, name)


def _at(column: int, row: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Stands in a pickle for a tensor of a column; only `unpack` knows the columns."""
    raise pickle.UnpicklingError("these bytes were made by `pack` and are read by `unpack`")


class _ArrayPickler(pickle.Pickler):
    @staticmethod
    def _reduce(tensor: torch.Tensor) -> Reduced:
        if tensor.layout is not torch.strided or tensor.is_quantized:
            return as_torch_does(tensor.clone())
        if tensor.dtype in _COMMON:
            return torch.from_numpy, (tensor.detach().cpu().resolve_conj().resolve_neg().numpy(),)
        if tensor.numel() == 0:
            return partial(torch.empty, dtype=tensor.dtype), (tuple(tensor.shape),)
        if tensor.dim() != 1:  # the row of numbers comes back through the case below
            return methodcaller("reshape", tuple(tensor.shape)), (tensor.detach().reshape(-1),)
        return partial(torch.frombuffer, dtype=tensor.dtype), (bytearray(as_bytes(tensor)),)

    dispatch_table = copyreg.dispatch_table | {torch.Tensor: _reduce}


def as_bytes(numbers: torch.Tensor) -> Any:
    """A row of numbers of any type as an array of bytes."""
    plain = numbers.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return plain.view(torch.uint8).numpy()


def as_torch_does(tensor: torch.Tensor) -> Reduced:
    """How torch pickles a tensor: its history is left out, its whole memory is not."""
    reduced: Reduced = tensor.detach().__reduce_ex__(pickle.HIGHEST_PROTOCOL)  # type: ignore[no-untyped-call]
    return reduced


#: the types of number that numpy has too
_COMMON = frozenset(
    [
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
    ]
)
