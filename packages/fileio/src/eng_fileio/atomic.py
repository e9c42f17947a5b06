"""A file is whole under its name, or it is not there: the one way in which our packages write.

The bytes go to a temporary name in the same directory, are flushed to the disk, and only then get their
name by `rename`, which the file system does in one step; the directory is flushed last, so that the name
survives a power cut too. Whoever reads the name meets the old file or the new one, never a part. Killed
half-way, a process leaves a temporary file behind, which `remove_leftovers` finds.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import WriteError

# What the storage says, as against what the caller's own code may raise inside the `with`.
_STORAGE_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_LEFTOVER = re.compile(r"\..+\.tmp-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}$")
_DAY_SECONDS = 86_400
_ours: set[str] = set()  # temporary names that this process is writing


@contextmanager
def atomic_write(path: str | Path, *, needed: int | None = None) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` when the block ends, or not at all when the block raises.

    Missing parent directories are made. A file that is replaced hands its permissions on.

    Args:
        needed: About so many bytes will be written; when there is less room, nothing is begun.

    Raises:
        WriteError: The disk is full, the folder read-only, the quota used up, the device broken.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_write(folder / "weights.bin") as file:
        ...     _ = file.write(b"all of it")
        ...     visible = (folder / "weights.bin").exists()
        >>> visible, (folder / "weights.bin").read_bytes()
        (False, b'all of it')
    """
    target = Path(path)
    temporary = temporary_name(target)
    try:
        _refuse_what_is_no_file(target)
        _make_directory(target.parent)
        _require_room(target, needed)
        _ours.add(temporary.name)  # before it is there: another thread may look for leftovers at this moment
        file = temporary.open("xb")
    except OSError as error:
        _ours.discard(temporary.name)
        raise write_error(error, target, needed=needed) from error
    try:
        with file:
            yield file
            file.flush()
            _keep_permissions(file.fileno(), target)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_directory(target.parent)
    except OSError as error:
        failure = write_error(error, target, temporary, needed) if _is_ours(error, temporary) else error
        _unlink(temporary)
        if failure is error:
            raise
        raise failure from error
    except BaseException:
        _unlink(temporary)
        raise
    finally:
        _ours.discard(temporary.name)


def atomic_write_text(path: str | Path, text: str, encoding: str = "utf-8") -> None:
    """Write `text` as `atomic_write` does."""
    with atomic_write(path) as file:
        file.write(text.encode(encoding))


@contextmanager
def temporary_directory(target: Path) -> Iterator[Path]:
    """A new directory next to `target`, for what gets its name by a rename; what is not renamed is deleted in the end.

    It has the permissions of a directory that is there under the name of `target`, or those that the umask leaves.

    Raises:
        WriteError: It cannot be made.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp(), "checkpoint")
        >>> with temporary_directory(target) as temporary:
        ...     _ = (temporary / "part").write_bytes(b"")
        ...     _ = temporary.rename(target)
        >>> [path.name for path in target.parent.rglob("*")]
        ['checkpoint', 'part']
    """
    temporary = temporary_name(target)
    _ours.add(temporary.name)  # before it is there, as for a file
    try:
        try:
            temporary.mkdir()
            if target.is_dir():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IRWXU)
        except OSError as error:
            raise write_error(error, target) from error
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _ours.discard(temporary.name)


def temporary_name(target: Path) -> Path:
    """A name next to `target` that nobody else uses and that tells which process may still be writing it."""
    tail = f".tmp-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"
    room = 254 - len(tail)  # most file systems allow names of 255 bytes
    stem = target.name.encode()[:room].decode(errors="ignore")
    return target.with_name(f".{stem}{tail}")


def remove_leftovers(folder: str | Path) -> list[str]:
    """Delete the temporary files and directories of writers that died in `folder`; returns their names.

    A temporary name belongs to a dead writer when its process is gone from this machine, or, if it was made
    on another machine, when nobody touched it for a day.
    """
    removed = []
    for entry in os.scandir(folder):
        match = _LEFTOVER.fullmatch(entry.name)
        if match is None or not _is_abandoned(entry, match["host"], int(match["pid"])):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            _unlink(Path(entry.path))
        removed.append(entry.name)
    return sorted(removed)


def sync_directory(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system can do that."""
    if os.name == "nt":  # a directory cannot be opened there; NTFS journals renames itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_error(
    cause: OSError, target: Path, temporary: Path | None = None, needed: int | None = None
) -> WriteError:
    """Return `cause` as an error that names the final path, the bytes written, and those left on the file system.

    `temporary` is the file, or the directory, that was being written in the place of `target`.
    """
    written = _bytes_of(temporary) if temporary is not None else 0
    return WriteError(
        cause,
        str(target),
        written=written,
        free=_free_bytes(target.parent),
        needed=needed,
        free_inodes=_free_inodes(target.parent),
    )


def _bytes_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _refuse_what_is_no_file(target: Path) -> None:
    """A rename would put a file where a device, a pipe or a socket is, for everybody on the machine."""
    try:
        mode = target.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(
            errno.EINVAL, "it is a device, a pipe or a socket, and a file would replace it", str(target)
        )


def _make_directory(folder: Path) -> None:
    """With its parents, each of which gets its name on the disk."""
    if folder.is_dir():
        return
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)


def _require_room(target: Path, needed: int | None) -> None:
    free = None if needed is None else _free_bytes(target.parent)
    if needed is not None and free is not None and free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def _keep_permissions(descriptor: int, target: Path) -> None:
    if os.name == "nt":
        return
    try:
        os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
    except FileNotFoundError:
        pass


def _is_ours(error: OSError, temporary: Path) -> bool:
    return error.errno in _STORAGE_ERRNOS or error.filename in {str(temporary), temporary}


def _is_abandoned(entry: os.DirEntry[str], host: str, pid: int) -> bool:
    if host == _HOST:  # a container that starts again may give our number to us, after another us
        return entry.name not in _ours if pid == os.getpid() else not _is_alive(pid)
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        pass


def _free_bytes(folder: Path) -> int | None:
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def _free_inodes(folder: Path) -> int | None:
    """Return the number of free inodes of a file system, None if it has no fixed number of them."""
    for place in (folder, *folder.parents):
        try:
            status = os.statvfs(place)
        except OSError:
            continue
        except AttributeError:  # Windows
            return None
        return status.f_favail if status.f_files else None
    return None
