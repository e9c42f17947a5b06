"""Break a program where it hurts, and look at what it leaves on the disk: for the tests of anything that saves.

Several ways, from the quickest to the most thorough:

- `killed` runs a function in a forked process and kills it after some time;
- `changes` lists the system calls by which a program changes a folder, `broken` runs the program again and kills it
  before one of them, or makes that call fail or wait; together they try every place where a program can be stopped;
- `violations` reads such a list for what no program should do that wants to find its files again;
- `power_cuts` gives every content that the folder may have after a power cut, when only what was flushed is
  sure to be there.

All but the first need Linux and `strace`.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

_CHANGING = (
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "fchmod",
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "rmdir",
)
_STRACE = ("strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", "signal=none")
_LINE = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")


def killed(work: Callable[[Callable[[object], None]], None], after_seconds: float) -> list[str]:
    """Run `work(say)` in a forked process, kill it (-9) after that time, and return what it said until then.

    Call it from a process with one thread.

    Example:
        >>> def count(say):
        ...     say("one")
        ...     time.sleep(60)
        >>> killed(count, after_seconds=0.2)
        ['one']
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside the threads of some library
        child = os.fork()
    if child == 0:
        try:
            gc.freeze()  # a collection would copy what is the parent's, for longer than most kills wait
            os.close(reading)
            work(lambda word: (os.write(writing, f"{word}\n".encode()), None)[1])
        finally:
            os._exit(0)
    os.close(writing)
    time.sleep(after_seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(reading, encoding="utf-8") as said:
        return said.read().splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A system call that changes a folder, or tells something.

    Attributes:
        call: Its name.
        nth: How many calls of that name its process had made by then, this one included.
        path: What it changes; for a rename, the name before.
        target: For a rename, the name after. A `renameat2` is taken for an exchange of the two names.
        data: What a write wrote.
        new: Whether an open makes a new file.
        said: Whether it is a write to the standard output, and `data` what was said.
    """

    call: str
    nth: int
    path: str = ""
    target: str = ""
    data: bytes = b""
    new: bool = False
    said: bool = False


def changes(command: Sequence[str], folder: str | Path) -> list[Change]:
    """Run a program to its end, and list what it did to a folder and what it printed, in order.

    Raises:
        RuntimeError: The program failed, or cannot be traced here.
    """
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "trace")
        done = _traced(command, log, "--seccomp-bpf", "-e", f"trace={','.join(_CHANGING)}")
        if done.returncode != 0:
            raise RuntimeError(f"{list(command)} ended with {done.returncode}: {done.stderr}")
        inside = os.path.realpath(folder)
        return [one for one in _parsed(log) if one.said or f"{one.path}/".startswith(f"{inside}/")]


def broken(
    command: Sequence[str], at: Change, *, error: str | None = None, delay_seconds: float = 0.0
) -> subprocess.CompletedProcess[str]:
    """Run a program that is killed at the call that `at` tells of.

    The program must make the same calls up to there as when they were listed.

    Args:
        error: Not killed: the call fails, with this name of an error (as `"ENOSPC"`).
        delay_seconds: Not killed: the call waits so long, and then does what it should.
    """
    how = "signal=KILL" if error is None else f"error={error}"
    if delay_seconds:
        how = f"delay_enter={round(delay_seconds * 1e6)}"
    inject = f"inject={at.call}:{how}:when={at.nth}"
    # with the quicker way of tracing, signals are not delivered
    quick = () if how == "signal=KILL" else ("--seccomp-bpf",)
    return _traced(command, Path(os.devnull), *quick, "-e", f"trace={at.call}", "-e", inject)


def violations(done: Sequence[Change]) -> list[str]:
    """What in these changes breaks the rules by which a file survives, in words; nothing, if all is well.

    A file is flushed before it is renamed, the folder before anything is said or deleted afterwards, and no file
    that has its final name is opened for new content.

    Example:
        >>> rename = Change(call="rename", nth=1, path="/a/.x", target="/a/x")
        >>> written = Change(call="write", nth=1, path="/a/.x", data=b"1")
        >>> violations([written, rename, Change(call="fsync", nth=1, path="/a")])
        ['/a/.x was renamed before it was flushed']
    """
    found: list[str] = []
    dirty: set[str] = set()  # files with bytes that may not be on the disk
    loose: dict[str, str] = {}  # folders whose names may not be there: by which rename
    final: set[str] = set()
    for one in done:
        if one.said or one.call in {"unlink", "unlinkat"}:
            act = "something was said" if one.said else f"{one.path} was deleted"
            found += [f"{act} before the folder of {target} was flushed" for target in loose.values()]
            loose.clear()
        elif one.call in {"write", "pwrite64", "ftruncate"}:
            dirty.add(one.path)
            if one.path in final:
                found.append(f"{one.path} was written to under its final name")
        elif one.call in {"fsync", "fdatasync"}:
            dirty.discard(one.path)
            loose.pop(one.path, None)
        elif one.call in {"rename", "renameat2"}:
            if one.path in dirty:
                found.append(f"{one.path} was renamed before it was flushed")
            final.add(one.target)
            loose[os.path.dirname(one.target)] = one.target
    return found


@dataclass(frozen=True, slots=True)
class PowerCut:
    """A folder after a power cut.

    Attributes:
        files: Paths relative to the folder, and contents.
        said: What the program had printed by then.
    """

    files: dict[str, bytes]
    said: str

    def write_to(self, folder: str | Path) -> None:
        """Make a folder like it."""
        for name, content in self.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def power_cuts(done: Sequence[Change], folder: str | Path) -> Iterator[PowerCut]:
    """Every content that the folder may have after a power cut during these changes, each once.

    What a file system may do, at worst: of a file's bytes only those are sure that were there at its last
    fsync, of the names in a directory only those at the directory's last fsync; of the later changes of names
    any number of the first ones may be there.
    """
    disk = _Disk()
    seen: set[tuple[str, frozenset[tuple[str, bytes]]]] = set()
    said = ""
    for one in done:
        if one.said:
            said += one.data.decode()
        else:
            disk.apply(one)
        for files in disk.contents(os.path.realpath(folder)):
            key = said, frozenset(files.items())
            if key not in seen:
                seen.add(key)
                yield PowerCut(files, said)


@dataclass(eq=False, slots=True)
class _File:
    written: bytes = b""
    synced: bytes = b""


_Names: TypeAlias = list[tuple[str, str, _File | None]]
"""Changes of names that happen at once: a path, what it was renamed from, and its file, or None if it is gone."""


@dataclass(slots=True)
class _Disk:
    """What is surely there, and what happened since."""

    now: dict[str, _File] = field(default_factory=dict)
    sure: dict[str, _File] = field(default_factory=dict)
    since: list[tuple[str, _Names]] = field(default_factory=list)  # (the directory, what changed at once)

    def apply(self, one: Change) -> None:
        match one.call:
            case "openat" if one.new:
                self._change(one.path, [(one.path, "", _File())])
            case "write" | "pwrite64":
                self.now[one.path].written += one.data
            case "fsync" | "fdatasync" if one.path in self.now:
                self.now[one.path].synced = self.now[one.path].written
            case "fsync":
                self._sync(one.path)
            case "rename":
                self._change(one.target, self._moved(one.path, one.target))
            case "renameat2":
                moved = self._moved(one.path, one.target) + self._moved(one.target, one.path)
                gone: _Names = [(source, "", None) for _, source, _ in moved]
                self._change(one.target, gone + [(path, "", file) for path, _, file in moved])
            case "unlink" | "unlinkat":
                self._change(one.path, [(one.path, "", None)])

    def contents(self, root: str) -> Iterator[dict[str, bytes]]:
        for count in range(len(self.since) + 1):
            names = dict(self.sure)
            for _, changed in self.since[:count]:
                _put(names, changed)
            for unsynced in (False, True):
                yield {
                    os.path.relpath(path, root): file.written if unsynced else file.synced
                    for path, file in names.items()
                }

    def _change(self, path: str, changed: _Names) -> None:
        _put(self.now, changed)
        self.since.append((os.path.dirname(path), changed))

    def _moved(self, source: str, target: str) -> _Names:
        """A file, or all that a directory holds, under the new name."""
        return [
            (target + path.removeprefix(source), path, file)
            for path, file in self.now.items()
            if f"{path}/".startswith(f"{source}/")
        ]

    def _sync(self, directory: str) -> None:
        for place, changed in self.since:
            if place == directory:
                _put(self.sure, changed)
        self.since = [(place, changed) for place, changed in self.since if place != directory]


def _put(names: dict[str, _File], changed: _Names) -> None:
    for path, source, file in changed:
        names.pop(source, None)
        names.pop(path, None)
        if file is not None:
            names[path] = file


def _traced(command: Sequence[str], log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*_STRACE, *options, "-o", str(log), *command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def _parsed(log: Path) -> Iterator[Change]:
    counts: dict[tuple[str, str], int] = {}
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        pid, _, rest = line.partition(" ")
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>")
            continue
        if "resumed>" in rest:
            line = begun.pop(pid) + rest.partition("resumed>")[2]
        match = _LINE.match(line)
        if match is None:
            continue
        name = match["name"]
        counts[pid, name] = counts.get((pid, name), 0) + 1
        call, _, result = match["rest"].rpartition(" = ")
        if not result.startswith("-1"):
            yield _change(name, counts[pid, name], call, result)


def _change(name: str, nth: int, call: str, result: str) -> Change:
    descriptor = _DESCRIPTOR.match(call)
    texts = [_bytes(text) for text in _TEXT.findall(call)]
    known: dict[str, Any] = {"call": name, "nth": nth}
    if descriptor is not None:
        known["path"] = os.fsdecode(_bytes(descriptor[2]))
        known["said"] = name == "write" and descriptor[1] == "1"
        known["data"] = texts[0][: int(result.split()[0])] if texts else b""
    elif name == "openat":
        opened = result[result.index("<") + 1 :]
        known["path"] = os.fsdecode(_bytes(opened))
        known["new"] = "O_CREAT" in call
    else:
        paths = [os.path.abspath(os.fsdecode(text)) for text in texts]
        known["path"], known["target"] = paths[0], paths[1] if len(paths) > 1 else ""
    return Change(**known)


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", escaped)))
