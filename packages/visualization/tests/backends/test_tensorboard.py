import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from eng_visualization import TensorboardVisBackend


@pytest.fixture
def backend(tmp_path):
    yield (made := TensorboardVisBackend(str(tmp_path / "events")))
    made.close()


def written(tmp_path):
    found = EventAccumulator(str(tmp_path / "events"))
    found.Reload()
    return found


def test_nothing_is_made_before_the_first_use(backend, tmp_path):
    """A backend that is closed unused leaves nothing."""
    backend.close()
    assert list(tmp_path.iterdir()) == []


def test_scalars_of_every_kind_are_shown(backend, tmp_path, caplog):
    """What is no number is left out with a warning."""
    for step, value in enumerate((1, 0.5, torch.tensor(2.0), np.array(3.0), np.float32(4))):
        backend.add_scalar("loss", value, step)
    backend.add_scalar("text", "no number")
    backend.add_scalars({"acc": torch.tensor([0.5]), "list": [1, 2]}, 3)
    backend.close()
    found = written(tmp_path)
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [
        (0, 1.0),
        (1, 0.5),
        (2, 2.0),
        (3, 3.0),
        (4, 4.0),
    ]
    assert found.Tags()["scalars"] == ["loss", "acc"]
    assert "'text' is a str and no number" in caplog.text


def test_scalars_must_not_hold_a_step(backend):
    """It is an argument of its own."""
    with pytest.raises(AssertionError, match="`step` is an argument"):
        backend.add_scalars({"loss": 1, "step": 2})
    with pytest.raises(AssertionError, match="mapping"):
        backend.add_scalars([1])


def test_images_configuration_and_hyper_parameters_are_shown(backend, tmp_path):
    """Images in colour or gray."""
    backend.add_config({"optimizer": {"lr": 0.1}, "hooks": [None]})
    backend.add_image("colour", np.zeros((4, 5, 3), np.uint8), 2)
    backend.add_image("gray", np.zeros((4, 5), np.uint8))
    backend.close()
    found = written(tmp_path)
    image = found.Images("colour")[0]
    assert (image.step, image.width, image.height) == (2, 5, 4)
    assert found.Images("gray")
    assert "config/text_summary" in found.Tags()["tensors"]
    assert "_hparams_/session_start_info" in found.summary_metadata


@pytest.mark.filterwarnings("ignore")  # of torch's tracer
def test_the_graph_is_shown(backend, tmp_path):
    """Traced with the inputs of a batch, as they are or in a mapping."""
    backend.add_graph(torch.nn.Linear(2, 3), {"inputs": torch.ones(1, 2)})
    backend.close()
    assert written(tmp_path).Tags()["graph"]


def test_a_resumed_run_has_no_point_twice(backend, tmp_path):
    """TensorBoard forgets what later steps of the killed run had."""
    for step in range(1, 6):
        backend.add_scalar("loss", step, step)
    backend.close()
    again = TensorboardVisBackend(str(tmp_path / "events"))
    again.resume_from(3)
    again.add_scalar("loss", 40, 4)
    again.close()
    assert [(event.step, event.value) for event in written(tmp_path).Scalars("loss")] == [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 40),
    ]


def test_the_writer_can_be_used_directly(backend):
    """For histograms and whatever else TensorBoard shows."""
    backend.experiment.add_histogram("weights", torch.rand(10), 1)
