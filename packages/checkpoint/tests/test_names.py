import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eng_checkpoint import ManifestError, commit, entries, find_newest_valid, safe_name
from eng_checkpoint.names import check_name

METRICS = [
    "a\nb",
    "x" * 230,
    "é" * 200,
    "m" * 300 + ".5",
    "../../etc/passwd",
    "C:\\x",
    "\x7f",
    "\ud800",
    "top 1",
    "猫",
]


@pytest.mark.parametrize("metric", METRICS)
def test_a_checkpoint_is_saved_whatever_its_metric_is_called(tmp_path, metric):
    """Under the name of a file in the folder; the list has the metric as it is."""
    name = safe_name(f"best_{metric}_epoch_3.pth")
    commit(tmp_path, name, {"n": 1}, epoch=3, iter=1, step=1, metrics={metric: 0.5})
    assert sorted(os.listdir(tmp_path)) == sorted([name, "manifest.json", "last_checkpoint"])
    assert name.endswith(".pth")
    assert entries(tmp_path)[0].metrics == {metric: 0.5}
    assert find_newest_valid(tmp_path).path == tmp_path / name


def test_names_of_texts_that_look_alike_differ():
    """One checkpoint does not take the place of another."""
    texts = ["a\nb", "a\tb", "a/b", "a_b", "x" * 300, "x" * 301, ".a_b"]
    assert len({safe_name(text) for text in texts}) == len(texts)
    assert safe_name("a_b") == "a_b"


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_text_becomes_a_name(text):
    """The same one each time."""
    name = safe_name(text)
    check_name(name)
    assert safe_name(text) == name == safe_name(name)


def test_what_is_no_name_is_refused_with_the_way_out(tmp_path):
    """Before anything is written."""
    for name in ("a\nb", "x" * 256, ".hidden", "\ud800"):
        with pytest.raises(ManifestError, match="safe_name"):
            commit(tmp_path, name, {}, epoch=0, iter=0, step=0)
    assert os.listdir(tmp_path) == []
