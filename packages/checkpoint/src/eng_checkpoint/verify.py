"""Is a file what was written? Asked of the size, of a digest over every byte, or of the checksums inside a
zip."""

from __future__ import annotations

import hashlib
import mmap
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import xxhash

from .untrusted import inflation

Verify: TypeAlias = Literal["full", "size", "off"]
"""How closely: every byte, the size only, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What was written: the name, the size and the digest of the content.

    The digest is XXH3 of 128 bits, which runs at the speed of the memory: it finds damage, and does not prove that
    nobody meant it. `xxh128sum FILE` prints the same. For a directory, the size is the sum over its files and the
    digest is taken over their names, sizes and digests.
    """

    name: str
    bytes: int
    xxh128: str


def new_hash() -> xxhash.xxh3_128:
    """An empty digest to feed."""
    return xxhash.xxh3_128()


def check_verify(verify: str) -> None:
    """Return when this is a way to verify; a slip of the pen must not mean less of it."""
    if verify not in get_args(Verify):
        raise ValueError(f"`verify` is 'full', 'size' or 'off', not {verify!r}")


def digest(path: str | Path) -> FileInfo:
    """Size and digest of a file or a directory, read from the disk.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "empty")
        >>> path.touch()
        >>> digest(path).xxh128[:8]
        '99aa06d3'
    """
    path = Path(path)
    if path.is_dir():
        return combined(path.name, (digest_below(path, file) for file in files_below(path)))
    with open(path, "rb") as file:
        content = hashlib.file_digest(file, new_hash)
        return FileInfo(name=path.name, bytes=file.tell(), xxh128=content.hexdigest())


def digest_below(folder: Path, file: str) -> FileInfo:
    """The digest of one file of a directory, under its path in that directory."""
    info = digest(folder / file)
    return FileInfo(name=file, bytes=info.bytes, xxh128=info.xxh128)


def combined(name: str, files: Iterator[FileInfo] | Collection[FileInfo]) -> FileInfo:
    """What a directory of these files is."""
    parts = sorted(files, key=lambda part: part.name)
    listing = "".join(f"{part.name}\0{part.bytes}\0{part.xxh128}\n" for part in parts)
    total = sum(part.bytes for part in parts)
    return FileInfo(name=name, bytes=total, xxh128=xxhash.xxh3_128_hexdigest(listing.encode()))


def files_below(folder: Path) -> list[str]:
    """The files of a directory at any depth, with forward slashes."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a directory."""
    if path.is_dir():
        return sum((path / file).stat().st_size for file in files_below(path))
    return path.stat().st_size


def defect(path: Path, versions: Collection[FileInfo], verify: Verify) -> str | None:
    """What is wrong with a file that should be one of `versions`, in a few words; None when it is."""
    if path.is_symlink():
        return "a symbolic link, where the file itself was written"
    if not path.exists():
        return "missing"
    if not (path.is_file() or path.is_dir()):
        return "a device, a pipe or a socket"
    if verify == "off":
        return None
    size = size_of(path)
    sized = [version for version in versions if version.bytes == size]
    if not sized:
        expected = min(version.bytes for version in versions)
        return f"{'truncated' if size < expected else 'too long'}: {size:,} of {expected:,} bytes"
    if verify == "full" and digest(path).xxh128 not in {version.xxh128 for version in sized}:
        return "damaged: its content has another digest than what was written"
    return None


def zip_defect(path: Path) -> str | None:
    """What the checksums of an uncompressed zip archive, as `torch.save` writes it, say is wrong with it.

    None also for a file that is no zip at all: it carries nothing to be checked by.
    """
    if not path.is_file():
        return "missing"
    if not zipfile.is_zipfile(path) and not begins_as_zip(path):
        return None
    try:
        with (
            zipfile.ZipFile(path) as archive,
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content,
        ):
            reason = inflation(archive, len(content))
            if reason is not None:
                return f"unreadable: {reason}"
            for item in archive.infolist():
                start = _data_start(content, item.header_offset)
                with memoryview(content)[start : start + item.compress_size] as data:
                    if len(data) != item.file_size or zlib.crc32(data) != item.CRC:
                        return f"damaged: the checksum of `{item.filename}` does not fit"
    except Exception as error:  # of zipfile, whatever it is: it has many kinds, and the bytes may be anything
        return f"unreadable: {error}"
    return None


def begins_as_zip(path: Path) -> bool:
    """Whether a file is what torch takes for a zip archive."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _data_start(content: mmap.mmap, header_offset: int) -> int:
    """Where the bytes of an archive's item begin: after the local header and its two fields of any length."""
    signature, name_bytes, extra_bytes = struct.unpack_from("<4s22xHH", content, header_offset)
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("an item has no header")
    return int(header_offset + 30 + name_bytes + extra_bytes)
