"""Weights in the safetensors format: a JSON header and the bytes of the tensors, nothing that could run.

The format is simple enough to be read and written here, streamed and without a further package: eight bytes
with the header's length, the header `{name: {dtype, shape, data_offsets}}`, and the tensors one after the other.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from .errors import PlainDataError

SUFFIX = ".safetensors"

_HEADER_LIMIT_BYTES = 100_000_000
_CODES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.uint16: "U16",
    torch.int32: "I32",
    torch.uint32: "U32",
    torch.int64: "I64",
    torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.complex64: "C64",
}
_DTYPES = {code: dtype for dtype, code in _CODES.items()}


def write_safetensors(weights: Mapping[str, Any], file: BinaryIO) -> None:
    """Write named tensors to an open file; tensors that share memory are written once for each name.

    Raises:
        PlainDataError: Something that is no dense tensor, which this format cannot hold.
    """
    for name, value in weights.items():
        if not isinstance(value, Tensor) or value.layout is not torch.strided or value.dtype not in _CODES:
            raise PlainDataError(name, _kind(value), f"a {SUFFIX} file holds named dense tensors only")
    # the widest first, so that every tensor begins at a multiple of its item size
    order = sorted(weights, key=lambda name: (-weights[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name in order:
        end = begin + weights[name].numel() * weights[name].itemsize
        header[name] = {
            "dtype": _CODES[weights[name].dtype],
            "shape": list(weights[name].shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in order:
        tensor = weights[name].detach().resolve_conj().resolve_neg().cpu().contiguous()
        file.write(_memory(tensor))


def read_safetensors(path: str | Path, map_location: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file, by name.

    Raises:
        ValueError: It is not of that format, or its header lies about the sizes.
    """
    path = Path(path)
    with open(path, "rb") as file:
        items = _header(file, path.stat().st_size)
        weights = {}
        for name, dtype, shape in items:
            tensor = torch.empty(shape, dtype=dtype)
            content = _memory(tensor)
            if file.readinto(content) != len(content):
                raise ValueError(f"the file ends inside `{name}`")
            weights[name] = _placed(tensor, map_location)
    return dict(sorted(weights.items()))


def _header(file: BinaryIO, size: int) -> list[tuple[str, torch.dtype, tuple[int, ...]]]:
    """Names, types and shapes in the order of the bytes; every byte of the file belongs to exactly one of them."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _HEADER_LIMIT_BYTES):
        raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
    header = json.loads(file.read(length))
    found, expected = [], 0
    entries = {name: item for name, item in header.items() if name != "__metadata__"}
    for name, item in sorted(entries.items(), key=lambda pair: pair[1]["data_offsets"]):
        begin, end = item["data_offsets"]
        dtype, shape = _DTYPES[item["dtype"]], tuple(item["shape"])
        if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
            raise ValueError(f"`{name}` has the shape {shape} at {begin} to {end}")
        if begin != expected or end - begin != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"the bytes of `{name}` do not follow the ones before, or do not fit its shape")
        found.append((name, dtype, shape))
        expected = end
    if 8 + length + expected != size:
        raise ValueError(f"{size:,} bytes, and the header tells of {8 + length + expected:,}")
    return found


def _placed(tensor: Tensor, map_location: Any) -> Tensor:
    """`map_location` as `torch.load` takes it, for a tensor of the CPU."""
    if callable(map_location):
        moved = map_location(tensor.untyped_storage(), "cpu")
        return tensor if moved is None else tensor.to(moved.device)
    if isinstance(map_location, Mapping):
        map_location = map_location.get("cpu", "cpu")
    return tensor if map_location is None else tensor.to(map_location)


def _memory(tensor: Tensor) -> Any:
    """The bytes of a dense CPU tensor, without copying them; valid as long as the tensor is."""
    size = tensor.numel() * tensor.itemsize
    return memoryview((ctypes.c_char * size).from_address(tensor.data_ptr()) if size else bytearray()).cast(
        "B"
    )


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} and {value.layout}"
    return f"a {type(value).__name__}"
