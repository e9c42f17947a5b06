import zipfile

import pytest
import torch

from eng_checkpoint import FileInfo
from eng_checkpoint.verify import combined, defect, digest, digest_below, size_of, zip_defect


def test_a_directory_is_the_sum_of_its_files(tmp_path):
    """Its digest changes with any name and any content, and not with the order of looking."""
    for name in ("b", "a/c"):
        path = tmp_path / "dir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    whole = digest(tmp_path / "dir")
    assert (whole.name, whole.bytes, size_of(tmp_path / "dir")) == ("dir", 4, 4)
    parts = [digest_below(tmp_path / "dir", name) for name in ("b", "a/c")]
    assert combined("dir", parts) == combined("dir", parts[::-1]) == whole
    assert defect(tmp_path / "dir", [whole], "full") is None
    (tmp_path / "dir" / "b").rename(tmp_path / "dir" / "d")
    assert "another digest" in defect(tmp_path / "dir", [whole], "full")


@pytest.mark.parametrize(
    ("content", "verify", "expected"),
    [
        (b"right", "full", None),
        (b"wrong", "full", "damaged: its content has another digest than what was written"),
        (b"wrong", "size", None),
        (b"rig", "size", "truncated: 3 of 5 bytes"),
        (b"too long", "full", "too long: 8 of 5 bytes"),
        (b"", "off", None),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, content, verify, expected):
    """In a few words."""
    path = tmp_path / "file"
    path.write_bytes(b"right")
    info = digest(path)
    path.write_bytes(content)
    assert defect(path, [info], verify) == expected


def test_a_missing_file(tmp_path):
    """Is missing however closely one looks."""
    info = FileInfo(name="x", bytes=0, xxh128="")
    assert defect(tmp_path / "x", [info], "off") == "missing"
    assert zip_defect(tmp_path / "x") == "missing"


def test_the_checksums_of_a_zip(tmp_path):
    """Those that torch writes and never looks at; a file that is no zip has none."""
    path = tmp_path / "file.pth"
    torch.save({"w": torch.arange(100)}, path)
    assert zip_defect(path) is None
    content = bytearray(path.read_bytes())
    content[content.index(b"\x42\0\0\0\0\0\0\0")] = 0x43
    path.write_bytes(content)
    assert "checksum of `file/data/0`" in zip_defect(path)
    path.write_bytes(content[:-50])
    assert zip_defect(path).startswith("unreadable")
    path.write_bytes(b"no zip")
    assert zip_defect(path) is None
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", "y" * 100)
    assert "is compressed" in zip_defect(path)
