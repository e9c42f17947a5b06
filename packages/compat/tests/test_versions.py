"""Versions as numbers, and what this package passes for."""

import itertools
import re
import subprocess

import pytest
from mmengine.utils import digit_version, get_git_hash
from mmengine.version import parse_version_info, version_info

import mmengine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0", (1, 0, 0, 0, 0, 0)),
        ("1.0rc1", (1, 0, 0, 0, -1, 1)),
        ("1.0b3", (1, 0, 0, 0, -2, 3)),
        ("1.0a2", (1, 0, 0, 0, -3, 2)),
        ("1.0.dev4", (1, 0, 0, 0, -4, 0)),
        ("1.0.post2", (1, 0, 0, 0, 1, 2)),
        ("1.10.0+cu111", (1, 10, 0, 0, 0, 0)),
        ("1!2.0", (2, 0, 0, 0, 0, 0)),
        ("1.2.3.4.5", (1, 2, 3, 4, 0, 0)),
        ("2.0.0a0+git1", (2, 0, 0, 0, -3, 0)),
        ("1.0rc1.post1", (1, 0, 0, 0, -1, 1)),
        ("1.0a1.dev2", (1, 0, 0, 0, -3, 1)),
    ],
)
def test_a_version_in_numbers(text, expected):
    """The values that MMEngine 0.10.7 gives."""
    assert digit_version(text) == expected


def test_the_order_of_phases():
    """dev, alpha, beta, candidate, final, post."""
    phases = ["1.1.dev1", "1.1a1", "1.1a2", "1.1b1", "1.1rc1", "1.1rc2", "1.1", "1.1.post1", "1.2.dev1"]
    assert all(digit_version(a) < digit_version(b) for a, b in itertools.pairwise(phases))


def test_fewer_numbers():
    """`length` cuts the release."""
    assert digit_version("1.2.3", length=2) == (1, 2, 0, 0)


def test_versions_of_another_framework():
    """They cannot be compared."""
    with pytest.raises(AssertionError):
        digit_version("parrots")


def test_what_downstream_packages_compare():
    """The version is one that they accept: not older than the last MMEngine, below 1."""
    assert digit_version("0.10.7") <= digit_version(mmengine.__version__) < digit_version("1.0.0")
    assert version_info == mmengine.version_info == parse_version_info(mmengine.__version__)
    assert mmengine.version.__version__ == mmengine.__version__


def test_the_commit(tmp_path, monkeypatch):
    """The whole hash or its first digits; nothing outside a repository, the fallback without git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    try:
        subprocess.run(["git", "init", "-q"], check=True)
    except OSError:
        pytest.skip("there is no git here")
    assert get_git_hash() in ("", "HEAD")  # a repository without a commit
    author = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert re.fullmatch("[0-9a-f]{40}", get_git_hash())
    assert get_git_hash(digits=7) == get_git_hash()[:7]
    with pytest.raises(TypeError, match="digits must be None or an integer"):
        get_git_hash(digits="7")
    monkeypatch.setenv("PATH", "")
    assert get_git_hash(fallback="none") == "none"
