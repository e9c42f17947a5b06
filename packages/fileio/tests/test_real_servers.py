"""The servers that files really come from, started here on the loopback: nginx, OpenSSH, and moto's S3.

Each test skips where its server is not installed: `apt-get install nginx-light openssh-server`, and for S3 and SFTP the
extras `s3` and `sftp` with `pip install 'moto[server]'`.
"""

import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import eng_fileio as io
from eng_fileio import DownloadError, Patience, cached_download, download

BODY = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(timeout_seconds=1, retries=2, backoff_seconds=0.3)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def program(name):
    """Where a server's program is; administrators' folders are not on everybody's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def need(*names, modules=()):
    missing = [name for name in names if program(name) is None]
    missing += [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@contextmanager
def running(command, port, log, **kwargs):
    """A server as a process of its own, from the moment when it listens."""
    with open(log, "wb") as said, subprocess.Popen(command, stdout=said, stderr=said, **kwargs) as process:
        try:
            for _ in range(600):
                if process.poll() is not None:
                    pytest.fail(f"{command[0]} ended: {Path(log).read_text()}")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(10)


# -- nginx ---------------------------------------------------------------------------------------------------------
NGINX = """
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log info; {user}
events {{ worker_connections 64; }}
http {{
    access_log {root}/access.log combined;
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    default_type application/octet-stream;
    types {{ text/html html; application/json json; }}
    gzip on; gzip_types *; gzip_min_length 1;
    log_format ranges '$request_method $uri $status $http_range';
    access_log {root}/ranges.log ranges;
    server {{
        listen 127.0.0.1:{port};
        root {root}/files;
        location = /old.bin {{ return 302 /newer.bin; }}
        location = /newer.bin {{ return 301 /file.bin; }}
        location = /round.bin {{ return 302 /round.bin; }}
        location = /busy.bin {{ return 503; }}
        location = /login.pth {{ default_type text/html; return 200 "<html>Please log in</html>"; }}
        location /slow/ {{ alias {root}/files/; limit_rate 250k; }}
        location /behind/ {{ proxy_pass http://127.0.0.1:{behind}/; proxy_buffering off; proxy_read_timeout 5s; }}
    }}
}}
"""


class Behind:
    """A server behind nginx whose next answers are told: `503`, `cut` after half of the body, `stall` there."""

    def __init__(self):
        self.script, self.done = [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (more := connection.recv(4096)):
                        break
                    request += more
                if self.done.is_set():
                    return
                self.answer(connection, request.decode())

    def answer(self, connection, request):
        action = self.script.pop(0) if self.script else "whole"
        if action == "503":
            connection.sendall(b"HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n")
            return
        lines = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
        start = int(lines["Range"][6:-1]) if "Range" in lines else 0
        status = (
            f"206 Partial Content\r\nContent-Range: bytes {start}-{len(BODY) - 1}/{len(BODY)}"
            if start
            else "200 OK"
        )
        head = f'HTTP/1.0 {status}\r\nContent-Length: {len(BODY) - start}\r\nETag: "1"\r\n\r\n'
        end = len(BODY) if action == "whole" else len(BODY) // 2
        connection.sendall(head.encode() + BODY[start:end])
        if action == "stall":
            self.done.wait(2)

    def close(self):
        self.done.set()
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        self.thread.join()
        self.listener.close()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    root, port, behind = tmp_path_factory.mktemp("nginx"), free_port(), Behind()
    (root / "files").mkdir()
    for name in ("file.bin", f"model-{DIGEST[:8]}.pth", "model-00000000.pth"):
        (root / "files" / name).write_bytes(BODY)
    user = "user root;" if os.getuid() == 0 else ""
    conf = root / "nginx.conf"
    conf.write_text(NGINX.format(root=root, port=port, behind=behind.port, user=user))
    command = [program("nginx"), "-p", str(root), "-e", str(root / "error.log"), "-c", str(conf)]
    with running(command, port, root / "log"):
        server = type("Nginx", (), {"url": f"http://127.0.0.1:{port}", "root": root, "behind": behind})
        yield server
    behind.close()


@pytest.fixture
def requests(nginx):
    """What nginx was asked since the test began: method, path, status, range."""
    log = nginx.root / "ranges.log"
    before = log.stat().st_size
    return lambda: [line.split() for line in log.read_text()[before:].splitlines()]


with_nginx = need("nginx")


@with_nginx
def test_nginx_whole_files(nginx, tmp_path):
    """Fetched, downloaded, through two redirections, and not packed on the way though the server would."""
    assert io.get(f"{nginx.url}/file.bin") == BODY
    assert io.get(f"{nginx.url}/old.bin") == BODY
    assert download(f"{nginx.url}/file.bin", tmp_path / "file").read_bytes() == BODY
    download(f"{nginx.url}/model-{DIGEST[:8]}.pth", tmp_path / "model.pth")
    with pytest.raises(DownloadError, match="00000000"):
        download(f"{nginx.url}/model-00000000.pth", tmp_path / "other.pth")
    assert sorted(os.listdir(tmp_path)) == ["file", "model.pth"]


@with_nginx
def test_nginx_missing_busy_and_circular(nginx, tmp_path, requests):
    """404 at once; 503 after every attempt; a redirection in a circle; a login page: each an error with the address."""
    with pytest.raises(FileNotFoundError, match=r"none\.bin: no such file \(404\)"):
        download(f"{nginx.url}/none.bin", tmp_path / "file", patience=QUICK)
    with pytest.raises(DownloadError, match=r"busy\.bin did not arrive in 3 attempts.*503"):
        download(f"{nginx.url}/busy.bin", tmp_path / "file", patience=QUICK)
    with pytest.raises(DownloadError, match=r"round\.bin"):
        download(f"{nginx.url}/round.bin", tmp_path / "file", patience=QUICK)
    with pytest.raises(DownloadError, match="a web page instead"):
        download(f"{nginx.url}/login.pth", tmp_path / "file", patience=QUICK)
    assert os.listdir(tmp_path) == []
    assert [path for _, path, *_ in requests()].count("/busy.bin") == 3


@with_nginx
@pytest.mark.parametrize("first", ["503", "cut", "stall"])
def test_nginx_before_a_server_that_fails_once(nginx, tmp_path, requests, first):
    """The next attempt succeeds; after a cut or a stall it asks for the rest only."""
    nginx.behind.script[:] = [first]
    path = download(f"{nginx.url}/behind/file.bin", tmp_path / "file", patience=QUICK)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == DIGEST
    last = requests()[-1]
    assert last[2:] == (["200", "-"] if first == "503" else ["206", f"bytes={len(BODY) // 2}-"])


@with_nginx
def test_nginx_before_a_server_that_always_cuts(nginx, tmp_path):
    """Every attempt brings some of it; what is not whole in the end gets no name."""
    nginx.behind.script[:] = ["cut", "503", "503"]
    with pytest.raises(DownloadError, match="did not arrive in 3 attempts"):
        download(f"{nginx.url}/behind/file.bin", tmp_path / "file", patience=QUICK)
    assert os.listdir(tmp_path) == []


@with_nginx
def test_nginx_sends_slowly(nginx, tmp_path):
    """A body may take longer than the time-out, which is for the next piece of it."""
    begin = time.monotonic()
    patience = Patience(timeout_seconds=1.2, retries=0)
    assert download(f"{nginx.url}/slow/file.bin", tmp_path / "f", patience=patience).read_bytes() == BODY
    assert time.monotonic() - begin > 1.2


@with_nginx
def test_nginx_and_the_cache(nginx, tmp_path, requests):
    """Its ETag tells the versions: one download of each, also by two processes at the same moment."""
    url = f"{nginx.url}/changing.bin"
    (nginx.root / "files" / "changing.bin").write_bytes(b"one")
    call = "import sys, eng_fileio; print(eng_fileio.cached_download(sys.argv[1], folder=sys.argv[2]))"
    command = [sys.executable, "-c", call, url, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {process.communicate(timeout=30)[0].strip() for process in both}
    assert [Path(path).read_bytes() for path in paths] == [b"one"]
    assert [method for method, *_ in requests()].count("GET") == 1
    (nginx.root / "files" / "changing.bin").write_bytes(b"other")
    assert cached_download(url, folder=tmp_path).read_bytes() == b"other"
    assert [method for method, *_ in requests()].count("GET") == 2


# -- what every place of files must do ------------------------------------------------------------------------------
def exercise(root, args, tmp_path):
    """Write, ask, list, copy and delete below `root`; the same for every place."""
    io.put_text("grün", f"{root}/deep/a.txt", backend_args=args)
    io.put(BODY, f"{root}/deep/b.bin", backend_args=args)
    io.put(BODY[::-1], f"{root}/deep/b.bin", backend_args=args)
    assert io.get(f"{root}/deep/b.bin", backend_args=args) == BODY[::-1]
    assert io.get_text(f"{root}/deep/a.txt", backend_args=args) == "grün"
    answers = [
        ask(f"{root}/{path}", backend_args=args)
        for ask in (io.isfile, io.isdir, io.exists)
        for path in ("deep", "deep/a.txt", "none")
    ]
    assert answers == [False, True, False, True, False, False, True, True, False]
    with pytest.raises(FileNotFoundError):
        io.get(f"{root}/none", backend_args=args)
    found = io.list_dir_or_file(root, recursive=True, backend_args=args)
    assert list(found) == ["deep", "deep/a.txt", "deep/b.bin"]
    io.dump({"a": [1, 2]}, f"{root}/x.json", backend_args=args)
    assert io.load(f"{root}/x.json", backend_args=args) == {"a": [1, 2]}
    io.copyfile(f"{root}/x.json", f"{root}/y.json", backend_args=args)
    with io.get_local_path(f"{root}/y.json", backend_args=args) as path:
        assert io.load(path) == {"a": [1, 2]}
    io.copytree_to_local(f"{root}/deep", tmp_path / "out", backend_args=args)
    assert sorted(os.listdir(tmp_path / "out")) == ["a.txt", "b.bin"]
    io.copytree_from_local(tmp_path / "out", f"{root}/back", backend_args=args)
    assert io.get(f"{root}/back/b.bin", backend_args=args) == BODY[::-1]
    io.remove(f"{root}/y.json", backend_args=args)
    with pytest.raises(FileNotFoundError):
        io.remove(f"{root}/y.json", backend_args=args)
    io.rmtree(f"{root}/deep", backend_args=args)
    left = io.list_dir_or_file(root, list_dir=False, recursive=True, backend_args=args)
    assert list(left) == ["back/a.txt", "back/b.bin", "x.json"]


# -- OpenSSH -------------------------------------------------------------------------------------------------------
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host
AuthorizedKeysFile {root}/key.pub
PidFile {root}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@pytest.fixture(scope="module")
def sftp(tmp_path_factory):
    """The address of a folder on an OpenSSH server, and what the backend needs to log in."""
    root, port = tmp_path_factory.mktemp("sshd"), free_port()
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
    (root / "conf").write_text(SSHD.format(port=port, root=root))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in; a service manager would make it
    (root / "files").mkdir()
    login = {"username": subprocess.check_output(["id", "-un"], text=True).strip()}
    args = {
        "backend": "fsspec",
        "key_filename": str(root / "key"),
        "allow_agent": False,
        "look_for_keys": False,
    }
    with running([program("sshd"), "-D", "-e", "-f", str(root / "conf")], port, root / "log"):
        yield f"sftp://127.0.0.1:{port}{root}/files", args | login, root / "files"


@need("sshd", "ssh-keygen", modules=("fsspec", "paramiko"))
def test_openssh(sftp, tmp_path):
    """Every verb over SFTP, and on the server's disk nothing but the files."""
    root, args, folder = sftp
    exercise(f"{root}/run", args, tmp_path)
    assert sorted(os.listdir(folder / "run")) == ["back", "x.json"]


@need("sshd", "ssh-keygen", modules=("fsspec", "paramiko"))
@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
def test_openssh_with_a_full_disk(sftp):
    """A file that does not fit is not there, the one of before is, and nothing half is left."""
    root, args, folder = sftp
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False).returncode != 0:
        pytest.skip("this process may not mount")
    try:
        io.put(BODY, f"{root}/small/one.bin", backend_args=args)
        with pytest.raises(OSError, match="Failure"):  # which is all that the protocol says of a full disk
            io.put(BODY * 3, f"{root}/small/one.bin", backend_args=args)
        assert io.get(f"{root}/small/one.bin", backend_args=args) == BODY
        assert os.listdir(small) == ["one.bin"]
    finally:
        subprocess.run(["umount", small], check=True)


# -- S3 ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """A bucket of moto's server, and what the backend needs to reach it."""
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    args = {
        "backend": "fsspec", "key": "key", "secret": "secret", "endpoint_url": f"http://127.0.0.1:{port}",
        "client_kwargs": {"region_name": "eu-west-1"},
    }  # fmt: skip
    with running(command, port, folder / "log", cwd=folder):
        from s3fs import S3FileSystem

        options = {name: value for name, value in args.items() if name != "backend"}
        S3FileSystem(**options).mkdir("bucket")
        yield "s3://bucket", args


with_s3 = need(modules=("s3fs", "moto", "flask"))


@with_s3
def test_s3(s3, tmp_path):
    """Every verb on objects; older names of the prefix and of the backend reach the same ones."""
    root, args = s3
    exercise(f"{root}/run", args, tmp_path)
    for older in ("petrel://bucket/run/x.json", "cluster:s3://bucket/run/x.json"):
        assert io.load(older, backend_args={**args, "backend": "petrel"}) == {"a": [1, 2]}
    with pytest.raises(FileNotFoundError):
        io.get("s3://nobucket/x", backend_args=args)


@with_s3
def test_s3_signed_addresses(s3):
    """A signed address opens the object for whoever has nothing but HTTP; a changed one does not exist."""
    root, args = s3
    io.put(BODY, f"{root}/signed.bin", backend_args=args)
    url = io.generate_presigned_url(f"{root}/signed.bin", expires_in=60, backend_args=args)
    assert io.get(url) == BODY
    with pytest.raises(FileNotFoundError):
        io.get(url.replace("signed.bin", "other.bin"))


@with_s3
def test_s3_large_objects_are_whole_or_not_there(s3, tmp_path):
    """Sent in parts from the disk, an object appears with its last part."""
    root, args = s3
    local = tmp_path / "large.bin"
    with open(local, "wb") as file:
        file.truncate(70 << 20)
    io.copyfile_from_local(local, f"{root}/large.bin", backend_args=args)
    io.copyfile_to_local(f"{root}/large.bin", tmp_path / "back.bin", backend_args=args)
    assert (tmp_path / "back.bin").stat().st_size == 70 << 20
