"""Tests of downstream packages derive from this one."""

import os

from mmengine.logging import MMLogger
from mmengine.testing import RunnerTestCase


class TestDerived(RunnerTestCase):
    """A test case of another package."""

    def test_epochs(self):
        """Two epochs of four iterations, validated after each."""
        runner = self.build_runner(self.epoch_based_cfg)
        runner.train()
        assert [runner.epoch, runner.iter] == [2, 8]
        assert runner.val() == {"acc": 1.0}

    def test_iterations(self):
        """Twelve iterations."""
        self.iter_based_cfg.test_evaluator.dummy_metrics = {"score": 0.5}
        runner = self.build_runner(self.iter_based_cfg)
        runner.train()
        assert runner.iter == 12
        assert runner.test() == {"score": 0.5}

    def test_names_are_new(self):
        """Every runner gets its own."""
        assert self.experiment_name != self.experiment_name

    def test_the_environment_comes_back(self):
        """Whatever the test says there, the next one does not see it."""
        self.setup_dist_env()
        assert os.environ["WORLD_SIZE"] == "1"
        self.tearDown()
        assert "MASTER_PORT" not in os.environ
        assert not MMLogger._instance_dict

    def test_the_folder_is_emptied(self):
        """And still there."""
        folder = self.epoch_based_cfg.work_dir
        open(os.path.join(folder, "a"), "w").close()
        self.clear_work_dir()
        assert os.listdir(folder) == []
