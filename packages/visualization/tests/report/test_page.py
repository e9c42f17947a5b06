import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from eng_visualization import LocalVisBackend, NotARunError, write_report


class Page(HTMLParser):
    """The texts of each section, the links and the data of a page."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.sources, self.links, self.anchors = {}, [], [], set()
        self._section = self._script = None
        self.data = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "section":
            self._section = attributes["id"]
            self.sections[self._section] = ""
        self.anchors.add(attributes.get("id"))
        self._script = attributes.get("type") if tag == "script" else None
        for name in ("src", "href"):
            if name in attributes:
                (self.links if attributes[name].startswith("#") else self.sources).append(attributes[name])

    def handle_endtag(self, tag):
        if tag == "section":
            self._section = None

    def handle_data(self, data):
        if self._script == "application/json":
            self.data = self.data or json.loads(data)
        elif self._section:
            self.sections[self._section] += data + " "


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, make_run):
    return make_run(tmp_path / "digits")


def test_a_report_has_every_section(folder, train):
    """In the folder of the run, with what it holds."""
    path = write_report(folder)
    assert path == folder / "report.html"
    sections = page_of(path).sections
    assert list(sections) == [
        "overview",
        "curves",
        "matrices",
        "samples",
        "checkpoints",
        "warnings",
        "configuration",
        "environment",
        "reproduce",
    ]
    for section, words in {
        "overview": (
            "epoch 4, iteration 200",
            "2026-01-01 12:00:00",
            "2, 2.0 KiB; all verified",
            "accuracy 0.875",
        ),
        "curves": ("loss", "val/loss", "lr", "time (seconds per iteration)"),
        "matrices": ("confusion", "cat", "9"),
        "samples": ("val/sample", "step 200"),
        "checkpoints": ("epoch_4.pth", "1,000 bytes", "verified", "accuracy 0.875"),
        "warnings": ("the disk is <almost> full", "look at /data", "ERROR"),
        "configuration": ("optimizer.lr", "0.1", "config.py:3"),
        "environment": ("command", "PyTorch", "2.13"),
        "reproduce": ("eng train", "eng test", "best_accuracy_epoch_3.pth"),
    }.items():
        text = re.sub(r"\s+", " ", sections[section])
        assert [word for word in words if word not in text] == [], section


def test_what_a_test_measured_is_a_table_and_its_confusions_a_matrix(folder):
    """With the names of the classes if they are known, else their numbers."""
    start = folder / "20260102_080000"
    (start / "vis_data").mkdir(parents=True)
    (start / "vis_data" / "config.py").write_text("load_from = 'epoch_4.pth'\n")
    measured = {"accuracy": 97.5, "confusion_matrix": [[40, 1], [2, 37]], "per_class": [97.6, 94.9]}
    (start / "20260102_080000.json").write_text(json.dumps(measured))
    sections = page_of(write_report(folder)).sections
    assert sections["tests"].split() == ["Tests", "Tested", "accuracy", "2026-01-02", "08:00:00", "97.5"]
    matrix = sections["matrices"].split("confusion_matrix of the test")[1]
    assert matrix.split()[-8:] == ["0", "1", "0", "40", "1", "1", "2", "37"]
    LocalVisBackend(start / "vis_data").add_facts({"classes": ["cat", "dog"]})
    matrix = page_of(write_report(folder)).sections["matrices"].split("confusion_matrix of the test")[1]
    assert matrix.split()[-8:] == ["cat", "dog", "cat", "40", "1", "dog", "2", "37"]


def test_the_data_of_the_curves_is_in_the_page(folder):
    """By name, one list per run."""
    data = page_of(write_report(folder)).data
    assert data["runs"] == ["digits"]
    assert data["curves"]["accuracy"] == [[[50, 0.5], [100, 0.75], [150, 0.8333333], [200, 0.875]]]


def test_the_page_needs_no_network(folder):
    """Every source is in the file, every link leads to a place in it, and the policy forbids the rest."""
    path = write_report(folder)
    page = page_of(path)
    assert [source for source in page.sources if not source.startswith("data:")] == []
    assert [link for link in page.links if link[1:] not in page.anchors] == []
    text = path.read_text()
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_several_runs_are_compared(folder, tmp_path, make_run):
    """Their metrics side by side, their curves together, and only the settings that differ."""
    other = make_run(tmp_path / "other" / "digits", lr=0.02, scale=2.0)
    page = page_of(write_report([folder, other], tmp_path / "out" / "compared.html"))
    assert page.data["runs"] == [f"{tmp_path.name}/digits", "other/digits"]
    assert [points[0] for points in page.data["curves"]["loss"]] == [[10, 0.1], [10, 0.2]]
    assert "1 of 7 values differ." in page.sections["configuration"]
    assert "0.02" in page.sections["configuration"]
    assert "SGD" not in page.sections["configuration"]
    same = page_of(write_report([folder, folder], tmp_path / "same.html"))
    assert "The configurations are the same." in same.sections["configuration"]


def test_a_run_with_little_has_a_short_report(tmp_path):
    """Sections without content are left out."""
    LocalVisBackend(tmp_path / "vis_data").add_scalar("loss", 1.0, 1)
    assert list(page_of(write_report(tmp_path)).sections) == ["overview", "curves"]


def test_names_and_texts_cannot_become_markup(tmp_path):
    """Wherever they come from."""
    evil = "</script><script>alert(1)</script><b>"
    local = LocalVisBackend(tmp_path / "vis_data")
    local.add_scalar(evil, 1.0, 1)
    local.add_facts({evil: evil, "m": {"labels": [evil], "matrix": [[1]]}})
    (tmp_path / "vis_data" / "config.py").write_text(f"a = {evil!r}\n")
    (tmp_path / "a.log").write_text(f"2026/01/01 12:00:01 - eng - WARNING - {evil}\n")
    text = write_report(tmp_path).read_text()
    assert "<script>alert" not in text
    assert text.count("<script") == 2
    assert evil in page_of(tmp_path / "report.html").data["curves"]


def test_a_long_run_with_many_images_stays_small(tmp_path):
    """Under 3 MB with 100 curves of 2000 points and 40 large images."""
    folder = tmp_path / "vis_data"
    folder.mkdir()
    with open(folder / "scalars.json", "w") as file:
        for step in range(2000):
            scalars = {f"loss_{name}": (step * 7919 % 1000) / 997 for name in range(100)}
            file.write(json.dumps({**scalars, "step": step}) + "\n")
    noise = np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8)
    local = LocalVisBackend(folder)
    for step in range(40):
        local.add_image("noise", noise, step)
    path = write_report(tmp_path)
    assert path.stat().st_size < 3_000_000
    images = page_of(path).sections["samples"]
    assert "noise step 39" in re.sub(r"\s+", " ", images)
    assert "more images are in the folder" in images


def test_a_folder_without_a_run_writes_nothing(tmp_path):
    """The error comes first."""
    with pytest.raises(NotARunError):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="at least one"):
        write_report([])
