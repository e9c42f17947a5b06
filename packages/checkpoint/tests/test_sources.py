import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eng_checkpoint import CheckpointLoader, UnsafeCheckpointError, load_checkpoint, save_file
from eng_fileio import DownloadError


@pytest.fixture
def schemes(monkeypatch):
    monkeypatch.setattr(CheckpointLoader, "_schemes", dict(CheckpointLoader._schemes))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ENG_HOME", str(tmp_path / "home"))
    (tmp_path / "www").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "www")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", tmp_path / "www"
        server.shutdown()
        thread.join()


def test_the_longest_prefix_wins(schemes):
    """Whatever the order of registration; `force` replaces, without it a taken prefix is an error."""
    CheckpointLoader.register_scheme(["zoo://", "zoo2://"], lambda name, map_location=None: {"from": "zoo"})

    @CheckpointLoader.register_scheme("zoo://new/")
    def new(filename, map_location=None):
        return {"from": "new", "at": map_location}

    assert CheckpointLoader.load_checkpoint("zoo://x") == {"from": "zoo"}
    assert CheckpointLoader.load_checkpoint("zoo2://x") == {"from": "zoo"}
    assert CheckpointLoader.load_checkpoint("zoo://new/x", "cpu") == {"from": "new", "at": "cpu"}
    with pytest.raises(KeyError, match="served already"):
        CheckpointLoader.register_scheme("zoo://", new)
    CheckpointLoader.register_scheme("zoo://", new, force=True)
    assert CheckpointLoader.load_checkpoint("zoo://x")["from"] == "new"


def test_local_files(tmp_path, monkeypatch):
    """`~` is the home directory; a file that is not there is said."""
    monkeypatch.setenv("HOME", str(tmp_path))
    save_file({"n": 1}, tmp_path / "a.pth")
    assert CheckpointLoader.load_checkpoint("~/a.pth") == {"n": 1}
    assert CheckpointLoader.load_checkpoint(tmp_path / "a.pth") == {"n": 1}
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        CheckpointLoader.load_checkpoint(tmp_path / "none.pth")


def test_files_of_web_servers(server, model, unsafe_files, payload):
    """Downloaded once, checked by the hash in the name, and no more trusted than any other file."""
    url, folder = server
    save_file({"state_dict": model.state_dict()}, folder / "model.pth")
    named = folder / f"model-{hashlib.sha256((folder / 'model.pth').read_bytes()).hexdigest()[:8]}.pth"
    (folder / "model.pth").rename(named)
    load_checkpoint(model, f"{url}/{named.name}", strict=True)
    named.unlink()
    load_checkpoint(model, f"{url}/{named.name}", strict=True)
    save_file({"n": 1}, folder / "model-00000000.pth")
    with pytest.raises(DownloadError, match="SHA-256"):
        CheckpointLoader.load_checkpoint(f"{url}/model-00000000.pth")
    with pytest.raises(FileNotFoundError):
        CheckpointLoader.load_checkpoint(f"{url}/none.pth")
    (folder / "unsafe.pth").write_bytes(unsafe_files[0].read_bytes())
    with pytest.raises(UnsafeCheckpointError):
        CheckpointLoader.load_checkpoint(f"{url}/unsafe.pth")
    assert not payload[1].exists()


def test_torchvision_is_asked_for_its_addresses(monkeypatch):
    """By the name of weights, or of a model, whose first weights are taken."""
    torchvision = pytest.importorskip("torchvision")
    seen = []
    monkeypatch.setattr("eng_checkpoint.sources.load_from_web", lambda url, **_: seen.append(url))
    CheckpointLoader.load_checkpoint("torchvision://ResNet18_Weights.IMAGENET1K_V1")
    CheckpointLoader.load_checkpoint("torchvision://resnet18")
    assert seen == [torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url] * 2


def test_a_client_that_is_not_installed(monkeypatch):
    """What to install is said."""
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(ImportError, match="pip install torchvision"):
        CheckpointLoader.load_checkpoint("torchvision://resnet18")
