"""A folder that somebody else has made: a page is written, or a typed error raised; nothing outside is read."""

import contextlib
import json
import os

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_visualization import LocalVisBackend, NotARunError, write_report
from eng_visualization.report import files
from eng_visualization.report.run import read_run

SECRET = "root:x:0:0:the content of a file of this machine"


@pytest.fixture
def run(tmp_path, make_run):
    """The folder of a run, and beside it a file with a secret."""
    folder = make_run(tmp_path / "run")
    (tmp_path / "secret").write_text(SECRET)
    return folder


def page_of(folder):
    return write_report(folder, folder.parent / "page.html").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "vis_data/vis_image/val/sample_300.png",
        "vis_data/vis_image/val/sample_200.png",
        "vis_data/scalars.json",
        "vis_data/facts.json",
        "vis_data/config.py",
        "vis_data/config.origins.json",
        "20260101_120000.log",
        "20260101_120000.json",
        "../manifest.json",
        "../epoch_4.pth",
    ],
)
@pytest.mark.parametrize("how", ["a link", "a pipe", "a folder", "a link in a circle"])
def test_nothing_outside_of_the_folder_is_read_and_nothing_waited_for(run, name, how):
    """Whichever file is not what a run would have written, the page has all the rest."""
    path = run / "20260101_120000" / name
    path.unlink(missing_ok=True)
    secret = run.parent / "secret"
    if how == "a link":
        path.symlink_to(secret)
    elif how == "a pipe":
        os.mkfifo(path)
    elif how == "a folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    page = page_of(run)
    assert "the content of a file" not in page
    assert "begins" not in page or "Overview" in page


def test_an_image_of_elsewhere_is_not_in_the_page(run, tmp_path):
    """Not even where it is an image, by a link of the file or of a folder above it."""
    (tmp_path / "elsewhere").mkdir()
    LocalVisBackend(tmp_path / "elsewhere", img_save_dir=".").add_image(
        "private", np.zeros((4, 4, 3), np.uint8), 7
    )
    images = run / "20260101_120000" / "vis_data" / "vis_image"
    (images / "private_7.png").symlink_to(tmp_path / "elsewhere" / "private_7.png")
    (images / "more").symlink_to(tmp_path / "elsewhere")
    assert [image.name for image in read_run(run).images] == ["val/sample"]
    assert page_of(run).count("data:image/png") == 1


def test_what_is_called_an_image_and_is_none_is_not_in_the_page(run):
    """A page shows pictures, and is no way to hand on other files."""
    path = run / "20260101_120000" / "vis_data" / "vis_image" / "val" / "sample_200.png"
    path.write_text(SECRET)
    assert "data:image/png" not in page_of(run)


def test_a_folder_behind_a_link_is_read(run, tmp_path):
    """Who names it has chosen it; and a link that stays in the folder leads to the same."""
    (tmp_path / "link").symlink_to(run)
    (run / "latest").symlink_to(run / "20260101_120000")
    assert read_run(tmp_path / "link").curve("loss").xs == read_run(run).curve("loss").xs != ()


def test_a_file_that_is_too_large_is_named(run, monkeypatch, caplog):
    """And not read; its size is no error of the page."""
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    monkeypatch.setattr(files.bytes_in, "__defaults__", (100,))
    assert read_run(run).curves == ()
    assert "scalars.json is not read: it has" in caplog.text


def test_a_sharded_checkpoint_is_verified(run):
    """A directory has the digest of its listing, as eng-checkpoint takes it."""
    shard = run / "step_9"
    shard.mkdir()
    for name, content in {"__0_0.distcp": b"part", ".metadata": b"more"}.items():
        (shard / name).write_bytes(content)
    listing = "".join(
        f"{name}\0{len(content)}\0{xxhash.xxh3_128_hexdigest(content)}\n"
        for name, content in {".metadata": b"more", "__0_0.distcp": b"part"}.items()
    )
    digest = xxhash.xxh3_128_hexdigest(listing.encode())
    entry = {
        "name": "step_9",
        "kind": "regular",
        "epoch": 0,
        "iter": 9,
        "step": 9,
        "bytes": 8,
        "xxh128": digest,
    }
    (run / "manifest.json").write_text(json.dumps({"format": 2, "entries": [entry | {"metrics": {}}]}))
    assert [one.state for one in read_run(run).checkpoints] == ["verified"]
    (shard / "more").write_bytes(b"")
    assert [one.state for one in read_run(run).checkpoints] == ["its digest is wrong"]
    (shard / "more").write_bytes(b"1")
    assert [one.state for one in read_run(run).checkpoints] == ["9 bytes instead of 8"]


NESTED = "[" * 100_000
HUGE = "1" + "0" * 400
ENTRY = '{"entries": [{"name": "a", "kind": "k", "epoch": 1, "iter": 1, "bytes": 1, %s}]}'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vis_data/scalars.json", f'{{"loss": {HUGE}, "iter": 1, "step": 1}}'),
        ("vis_data/scalars.json", f'{{"loss": 1, "iter": {HUGE}, "step": {HUGE}}}'),
        ("vis_data/scalars.json", '{"loss": 1, "iter": NaN, "step": Infinity}\n{"loss": Infinity, "iter": 2}'),
        ("vis_data/scalars.json", '{"loss": 1, "iter": 1, "when": "x", "validation": [], "": 3}'),
        ("vis_data/scalars.json", '{"\\ud800": 1, "iter": 1}'),
        ("vis_data/scalars.json", NESTED),
        ("vis_data/facts.json", '{"confusion": {"labels": 3, "matrix": 4}, "command": ["a"], "classes": 7}'),
        ("vis_data/facts.json", '{"confusion": {"labels": ["a"], "matrix": [["x"]]}, "environment": 3}'),
        ("vis_data/facts.json", f'{{"c": {{"labels": [1, 2], "matrix": [[NaN, {HUGE}], [-Infinity, Infinity]]}}}}'),
        ("vis_data/facts.json", NESTED),
        ("20260101_120000.json", '{"confusion": [[1, "x"], [2, 3]], "accuracy": Infinity, "loss": "many"}'),
        ("vis_data/config.py", "a = " + "(" * 5000 + ")" * 5000),
        ("vis_data/config.py", "a = " + "[" * 5000),
        ("vis_data/config.py", "a = " + "-" * 50_000 + "1"),
        ("vis_data/config.py", "a = '\\ud800'\0"),
        ("vis_data/config.origins.json", '{"optimizer.lr": 3}'),
        ("../manifest.json", '{"entries": [{"name": "a", "kind": 1, "epoch": Infinity}]}'),
        ("../manifest.json", '{"entries": [[1]]}'),
        ("../manifest.json", '{"entries": 3}'),
        ("../manifest.json", ENTRY % '"xxh128": 0, "metrics": {"accuracy": "good", "loss": NaN}'),
        ("../manifest.json", ENTRY % '"xxh128": 0, "name": "a\\u0000"'),
        ("../manifest.json", NESTED),
    ],
)  # fmt: skip
def test_a_page_is_written_whatever_is_in_a_file(run, name, text):
    """What makes no sense is left out."""
    (run / "20260101_120000" / name).write_text(text)
    assert "<h1>run</h1>" in page_of(run)


def test_names_that_are_no_text(tmp_path, make_run):
    """Folders and images may have names that are not UTF-8, or odd numbers in them."""
    folder = make_run(tmp_path / os.fsdecode(b"run \xff"))
    images = folder / "20260101_120000" / "vis_data" / "vis_image"
    for name in (b"\xfe_1.png", "a_\u00b2.png".encode(), b"a_" + b"9" * 60 + b".png"):
        (images / os.fsdecode(name)).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "run ?" in write_report(folder, tmp_path / "page.html").read_text()


def json_values():
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )


KEYS = (
    "labels",
    "matrix",
    "command",
    "classes",
    "entries",
    "name",
    "epoch",
    "iter",
    "step",
    "bytes",
    "xxh128",
    "metrics",
    "loss",
    "when",
)
NAMES = (
    "vis_data/scalars.json",
    "vis_data/facts.json",
    "vis_data/config.py",
    "20260101_120000.json",
    "20260101_120000.log",
    "../manifest.json",
)


@settings(max_examples=150, deadline=5000)
@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(KEYS), json_values()), st.text(max_size=40))
def test_any_folder_makes_a_page_or_a_typed_error(folder_of_a_run, name, content, text):
    """In a moment."""
    start = folder_of_a_run / "20260101_120000"
    path = start / name
    before = path.read_bytes() if path.exists() else b""
    for made in (json.dumps(content), f"{json.dumps({'x': content})}\n{text}", text):
        path.write_text(made, encoding="utf-8", errors="surrogatepass")
        with contextlib.suppress(NotARunError):
            write_report(folder_of_a_run, folder_of_a_run.parent / "page.html")
    path.write_bytes(before)


@pytest.fixture(scope="module")
def folder_of_a_run(tmp_path_factory, make_run):
    """One run, whose files are put back after each change."""
    return make_run(tmp_path_factory.mktemp("fuzz") / "run")
