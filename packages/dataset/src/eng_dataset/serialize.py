"""The records of a data set, pickled into one block of memory that worker processes share.

A list of dicts is copied into every worker bit by bit: under fork because reading an object writes its
reference count, under spawn because everything is sent. Bytes in shared memory are not.
"""

import ctypes
import pickle
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawArray
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Addresses: TypeAlias = NDArray[np.int64]

_BLOCK = 1 << 22


class SharedArray(np.ndarray[Any, Any]):
    """A read-only array in shared memory: a child process, forked or spawned, gets the memory, not a copy.

    Pickled for anything else than a child process, it is an ordinary array. The memory is a file without a
    name where there is room for it (``/dev/shm``, else the temporary folder).
    """

    _memory: Any

    @classmethod
    def empty(cls, size: int, dtype: Any) -> "SharedArray":
        """A writable array of `size` items, all zero; `seal` it when it is filled."""
        dtype = np.dtype(dtype)
        return _attached(RawArray(ctypes.c_uint8, max(size, 1) * dtype.itemsize), dtype, size)

    def seal(self) -> "SharedArray":
        """The array itself, from now on read-only."""
        self.flags.writeable = False
        return self

    def __array_finalize__(self, source: Any) -> None:
        self._memory = None  # a view or a copy has no memory of its own to hand on

    def __reduce__(self) -> Any:
        if self._memory is not None and get_spawning_popen() is not None:
            return _attached, (self._memory, self.dtype, len(self))
        return np.asarray(self).__reduce__()

    def __deepcopy__(self, memo: Any) -> "SharedArray":
        return self if not self.flags.writeable else np.copy(self)  # type: ignore[return-value]


def _attached(memory: Any, dtype: Any, size: int) -> SharedArray:
    shared = np.frombuffer(memory, dtype=dtype, count=size).view(SharedArray)
    shared._memory = memory
    return shared


def shared(values: Any) -> SharedArray:
    """A sealed copy of a one-dimensional array in shared memory."""
    values = np.asarray(values)
    copy = SharedArray.empty(len(values), values.dtype)
    copy[:] = values
    return copy.seal()


def pack(records: Iterable[Any]) -> tuple[SharedArray, SharedArray]:
    """Each record pickled, one behind the other, and where each ends.

    >>> data, ends = pack([{'label': 1}, {'label': 2}])
    >>> unpack(data, ends, 1)
    {'label': 2}
    """
    blocks = deque([bytearray()])  # small ones, so that there is never a second copy of everything
    ends = array("q")
    size = 0
    for record in records:
        pickled = pickle.dumps(record, protocol=4)
        blocks[-1] += pickled
        size += len(pickled)
        ends.append(size)
        if len(blocks[-1]) > _BLOCK:
            blocks.append(bytearray())
    data = SharedArray.empty(size, np.uint8)
    plain, start = np.asarray(data), 0
    while blocks:
        block = blocks.popleft()
        plain[start : start + len(block)] = np.frombuffer(block, dtype=np.uint8)
        start += len(block)
    return data.seal(), shared(np.frombuffer(ends, dtype=np.int64))


def unpack(data: Bytes, ends: Addresses, index: int) -> Any:
    """A fresh copy of record `index`, which is not negative."""
    start = ends.item(index - 1) if index else 0
    return pickle.loads(data.data[start : ends.item(index)])


def select(data: Bytes, ends: Addresses, indices: Sequence[int]) -> tuple[SharedArray, SharedArray]:
    """What `pack` gives for the records at `indices`, without unpacking them.

    >>> data, ends = select(*pack(['a', 'b', 'c']), [2, 0])
    >>> unpack(data, ends, 0), unpack(data, ends, 1)
    ('c', 'a')
    """
    chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
    starts = (
        np.concatenate([np.zeros(1, dtype=np.int64), np.asarray(ends)[:-1]])[chosen] if len(ends) else chosen
    )
    stops = np.asarray(ends)[chosen]
    new_ends = np.cumsum(stops - starts, dtype=np.int64)
    copy = SharedArray.empty(int(new_ends[-1]) if len(new_ends) else 0, np.uint8)
    plain, source = np.asarray(copy), np.asarray(data)
    for start, stop, end in zip(starts.tolist(), stops.tolist(), new_ends.tolist(), strict=True):
        plain[end - (stop - start) : end] = source[start:stop]
    return copy.seal(), shared(new_ends)
