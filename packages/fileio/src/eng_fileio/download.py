"""Files over HTTP that arrive whole: time-outs, retries that go on where they stopped, checked length and digest.

`fetch` is the one loop that talks to servers; `download` puts the result under a name as `atomic_write` does;
`cached_download` does so once per version of a file, also when many processes ask at the same moment.
"""

from __future__ import annotations

import glob
import hashlib
import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from .atomic import atomic_write
from .errors import DownloadError
from .lock import exclusive

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20
_LONGEST_NAME = 120
_SCHEMES = {"http", "https"}
_WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[\w.]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server is waited for, and how much is taken from it.

    Attributes:
        timeout_seconds: For the connection, and for each next piece of the body.
        retries: Further attempts after a failure that may pass.
        backoff_seconds: Before the first further attempt; doubled before each next one.
        most_seconds: For everything, all attempts together; a day by default.
        most_bytes: Of the body; 1 TiB by default.
    """

    timeout_seconds: float = 60.0
    retries: int = 3
    backoff_seconds: float = 0.5
    most_seconds: float = 86_400.0
    most_bytes: int = 1 << 40


def download(
    url: str, path: str | Path, *, expected_sha256: str | None = None, patience: Patience = Patience()
) -> Path:
    """Download to a path, whole or not at all.

    A name that ends as `-1a2b3c4d.pth` promises that the file's SHA-256 begins so, and is held to it.

    Raises:
        DownloadError: The body was cut, is larger or takes longer than `patience` allows, is an HTML page instead of a
            file, or has another digest; or the server leads to an address that is not one of a web server.
        FileNotFoundError: The server has no such file.
    """
    path = Path(path)
    with atomic_write(path) as file:
        fetch(url, file, patience=patience)
        file.flush()
        _check_digest(url, file, path, expected_sha256)
    return path


def cached_download(
    url: str,
    *,
    folder: str | Path | None = None,
    expected_sha256: str | None = None,
    patience: Patience = Patience(),
) -> Path:
    """A local copy of a remote file, downloaded once per version, by one process at a time.

    The copy is kept under the whole URL, the server's ETag and the length, so a new version is downloaded
    anew. A name with a hash in it cannot change, so its copy is used without asking; so is a copy that has the
    expected digest, and no other copy is. When the server cannot be reached, an older copy serves, with a warning.

    Args:
        folder: Default `$ENG_HOME/downloads`, or `~/.cache/eng/downloads`.
    """
    home = Path(folder) if folder is not None else default_cache()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    stem = hashlib.sha256(url.encode()).hexdigest()[:24]
    name = Path(urllib.parse.urlsplit(url).path).name[-_LONGEST_NAME:] or "download"
    with exclusive(home / f"{stem}.lock"):
        kept = sorted(home.glob(f"{stem}-*-{glob.escape(name)}"), key=lambda path: path.stat().st_mtime)
        if expected_sha256:
            kept = [path for path in kept if _sha256(path).startswith(expected_sha256.lower())]
        if kept and (expected_sha256 or _HASH_IN_NAME.search(name)):
            return kept[-1]
        try:
            version = _version(url, patience)
        except FileNotFoundError:
            raise
        except OSError as error:
            if kept:
                logger.warning("%s cannot be reached (%s); the copy of before is used", masked(url), error)
                return kept[-1]
            if not isinstance(error, DownloadError):
                raise
            version = "unversioned"  # it is busy, perhaps: the download asks again, and tells
        path = home / f"{stem}-{version}-{name}"
        if expected_sha256 or not path.exists():
            download(url, path, expected_sha256=expected_sha256, patience=patience)
        return path


def default_cache() -> Path:
    """Where copies of remote files are kept: `$ENG_HOME`, `$XDG_CACHE_HOME/eng` or `~/.cache/eng`."""
    if home := os.environ.get("ENG_HOME"):
        return Path(home).expanduser() / "downloads"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "eng" / "downloads"


def fetch(url: str, sink: BinaryIO, *, patience: Patience = Patience()) -> None:
    """Write the body behind `url` to `sink`, a file that can seek; a broken transfer goes on where it stopped."""
    etag: str | None = None
    limits = _Limits(url, patience)
    for attempt in range(patience.retries + 1):
        limits.check_time()
        try:
            with _request(
                url, _continuation(sink.tell(), etag), limits.bounded(patience.timeout_seconds)
            ) as response:
                etag = response.headers.get("ETag")
                _receive(url, response, sink, limits)
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in {404, 410}:
                raise FileNotFoundError(f"{masked(url)}: no such file ({error.code})") from error
            if error.code == 416:  # the part that we have is not of this version
                etag = None
                sink.seek(0)
                sink.truncate()
            elif error.code not in _WORTH_A_RETRY:
                raise DownloadError(f"{masked(url)}: {error.code} {error.reason}") from error
            failure: Exception = error
        except _Incomplete as error:
            failure = error
        except (TimeoutError, ConnectionError, http.client.HTTPException, urllib.error.URLError) as error:
            failure = error
        if attempt < patience.retries:
            seconds = limits.bounded(patience.backoff_seconds * 2 ** min(attempt, 30))
            logger.info("%s: %s; another try in %.1f s", masked(url), failure, seconds)
            time.sleep(seconds)
    raise DownloadError(
        f"{masked(url)} did not arrive in {patience.retries + 1} attempts: {failure}"
    ) from failure


def masked(url: str) -> str:
    """The URL without a password, for messages.

    >>> masked("https://me:secret@host/file")
    'https://me:***@host/file'
    """
    return re.sub(r"(://[^/@:]*:)[^/@]*@", r"\1***@", url)


class _Incomplete(Exception):
    """A body ended before its time."""


class _Limits:
    """What a download may still take."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._url = url
        self._patience = patience
        self._deadline = time.monotonic() + patience.most_seconds

    def bounded(self, seconds: float) -> float:
        """So many seconds, or as many as there are left."""
        return max(0.001, min(seconds, self._deadline - time.monotonic()))

    def check_time(self) -> None:
        """Raise when it has taken too long: a server may send a byte now and then, for ever."""
        if time.monotonic() > self._deadline:
            raise DownloadError(
                f"{masked(self._url)} has not arrived after {self._patience.most_seconds:g} s; "
                "Patience(most_seconds=...) waits longer"
            )

    def check_size(self, size: int) -> None:
        """Raise when so many bytes are too many."""
        if size > self._patience.most_bytes:
            raise DownloadError(
                f"{masked(self._url)} has {size:,} bytes or more, and {self._patience.most_bytes:,} are the most that "
                "are taken; Patience(most_bytes=...) takes more"
            )


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to web servers, and never from https to something that anybody on the way can change."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme.lower()
        if scheme not in _SCHEMES:
            raise DownloadError(
                f"{masked(req.full_url)} leads to {masked(newurl)}, which is not an address of a web server"
            )
        if req.type == "https" and scheme != "https":
            raise DownloadError(f"{masked(req.full_url)} leads to {masked(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_WebOnly)


def _request(url: str, headers: Mapping[str, str], timeout_seconds: float, method: str = "GET") -> Any:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() not in _SCHEMES:
        raise ValueError(f"{masked(url)!r} is no address of a web server, such as https://host/file")
    # spaces and letters beyond ASCII, as people copy them, in the form that goes over the wire
    path, query = (urllib.parse.quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    request = urllib.request.Request(parts._replace(path=path, query=query).geturl(), method=method)
    for name, value in {"User-Agent": "eng-fileio", "Accept-Encoding": "identity", **headers}.items():
        request.add_header(name, value)
    return _opener.open(request, timeout=timeout_seconds)


def _continuation(offset: int, etag: str | None) -> dict[str, str]:
    if offset == 0 or etag is None or etag.startswith("W/"):
        return {}
    return {"Range": f"bytes={offset}-", "If-Range": etag}


def _receive(url: str, response: Any, sink: BinaryIO, limits: _Limits) -> None:
    if response.status not in {200, 206}:
        raise DownloadError(
            f"{masked(url)}: the server answered {response.status}, which comes without a file"
        )
    if response.status == 206 and not _begins_at(sink.tell(), response.headers):
        sink.seek(0)
        sink.truncate()
        raise _Incomplete("another part came than was asked for")
    if response.status != 206:
        sink.seek(0)
        sink.truncate()
    start = sink.tell()
    _refuse_page(url, response.headers)
    _refuse_encoding(url, response.headers)
    length = _length(url, response.headers)
    limits.check_size(start + (length or 0))
    while chunk := response.read1(_CHUNK_BYTES):  # `read` would lose what came before a time-out
        sink.write(chunk)
        limits.check_size(sink.tell())
        limits.check_time()
    received = sink.tell() - start
    if length is not None and received != length:
        raise _Incomplete(f"{received:,} of {length:,} bytes")


def _length(url: str, headers: Mapping[str, str]) -> int | None:
    """Return the length that the server has announced, None if it has not."""
    length = headers.get("Content-Length")
    if length is None:
        return None
    if not (length.isascii() and length.isdecimal() and len(length) < 20):
        raise DownloadError(f"{masked(url)}: the server says that the length is {length[:40]!r}")
    return int(length)


def _begins_at(offset: int, headers: Mapping[str, str]) -> bool:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range") or "")
    return match is not None and int(match[1]) == offset


def _refuse_encoding(url: str, headers: Mapping[str, str]) -> None:
    """We ask for the file as it is; some servers call a `.gz` an encoding of what is in it, which is well."""
    encoding = (headers.get("Content-Encoding") or "identity").strip().lower()
    suffix = Path(urllib.parse.urlsplit(url).path).suffix.lower()
    if encoding != "identity" and suffix not in {".gz", ".tgz", ".bz2", ".xz", ".zst"}:
        raise DownloadError(
            f"{masked(url)}: the server sent it as {encoding}, though the file itself was asked for"
        )


def _refuse_page(url: str, headers: Mapping[str, str]) -> None:
    kind = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    suffix = Path(urllib.parse.urlsplit(url).path).suffix.lower()
    if kind == "text/html" and suffix not in {"", ".htm", ".html"}:
        raise DownloadError(
            f"{masked(url)}: the server sent a web page instead of the file (a login, perhaps)"
        )


def _version(url: str, patience: Patience) -> str:
    """A short name for what the server has now, by its ETag and length.

    Asked with HEAD; of a server that refuses that (and links signed for GET do), with a GET whose body is left unread.

    Raises:
        OSError: The server cannot tell now.
    """
    for method in ("HEAD", "GET"):
        try:
            with _request(url, {}, patience.timeout_seconds, method) as response:
                parts = [
                    response.headers.get(name, "") for name in ("ETag", "Content-Length", "Last-Modified")
                ]
            return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        except urllib.error.HTTPError as error:
            error.close()
            failure = error
            if error.code in _WORTH_A_RETRY:
                break
    if failure.code in {404, 410}:
        raise FileNotFoundError(f"{masked(url)}: no such file ({failure.code})") from failure
    raise DownloadError(f"{masked(url)}: {failure.code} {failure.reason}") from failure


def _check_digest(url: str, file: BinaryIO, path: Path, expected: str | None) -> None:
    promised = expected or _promised_by(Path(urllib.parse.urlsplit(url).path).name)
    if promised is None:
        return
    found = _sha256(file.name)
    if not found.startswith(promised.lower()):
        raise DownloadError(f"{masked(url)}: the file's SHA-256 is {found}, and {promised}... was promised")


def _sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _promised_by(name: str) -> str | None:
    match = _HASH_IN_NAME.search(name)
    return match[1] if match else None
