import json

import numpy as np
import pytest
import torch
from PIL import Image

from eng_visualization import LocalVisBackend


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def backend(tmp_path):
    return LocalVisBackend(tmp_path / "vis_data")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "vis_data"


def test_nothing_is_made_before_the_first_use(backend, folder):
    """Neither by making the backend, nor by closing or rewinding an unused one."""
    backend.close()
    backend.resume_from(3)
    assert not folder.exists()
    assert backend.experiment is backend
    assert folder.exists()


def test_file_names_have_their_endings(tmp_path):
    """Since other programs look at them."""
    with pytest.raises(AssertionError, match=r"end in \.py"):
        LocalVisBackend(tmp_path, config_save_file="config.txt")
    with pytest.raises(AssertionError, match=r"end in \.json"):
        LocalVisBackend(tmp_path, scalar_save_file="scalars.yaml")


def test_scalars_are_json_lines(backend, folder):
    """Numbers of every kind; a given step wins."""
    backend.add_scalar("loss", torch.tensor(0.5))
    backend.add_scalar("acc", np.array([0.25]), 1)
    given = {"loss": torch.tensor(1.0), "lr": np.float32(0.5)}
    backend.add_scalars(given, 2)
    backend.add_scalars({"loss": 2.0, "step": 7}, 3)
    assert lines(folder / "scalars.json") == [
        {"loss": 0.5, "step": 0},
        {"acc": 0.25, "step": 1},
        {"loss": 1.0, "lr": 0.5, "step": 2},
        {"loss": 2.0, "step": 7},
    ]
    assert set(given) == {"loss", "lr"}


def test_scalars_go_to_a_second_file_as_well(backend, folder):
    """Another JSON file below the folder."""
    backend.add_scalars({"loss": 1}, 1, file_path="run.json")
    backend.add_scalars({"loss": 2}, 2)
    assert lines(folder / "run.json") == [{"loss": 1, "step": 1}]
    assert len(lines(folder / "scalars.json")) == 2
    for wrong in ("run.txt", "scalars.json", "../run.json", "/tmp/run.json"):
        with pytest.raises(AssertionError):
            backend.add_scalars({"loss": 1}, 1, file_path=wrong)
    with pytest.raises(AssertionError, match="mapping"):
        backend.add_scalars([1])


def test_images_are_png_files(backend, folder):
    """Named by name and step; slashes make folders, and a path from the root stays inside."""
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    backend.add_image("img", image)
    backend.add_image("val/img", image, 3)
    backend.add_image("/data/cats/1.jpg", image[..., 0], 1)
    saved = folder / "vis_image"
    assert np.array_equal(np.asarray(Image.open(saved / "img_0.png")), image)
    assert (saved / "val" / "img_3.png").exists()
    assert np.array_equal(np.asarray(Image.open(saved / "data/cats/1.jpg_1.png")), image[..., 0])


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("img", np.zeros((2, 2, 3))),
        ("img", [[1]]),
        ("../../img", np.zeros((2, 2, 3), np.uint8)),
        ("a\0b", np.zeros((2, 2, 3), np.uint8)),
        ("long" * 100, np.zeros((2, 2, 3), np.uint8)),
    ],
)
def test_what_is_no_image_or_no_name_is_refused(backend, tmp_path, name, image):
    """Nothing is written out of the folder."""
    with pytest.raises(AssertionError):
        backend.add_image(name, image)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_configuration_is_dumped_with_its_origins(backend, folder):
    """By itself if it can; else its keys as Python."""

    class Origin:
        file, line = "config.py", 3

    class Config:
        def dump(self, path):
            with open(path, "w") as file:
                file.write("lr = 0.1\n")

        def to_dict(self):
            return {"optimizer": {"lr": 0.1}, "unknown": 1}

        def origin(self, path):
            return Origin if path == "optimizer.lr" else None

    backend.add_config(Config())
    assert (folder / "config.py").read_text() == "lr = 0.1\n"
    assert json.loads((folder / "config.origins.json").read_text()) == {"optimizer.lr": "config.py:3"}
    backend.add_config({"a": 1, "b": "x"})
    assert (folder / "config.py").read_text() == "a = 1\nb = 'x'\n"


def test_facts_are_kept_together(backend, folder):
    """A later fact of the same name replaces the older; what is no JSON becomes text."""
    backend.add_facts({"seed": 1, "environment": {"torch": "2"}})
    backend.add_facts({"seed": np.int64(2), "where": folder})
    facts = json.loads((folder / "facts.json").read_text())
    assert facts == {"seed": 2, "environment": {"torch": "2"}, "where": str(folder)}


def test_a_resumed_run_has_no_point_twice(backend, folder):
    """Later lines are cut off, in every file; a half line of a killed run too."""
    backend.add_facts({"seed": 1})
    (folder / "config.origins.json").write_text('{\n "lr": "config.py:3"\n}')
    for step in range(1, 6):
        backend.add_scalars({"loss": step}, step, file_path="run.json")
    with open(folder / "scalars.json", "a") as file:
        file.write('{"loss": 6, "st')
    again = LocalVisBackend(folder)
    again.resume_from(3)
    again.add_scalars({"loss": 4}, 4, file_path="run.json")
    assert [line["step"] for line in lines(folder / "scalars.json")] == [1, 2, 3, 4]
    assert [line["step"] for line in lines(folder / "run.json")] == [1, 2, 3, 4]
    assert json.loads((folder / "facts.json").read_text()) == {"seed": 1}
    assert json.loads((folder / "config.origins.json").read_text()) == {"lr": "config.py:3"}


def test_half_a_line_does_not_spoil_the_next(backend, folder):
    """Also when nobody rewinds."""
    backend.add_scalar("loss", 1, 1)
    with open(folder / "scalars.json", "a") as file:
        file.write('{"loss": 2, "st')
    LocalVisBackend(folder).add_scalar("loss", 3, 3)
    assert lines(folder / "scalars.json") == [{"loss": 1, "step": 1}, {"loss": 3, "step": 3}]
