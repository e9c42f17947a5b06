"""Downloads from a real server that misbehaves as told: each path's script says what its next answers are."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eng_fileio import DownloadError, Patience, cached_download, download, get, get_local_path
from eng_fileio.download import default_cache, masked

BODY = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(timeout_seconds=0.5, retries=2, backoff_seconds=0.01)


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._answer(head=True)

    def do_GET(self):
        self._answer(head=False)

    def _answer(self, head):
        server = self.server
        server.requests.append((self.command, self.path, self.headers.get("Range")))
        if head and server.head is not None:
            self.send_response(server.head)
            self.end_headers()
            return
        script = server.scripts.setdefault(self.path, ["whole"])
        action = script[0] if head or len(script) == 1 else script.pop(0)
        if isinstance(action, int):
            self.send_error(action)
            return
        if action.startswith("to "):
            self.send_response(302)
            self.send_header("Location", action[3:])
            self.end_headers()
            return
        start = int(self.headers["Range"][6:-1]) if self.headers.get("Range") else 0
        self.send_response(204 if action == "nothing" else 206 if start else 200)
        if start:
            begin = 0 if action == "other" else start
            self.send_header("Content-Range", f"bytes {begin}-{len(server.body) - 1}/{len(server.body)}")
        if action == "packed":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "text/html" if action == "page" else "application/octet-stream")
        length = {"unclear": "many", "long": "9" * 5000}.get(action, str(len(server.body) - start))
        if action not in {"endless", "drops"}:
            self.send_header("Content-Length", length)
        self.send_header("ETag", f'"{server.version}"')
        self.end_headers()
        if head:
            return
        if action in {"endless", "drops"}:  # until the other side goes
            while not server.stalled.wait(0.0 if action == "endless" else 0.05):
                self.wfile.write(b"x" * (1 << 20 if action == "endless" else 1))
            return
        end = len(server.body) // 2 if action in {"cut", "stall"} else len(server.body)
        self.wfile.write(server.body[start:end])
        self.wfile.flush()
        if action == "stall":
            server.stalled.wait(5)

    def handle(self):
        with contextlib.suppress(ConnectionError):  # a client that has had enough
            super().handle()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.body, server.version, server.head = BODY, 1, None
        server.scripts, server.requests, server.stalled = {}, [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stalled.set()
        server.shutdown()
        thread.join()


def test_a_whole_file(server, tmp_path):
    """One request, the bytes of the server, and nothing else in the folder."""
    assert download(f"{server.url}/file.bin", tmp_path / "new" / "file").read_bytes() == BODY
    assert os.listdir(tmp_path / "new") == ["file"]
    assert get(f"{server.url}/file.bin") == BODY
    with get_local_path(f"{server.url}/file.bin") as path:
        assert os.path.getsize(path) == len(BODY)


@pytest.mark.parametrize("first", [503, 429, "cut", "stall"])
def test_a_failure_that_passes_is_tried_again(server, tmp_path, first):
    """A busy server, a cut and a stalled body end well; what had arrived is not sent twice."""
    server.scripts["/file.bin"] = [first, "whole"]
    path = download(f"{server.url}/file.bin", tmp_path / "file", patience=QUICK)
    assert path.read_bytes() == BODY
    went_on = [item for _, _, item in server.requests if item]
    assert went_on == ([f"bytes={len(BODY) // 2}-"] if first in {"cut", "stall"} else [])


@pytest.mark.parametrize("script", [[503], ["cut", 503, 503], ["stall", 500, 500]])
def test_a_failure_that_stays_leaves_nothing(server, tmp_path, script):
    """After the last attempt the error counts them, and no part stands under any name."""
    server.scripts["/file.bin"] = script
    with pytest.raises(DownloadError, match=r"did not arrive in 3 attempts"):
        download(f"{server.url}/file.bin", tmp_path / "file", patience=QUICK)
    assert os.listdir(tmp_path) == []


def test_a_missing_file_and_a_refusal_are_not_tried_again(server, tmp_path):
    """404 is a FileNotFoundError, 403 is said as it is; both after one request."""
    server.scripts.update({"/none": [404], "/secret": [403]})
    with pytest.raises(FileNotFoundError, match=r"no such file \(404\)"):
        get(f"{server.url}/none")
    with pytest.raises(DownloadError, match="403"):
        get(f"{server.url}/secret")
    assert len(server.requests) == 2


def test_a_web_page_instead_of_a_file(server, tmp_path):
    """A login page with status 200 is not taken for weights."""
    server.scripts["/model.pth"] = ["page"]
    with pytest.raises(DownloadError, match="a web page instead"):
        download(f"{server.url}/model.pth", tmp_path / "model.pth", patience=QUICK)


def test_digests_are_enforced(server, tmp_path):
    """The caller's, and the one in the file's name."""
    good, bad = f"model-{DIGEST[:8]}.pth", "model-00000000.pth"
    download(f"{server.url}/{good}", tmp_path / "a", expected_sha256=DIGEST)
    with pytest.raises(DownloadError, match=f"SHA-256 is {DIGEST}, and 00000000"):
        download(f"{server.url}/{bad}", tmp_path / "b")
    with pytest.raises(DownloadError, match="was promised"):
        download(f"{server.url}/model.pth", tmp_path / "b", expected_sha256="ab" * 32)
    assert os.listdir(tmp_path) == ["a"]


def test_redirections(server, tmp_path):
    """They are followed."""
    server.scripts["/old.bin"] = [f"to {server.url}/new.bin"]
    assert get(f"{server.url}/old.bin") == BODY


def test_the_cache_knows_versions(server, tmp_path):
    """One download per version; a gone server leaves the last copy, with a warning; a gone file does not."""
    url = f"{server.url}/file.bin"
    first = cached_download(url, folder=tmp_path)
    assert cached_download(url, folder=tmp_path) == first
    assert [method for method, *_ in server.requests].count("GET") == 1
    server.body, server.version = b"new" * 99, 2
    second = cached_download(url, folder=tmp_path)
    assert (first.read_bytes(), second.read_bytes()) == (BODY, b"new" * 99)
    server.scripts["/file.bin"] = [404]
    with pytest.raises(FileNotFoundError):
        cached_download(url, folder=tmp_path)


def test_the_cache_holds_copies_to_the_expected_digest(server, tmp_path):
    """A copy of before that is something else is not handed out; the right one is, without a question."""
    url = f"{server.url}/file.bin"
    cached_download(url, folder=tmp_path)
    with pytest.raises(DownloadError, match="was promised"):
        cached_download(url, folder=tmp_path, expected_sha256="ab" * 32)
    before = len(server.requests)
    assert cached_download(url, folder=tmp_path, expected_sha256=DIGEST).read_bytes() == BODY
    assert len(server.requests) == before


def test_the_cache_without_a_server(server, tmp_path, caplog):
    """What is there serves; what is not is an error."""
    url = f"{server.url}/file.bin"
    kept = cached_download(url, folder=tmp_path, patience=QUICK)
    server.shutdown()
    server.server_close()
    assert cached_download(url, folder=tmp_path, patience=QUICK) == kept
    assert "the copy of before is used" in caplog.text
    with pytest.raises(OSError, match="refused"):
        cached_download(f"{server.url}/other.bin", folder=tmp_path, patience=QUICK)


@pytest.mark.parametrize("refusal", [403, 405, 501])
def test_the_cache_knows_versions_where_head_is_refused(server, tmp_path, refusal):
    """Links that are signed for GET, and small servers: a new version is seen, an old one is not sent twice."""
    server.head = refusal
    url = f"{server.url}/file.bin"
    first = cached_download(url, folder=tmp_path, patience=QUICK)
    assert cached_download(url, folder=tmp_path, patience=QUICK) == first
    server.body, server.version = b"new" * 1000, 2
    assert cached_download(url, folder=tmp_path, patience=QUICK).read_bytes() == server.body


def test_the_cache_with_a_busy_server(server, tmp_path, caplog):
    """The copy of before serves; without one, the server is asked again as for any download."""
    url = f"{server.url}/file.bin"
    server.head, server.scripts["/file.bin"] = 503, [503, "whole"]
    first = cached_download(url, folder=tmp_path, patience=QUICK)
    assert first.read_bytes() == BODY
    server.scripts["/file.bin"] = [503]
    assert cached_download(url, folder=tmp_path, patience=QUICK) == first
    assert "the copy of before is used" in caplog.text


def test_two_urls_with_one_name_do_not_meet(server, tmp_path):
    """The whole URL is the key, with its query."""
    one = cached_download(f"{server.url}/file.bin?v=1", folder=tmp_path)
    two = cached_download(f"{server.url}/file.bin?v=2", folder=tmp_path)
    assert one != two


def test_two_processes_share_one_download(server, tmp_path):
    """Asked at the same moment, one downloads and the other waits for it."""
    program = "import sys, eng_fileio; print(eng_fileio.cached_download(sys.argv[1], folder=sys.argv[2]))"
    command = [sys.executable, "-c", program, f"{server.url}/file.bin", str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = [process.communicate(timeout=30)[0] for process in both]
    assert paths[0] == paths[1] != ""
    assert [method for method, *_ in server.requests].count("GET") == 1


def test_where_copies_are_kept(monkeypatch, tmp_path):
    """The environment decides."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ENG_HOME", raising=False)
    assert default_cache() == tmp_path / "eng" / "downloads"
    monkeypatch.setenv("ENG_HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / "downloads"


def test_passwords_do_not_reach_messages():
    """Nor do they vanish so that nobody sees that there was one."""
    assert masked("https://me:secret@host/file: x") == "https://me:***@host/file: x"


def test_another_part_than_was_asked_for_is_not_put_in(server, tmp_path):
    """A server, or a cache before it, that begins somewhere else would give wrong bytes."""
    server.scripts["/file.bin"] = ["cut", "other", "whole"]
    download(server.url + "/file.bin", tmp_path / "file.bin", patience=QUICK)
    assert (tmp_path / "file.bin").read_bytes() == BODY


@pytest.mark.parametrize(
    ("action", "reason"),
    [("nothing", "answered 204"), ("packed", "sent it as gzip"), ("unclear", "the length is 'many'")],
)
def test_an_answer_that_is_not_the_file(server, tmp_path, action, reason):
    """Is an error that says so, and nothing is kept."""
    server.scripts["/file.bin"] = [action]
    with pytest.raises(DownloadError, match=reason):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=QUICK)
    assert os.listdir(tmp_path) == []


def test_what_is_packed_by_name_may_be_called_an_encoding(server, tmp_path):
    """As Apache does with archives."""
    server.scripts["/file.tar.gz"] = ["packed"]
    download(server.url + "/file.tar.gz", tmp_path / "file", patience=QUICK)
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize("name", ["дата 🎉.bin", "w[1]*.bin", "n" * 300])
def test_any_name_is_cached_and_found_again(server, tmp_path, name):
    """Letters, signs and lengths that a URL, a pattern or a disk would not take as they are."""
    url = f"{server.url}/{name}"
    copy = cached_download(url, folder=tmp_path, patience=QUICK)
    assert copy.read_bytes() == BODY
    (script,) = server.scripts
    server.scripts[script] = [503]
    server.shutdown()
    server.server_close()
    assert cached_download(url, folder=tmp_path, patience=QUICK) == copy


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://host/file", "folder/file"])
def test_what_is_no_web_server(tmp_path, url):
    """A URL of a configuration must not read what is on this machine."""
    with pytest.raises(ValueError, match="is no address of a web server"):
        download(url, tmp_path / "file", patience=QUICK)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("action", ["whole", "endless"])
def test_a_body_that_is_too_large_is_not_taken(server, tmp_path, action):
    """By the length that the server tells before the first byte, or at the byte that is too many."""
    server.scripts["/file.bin"] = [action]
    patience = Patience(most_bytes=1_000_000, retries=2, backoff_seconds=0.0)
    with pytest.raises(DownloadError, match=r"and 1,000,000 are the most .*Patience\(most_bytes"):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=patience)
    assert os.listdir(tmp_path) == []
    assert len(server.requests) == 1
    with pytest.raises(DownloadError, match="are the most"):
        get(server.url + "/file.bin", backend_args={"backend": "http", "most_bytes": 1_000_000})


@pytest.mark.parametrize("script", [["drops"], ["stall", "drops"], [503]])
def test_a_download_has_an_end(server, tmp_path, script):
    """A byte now and then is no time-out, and attempts add up."""
    server.scripts["/file.bin"] = script
    patience = Patience(timeout_seconds=0.3, most_seconds=1.0, retries=100, backoff_seconds=0.01)
    began = time.monotonic()
    with pytest.raises(DownloadError, match=r"has not arrived after 1 s; Patience\(most_seconds"):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=patience)
    assert time.monotonic() - began < 10.0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "there", ["ftp://127.0.0.1:9/file", "file:///etc/hostname", "data:text/plain,x", "gopher://a/b"]
)
def test_a_server_does_not_lead_elsewhere(server, tmp_path, there):
    """To another kind of server, or to a file of this machine."""
    server.scripts["/file.bin"] = [f"to {there}"]
    with pytest.raises(DownloadError, match=r"is not an address of a web server|is not allowed"):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=QUICK)
    assert os.listdir(tmp_path) == []


def test_redirections_have_an_end(server, tmp_path):
    """One that leads to itself is not followed for ever."""
    server.scripts["/file.bin"] = [f"to {server.url}/file.bin"]
    with pytest.raises(DownloadError, match="infinite loop"):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=QUICK)
    assert len(server.requests) < 20


def test_a_length_of_many_digits_is_no_length(server, tmp_path):
    """It is not computed with."""
    server.scripts["/file.bin"] = ["long"]
    with pytest.raises(DownloadError, match="the length is '9999"):
        download(server.url + "/file.bin", tmp_path / "file.bin", patience=QUICK)
