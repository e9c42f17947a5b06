"""What documentation promises of names, arguments and defaults, and the small rules that other tests do not state."""

import inspect
import warnings

import numpy as np
import pytest
import torch

import eng_visualization
from eng_registry import VISBACKENDS, VISUALIZERS
from eng_visualization import LocalVisBackend, TensorboardVisBackend, Visualizer, WandbVisBackend

DEFAULTS = {
    "Visualizer": {
        "name": "visualizer",
        "image": None,
        "vis_backends": None,
        "save_dir": None,
        "fig_save_cfg": {"frameon": False},
        "fig_show_cfg": {"frameon": False},
    },
    "LocalVisBackend": {
        "save_dir": ...,
        "img_save_dir": "vis_image",
        "config_save_file": "config.py",
        "scalar_save_file": "scalars.json",
    },
    "TensorboardVisBackend": {"save_dir": ...},
    "WandbVisBackend": {
        "save_dir": ...,
        "init_kwargs": None,
        "define_metric_cfg": None,
        "commit": True,
        "log_code_name": None,
        "watch_kwargs": None,
    },
    "MLflowVisBackend": {
        "save_dir": ...,
        "exp_name": None,
        "run_name": None,
        "tags": None,
        "params": None,
        "tracking_uri": None,
        "artifact_suffix": (".json", ".log", ".py", "yaml"),
        "tracked_config_keys": None,
        "artifact_location": None,
    },
    "ClearMLVisBackend": {"save_dir": None, "init_kwargs": None, "artifact_suffix": (".py", ".pth")},
    "NeptuneVisBackend": {"save_dir": None, "init_kwargs": None},
    "DVCLiveVisBackend": {
        "save_dir": ...,
        "artifact_suffix": (".json", ".py", "yaml"),
        "init_kwargs": None,
    },
    "AimVisBackend": {"save_dir": None, "init_kwargs": None},
}

METHODS = {
    "draw_points": {"positions": ..., "colors": "g", "marker": None, "sizes": None},
    "draw_texts": {
        "texts": ...,
        "positions": ...,
        "font_sizes": None,
        "colors": "g",
        "vertical_alignments": "top",
        "horizontal_alignments": "left",
        "font_families": "sans-serif",
        "bboxes": None,
        "font_properties": None,
    },
    "draw_lines": {"x_datas": ..., "y_datas": ..., "colors": "g", "line_styles": "-", "line_widths": 2},
    "draw_circles": {
        "center": ...,
        "radius": ...,
        "edge_colors": "g",
        "line_styles": "-",
        "line_widths": 2,
        "face_colors": "none",
        "alpha": 0.8,
    },
    "draw_binary_masks": {"binary_masks": ..., "colors": "g", "alphas": 0.8},
    "draw_featmap": {
        "featmap": ...,
        "overlaid_image": None,
        "channel_reduction": "squeeze_mean",
        "topk": 20,
        "arrangement": (4, 5),
        "resize_shape": None,
        "alpha": 0.5,
    },
    "show": {
        "drawn_img": None,
        "win_name": "image",
        "wait_time": 0.0,
        "continue_key": " ",
        "backend": "matplotlib",
    },
    "add_image": {"name": ..., "image": ..., "step": 0},
    "add_scalars": {"scalar_dict": ..., "step": 0, "file_path": None},
    "add_datasample": {
        "name": ...,
        "image": ...,
        "data_sample": None,
        "draw_gt": True,
        "draw_pred": True,
        "show": False,
        "wait_time": 0,
        "step": 0,
    },
}


def defaults_of(function):
    """Names and defaults of the arguments; ... for one without."""
    return {
        name: ... if one.default is one.empty else one.default
        for name, one in inspect.signature(function).parameters.items()
        if name != "self" and one.kind is one.POSITIONAL_OR_KEYWORD
    }


@pytest.mark.parametrize("name", DEFAULTS)
def test_classes_take_these_arguments(name):
    """In this order, so that they can be given by position."""
    found = defaults_of(getattr(eng_visualization, name))
    assert list(found.items()) == list(DEFAULTS[name].items())


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_these_arguments(name):
    """In this order."""
    assert list(defaults_of(getattr(Visualizer, name)).items()) == list(METHODS[name].items())


@pytest.mark.parametrize("name", [name for name in DEFAULTS if name != "Visualizer"])
def test_backends_are_registered(name):
    """`dict(type=...)` finds each; the visualizer is in the other registry."""
    assert VISBACKENDS.get(name) is getattr(eng_visualization, name)
    assert VISUALIZERS.get("Visualizer") is Visualizer


def test_one_visualizer_writes_to_several_backends(tmp_path):
    """The same call reaches the files and TensorBoard."""
    visualizer = VISUALIZERS.build(
        {
            "type": "Visualizer",
            "name": "to several",
            "vis_backends": [{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend", "name": "board"}],
            "save_dir": str(tmp_path),
        }
    )
    visualizer.add_scalar("loss", 0.5, 1)
    visualizer.add_image("image", np.zeros((4, 4, 3), np.uint8), 1)
    assert isinstance(visualizer.get_backend("board"), TensorboardVisBackend)
    visualizer.close()
    names = {
        path.relative_to(tmp_path / "vis_data").as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert {"scalars.json", "vis_image/image_1.png"} < names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert VISUALIZERS.build({"type": "Visualizer", "name": "to several"}) is visualizer


@pytest.mark.parametrize(("height", "width", "size"), [(40, 60, 10), (900, 1600, 13), (3000, 3000, 33)])
def test_texts_are_as_large_as_the_image_asks_for(height, width, size):
    """The root of its area, divided by 90, and at least 10; the canvas has exactly its pixels."""
    visualizer = Visualizer(image=np.zeros((height, width, 3), np.uint8))
    assert visualizer._canvas.default_font_size == size
    assert (visualizer.height, visualizer.width) == (height, width)
    assert visualizer.get_image().shape == (height, width, 3)


def test_the_last_pixel_is_inside_and_the_size_is_outside():
    """Positions count from 0."""
    visualizer = Visualizer(image=np.zeros((30, 40, 3), np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visualizer.draw_points(np.array([[0, 0], [39, 29]]))
    for outside in ([40, 0], [0, 30], [-1, 0]):
        with pytest.warns(UserWarning, match="out of bounds"):
            visualizer.draw_points(torch.tensor(outside))


@pytest.mark.parametrize("given", ["val/acc", ["val/acc"], 3])
def test_metric_definitions_of_wandb_are_mappings(given, tmp_path):
    """Anything else is a ValueError, before the client is asked for."""
    with pytest.raises(ValueError, match="define_metric_cfg"):
        WandbVisBackend(tmp_path, define_metric_cfg=given)


def test_files_of_a_run_are_where_they_are_expected(tmp_path):
    """`scalars.json`, a file for each start, `config.py` and `vis_image` below `vis_data`."""
    visualizer = Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=tmp_path / "20260101_120000")
    visualizer.add_config({"lr": 0.1})
    visualizer.add_scalars({"loss": 0.5}, 1, file_path="20260101_120000.json")
    visualizer.add_image("cat", np.zeros((4, 4, 3), np.uint8))
    visualizer.close()
    found = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    folder = "20260101_120000/vis_data"
    assert found == [
        f"{folder}/20260101_120000.json",
        f"{folder}/config.py",
        f"{folder}/scalars.json",
        f"{folder}/vis_image/cat_0.png",
    ]
    assert isinstance(visualizer.get_backend("LocalVisBackend"), LocalVisBackend)
