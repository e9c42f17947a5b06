import pytest

from eng_visualization import force_init_env
from eng_visualization.backends.tracker import Tracker

SERVER = {}
"""What a server knows: the records of each run by its id."""


class Notebook(Tracker):
    """A tracker whose server is the dictionary above."""

    id_file = "notebook_id"

    def _begin(self, known):
        self.id = known or f"run{len(SERVER)}"
        SERVER.setdefault(self.id, [])
        return self.id

    def _keep_config(self, config):
        SERVER[self.id].append(config)

    def _end(self):
        SERVER[self.id].append("end")

    @property
    @force_init_env
    def experiment(self):
        return SERVER[self.id]

    @force_init_env
    def add_scalar(self, name, value, step=0, **kwargs):
        SERVER[self.id].append((step, value))


@pytest.fixture(autouse=True)
def _empty_server():
    SERVER.clear()


def test_the_configuration_waits_for_the_first_record(tmp_path):
    """It comes before it; a second one comes at once."""
    tracker = Notebook(tmp_path)
    tracker.add_config("lr = 0.1")
    assert SERVER == {}
    tracker.add_scalar("loss", 0.5, 1)
    tracker.add_config("lr = 0.2")
    tracker.close()
    tracker.close()
    assert SERVER == {"run0": ["lr = 0.1", (1, 0.5), "lr = 0.2", "end"]}


def test_asking_for_the_experiment_begins_the_run(tmp_path):
    """As a record does."""
    tracker = Notebook(tmp_path)
    tracker.add_config("lr = 0.1")
    assert tracker.experiment == ["lr = 0.1"]


def test_a_configuration_alone_leaves_no_run(tmp_path):
    """A test of a model has one, and nothing to be tracked."""
    tracker = Notebook(tmp_path)
    tracker.add_config("lr = 0.1")
    tracker.close()
    assert SERVER == {}
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_goes_on_under_its_id(tmp_path):
    """Though each start has a folder of its own, and says that it is resumed only after its configuration."""
    for start, resumed in (("20260101_100000", False), ("20260101_110000", True), ("20260101_120000", False)):
        tracker = Notebook(tmp_path / start / "vis_data")
        tracker.add_config(start)
        if resumed:
            tracker.resume_from(10)
        tracker.add_scalar("loss", 0.5, 11)
        tracker.close()
    assert SERVER == {
        "run0": ["20260101_100000", (11, 0.5), "end", "20260101_110000", (11, 0.5), "end"],
        "run1": ["20260101_120000", (11, 0.5), "end"],
    }


def test_without_a_folder_there_is_no_id_to_remember():
    """Each start is a run then."""
    for _ in range(2):
        tracker = Notebook(None)
        tracker.resume_from(1)
        tracker.add_scalar("loss", 0.5, 1)
        tracker.close()
    assert sorted(SERVER) == ["run0", "run1"]
