import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from eng_registry import VISUALIZERS
from eng_visualization import (
    ArgumentError,
    LocalVisBackend,
    MissingClientError,
    TensorboardVisBackend,
    Visualizer,
)


@pytest.fixture
def backend(Remembers):
    return Remembers()


@pytest.fixture
def visualizer(backend):
    yield (made := Visualizer(vis_backends=backend))
    made.close()


def test_backends_are_given_in_every_form(tmp_path, Remembers):
    """An object, a mapping, or several of both, with names of their own or of their classes."""
    objects = [Remembers(), LocalVisBackend(tmp_path)]
    made = Visualizer(vis_backends=objects)
    assert made.get_backend("Remembers") is objects[0]
    assert made.get_backend("LocalVisBackend") is objects[1]
    one = Visualizer(vis_backends={"type": "Remembers", "name": "mine"})
    assert isinstance(one.get_backend("mine"), Remembers)
    with pytest.raises(KeyError, match="no backend 'Remembers'; there are: mine"):
        one.get_backend("Remembers")
    assert Visualizer(vis_backends=None)._vis_backends == {}


def test_a_mapping_keeps_its_keys(Remembers):
    """What is given is not changed."""
    given = {"type": "Remembers", "name": "mine"}
    Visualizer(vis_backends=[given])
    assert given == {"type": "Remembers", "name": "mine"}


@pytest.mark.parametrize("given", ["LocalVisBackend", 3, [3], [["a"]]])
def test_what_is_no_backend_is_refused(given):
    """A text is none, either."""
    with pytest.raises(TypeError, match="vis_backends takes"):
        Visualizer(vis_backends=given)


def test_two_backends_need_two_names(Remembers):
    """Else nobody could ask for one of them."""
    Visualizer(vis_backends=[{"type": "Remembers"}, {"type": "Remembers", "name": "second"}])
    with pytest.raises(RuntimeError, match="two backends named 'Remembers'"):
        Visualizer(vis_backends=[{"type": "Remembers"}, {"type": "Remembers"}])


def test_a_backend_without_files_need_not_take_a_folder(tmp_path, Remembers):
    """`save_dir` is for those whose class has it."""

    class Elsewhere(Remembers):
        def __init__(self, prefix=""):
            super().__init__()

    made = Visualizer(vis_backends={"type": Elsewhere, "prefix": "a"}, save_dir=tmp_path)
    assert isinstance(made.get_backend("Elsewhere"), Elsewhere)


def test_a_backend_that_needs_a_folder_is_left_out_without(caplog, tmp_path, Remembers):
    """With a warning; with `save_dir` it writes to `vis_data` in it."""
    made = Visualizer(vis_backends=[{"type": "LocalVisBackend"}, {"type": "Remembers"}])
    assert list(made._vis_backends) == ["Remembers"]
    assert "LocalVisBackend needs a save_dir" in caplog.text
    made = Visualizer(vis_backends={"type": LocalVisBackend}, save_dir=tmp_path)
    made.add_scalar("loss", 1)
    made.close()
    assert (tmp_path / "vis_data" / "scalars.json").exists()


def test_a_missing_client_is_known_before_the_run(Remembers):
    """And how to install it."""

    class NeedsMore(Remembers):
        clients = ("no_such_client",)
        extra = "more"

    with pytest.raises(MissingClientError, match=r'pip install "eng-visualization\[more\]"'):
        Visualizer(vis_backends=NeedsMore())


def test_everything_recorded_reaches_every_backend(tmp_path, Remembers):
    """In order, as plain numbers."""
    first, second = Remembers(), Remembers()
    made = Visualizer(vis_backends=[first])
    other = Visualizer(vis_backends=[second])
    for one in (made, other):
        one.add_config({"lr": 0.1})
        one.add_scalar("loss", torch.tensor(0.5), 3)
        one.add_scalars({"loss": np.float32(0.25), "lr": 0.1}, 4)
        one.add_facts({"seed": np.int64(1)})
        one.resume_from(2)
        one.close()
    assert first.calls == second.calls == [
        ("add_config", {"lr": 0.1}),
        ("add_scalar", "loss", 0.5, 3),
        ("add_scalars", {"loss": 0.25, "lr": 0.1}, 4),
        ("add_facts", {"seed": 1}),
        ("resume_from", 2),
        ("close",),
    ]  # fmt: skip


def test_what_is_recorded_is_a_copy(visualizer, backend):
    """The caller may go on with its image, scalars and configuration."""
    image, config, scalars = np.zeros((2, 2, 3), np.uint8), {"a": [1]}, {"loss": torch.tensor(1.0)}
    visualizer.add_image("image", image, 1)
    visualizer.add_config(config)
    visualizer.add_scalars(scalars, 1)
    image[:], config["a"][0] = 9, 9
    scalars["loss"] += 1
    visualizer.flush()
    assert backend.calls[0][2].max() == 0
    assert backend.calls[1] == ("add_config", {"a": [1]})
    assert backend.calls[2] == ("add_scalars", {"loss": 1.0}, 1)


def test_a_graph_is_recorded_before_the_call_returns(visualizer, backend):
    """Since the model changes right after."""
    model = torch.nn.Linear(1, 1)
    visualizer.add_graph(model, "batch")
    assert backend.calls == [("add_graph", model, "batch")]


def test_scalars_are_a_mapping(visualizer):
    """Anything else is refused at once."""
    with pytest.raises(AssertionError, match="mapping"):
        visualizer.add_scalars([1])


def test_a_backend_that_hangs_does_not_slow_the_run(tmp_path, Remembers):
    """Five seconds of a tracker are nothing of the loop, and the other backend has everything."""
    hangs = Remembers(hangs=("add_scalars",), seconds=5.0)
    local = LocalVisBackend(tmp_path)
    made = Visualizer(vis_backends=[hangs, local])
    made._writers["Remembers"]._patience = 0.1
    begin = time.perf_counter()
    for step in range(200):
        made.add_scalars({"loss": 1.0}, step)
    loop_seconds = time.perf_counter() - begin
    made.close()
    assert loop_seconds < 1
    assert len((tmp_path / "scalars.json").read_text().splitlines()) == 200


def test_an_image_to_draw_on_is_checked():
    """Its shape, and that there is one."""
    made = Visualizer()
    with pytest.raises(AssertionError, match="image is None"):
        made.set_image(None)
    with pytest.raises(AssertionError, match=r"got \(2, 2, 4\)"):
        made.set_image(np.zeros((2, 2, 4)))
    for ask in (made.get_image, lambda: made.draw_points(np.array([1, 1]))):
        with pytest.raises(AssertionError, match="set_image first"):
            ask()
    made.set_image(np.full((4, 6), 7.9))
    assert made.get_image().tolist() == np.full((4, 6, 3), 7).tolist()
    assert (made.width, made.height) == (6, 4)


def test_the_figure_can_be_drawn_on_by_hand():
    """For what the methods do not draw."""
    made = Visualizer(image=np.zeros((20, 20, 3), np.uint8))
    made.ax_save.plot([0, 20], [10, 10], color="w", linewidth=4)
    assert made.get_image().max() > 200
    assert made.fig_save_canvas.figure is made.fig_save
    assert made.dpi == made.fig_save.get_dpi()


def test_dataset_meta_is_kept():
    """For subclasses that draw with it."""
    made = Visualizer()
    assert made.dataset_meta is None
    made.dataset_meta = {"classes": ("cat",)}
    assert made.dataset_meta == {"classes": ("cat",)}


def test_subclasses_are_current_for_everybody():
    """`Visualizer.get_current_instance` gives the one that a task registered and built."""

    @VISUALIZERS.register_module()
    class TaskVisualizer(Visualizer):
        def add_datasample(self, name, image, data_sample=None, **kwargs):
            self.add_image(name, image)

    made = VISUALIZERS.build({"type": "TaskVisualizer", "name": "task"})
    assert isinstance(made, TaskVisualizer)
    task = TaskVisualizer.get_instance("task 2")
    assert Visualizer.get_current_instance() is TaskVisualizer.get_current_instance() is task


def test_only_rank_zero_records_and_draws(monkeypatch, backend):
    """The others come back at once, and write nothing."""
    monkeypatch.setattr("eng_visualization.draw.image_drawing.is_main_process", lambda: False)
    monkeypatch.setattr("eng_dist.main_only.is_main_process", lambda: False)
    made = Visualizer(vis_backends=backend)
    assert made.draw_points(np.array([1, 1])) is made  # without an image, which rank 0 would miss
    made.add_scalar("loss", 1)
    made.add_image("image", np.zeros((2, 2, 3), np.uint8))
    made.close()
    assert backend.calls == []


def test_matplotlib_and_the_clients_are_imported_when_they_are_needed():
    """Importing the package, making a visualizer and recording scalars draws nothing."""
    code = """
import sys
from eng_visualization import Visualizer
made = Visualizer(vis_backends={"type": "LocalVisBackend"}, save_dir="/nonexistent")
heavy = {"matplotlib", "tensorboard", "wandb", "mlflow", "PIL", "torch.utils.tensorboard"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_quiet_iterations_make_no_call(tmp_path):
    """A backend is called only when something is recorded; recording costs the caller a few calls."""
    made = Visualizer(vis_backends=[LocalVisBackend(tmp_path), TensorboardVisBackend(str(tmp_path))])
    scalars = {f"loss_{i}": 0.1 * i for i in range(8)}
    made.add_scalars(scalars, 0)  # starts the threads
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        made.add_scalars(scalars, 1)
    finally:
        sys.setprofile(None)
    made.close()
    assert calls < 100


def test_a_full_disk_does_not_end_the_run(tmp_path):
    """Files that cannot grow beyond 4 KiB: both backends say so once and at the end, and the run gets through."""
    code = """
import logging, resource, signal, sys
from eng_visualization import Visualizer
logging.basicConfig(format="%(message)s")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
made = Visualizer(vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")], save_dir=sys.argv[1])
made.add_scalar("loss", 0.5)
made.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for step in range(1, 300):
    made.add_scalars({f"loss_{i}": 0.5 for i in range(10)}, step)
    if step % 100 == 0:
        made.flush()
made.close()
print("got through")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "got through\n")
    for name in ("LocalVisBackend", "TensorboardVisBackend"):
        assert done.stderr.count(f"{name} failed in add_scalars and is switched off") == 1
        assert done.stderr.count(f"{name}: ") == 1
    assert (tmp_path / "vis_data" / "scalars.json").stat().st_size <= 4096


def test_facts_are_a_mapping(tmp_path):
    """What is none is told to whoever gives it, and switches no backend off."""
    made = Visualizer(vis_backends={"type": "LocalVisBackend"}, save_dir=tmp_path)
    with pytest.raises(ArgumentError, match="facts must be a mapping, got int"):
        made.add_facts(3)
