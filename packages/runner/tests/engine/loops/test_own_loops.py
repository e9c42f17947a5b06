"""Loops that a user has written: what they override is called, and what they do not override works from there."""

import pytest
import torch
from toy_training import loader, toy_runner

from eng_checkpoint import get_state_dict
from eng_registry import LOOPS
from eng_runner import BaseLoop, EpochBasedTrainLoop, Hook, Interrupted, IterBasedTrainLoop, ValLoop


@pytest.fixture
def registered():
    """Registers a loop under its class name for one test."""
    names = []

    def register(cls):
        LOOPS.register_module(module=cls, force=True)
        names.append(cls.__name__)
        return cls.__name__

    yield register
    for name in names:
        LOOPS.module_dict.pop(name, None)


class Positions(Hook):
    """Notes (epoch, iter, clock.epoch, clock.iter) after each iteration and each epoch."""

    def __init__(self):
        self.iterations = []
        self.epochs = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.iterations.append((runner.epoch, runner.iter, runner.clock.iter))

    def after_train_epoch(self, runner):
        self.epochs.append((runner.epoch, runner.clock.epoch))


class CountsIterations(EpochBasedTrainLoop):
    """Overrides `run_iter`, and goes on with the documented one."""

    def run_iter(self, idx, data_batch):
        self.__dict__.setdefault("indices", []).append(idx)
        super().run_iter(idx, data_batch)


class OwnEpoch(EpochBasedTrainLoop):
    """Overrides `run_epoch` as the documents show it."""

    def run_epoch(self):
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for idx, data_batch in enumerate(self.dataloader):
            self.run_iter(idx, data_batch)
        self.runner.call_hook("after_train_epoch")


class OwnRun(EpochBasedTrainLoop):
    """Overrides `run` with the order of epochs and validations."""

    def run(self):
        self.runner.call_hook("before_train")
        while self.epoch < self.max_epochs and not self.stop_training:
            self.run_epoch()
            self.runner.val_loop.run()
        self.runner.call_hook("after_train")
        return self.runner.model


class OwnIteration(EpochBasedTrainLoop):
    """Overrides `run_iter` wholly: points, step and all."""

    def run_iter(self, idx, data_batch):
        runner = self.runner
        runner.call_hook("before_train_iter", batch_idx=idx, data_batch=data_batch)
        outputs = runner.model.train_step(data_batch, optim_wrapper=runner.optim_wrapper)
        runner.call_hook("after_train_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs)


class FromTheBase(BaseLoop):
    """A training loop on `BaseLoop` that calls the documented points, with counters of its own."""

    def __init__(self, runner, dataloader, max_epochs):
        super().__init__(runner, dataloader)
        self.max_epochs = max_epochs

    def run(self):
        runner = self.runner
        runner.call_hook("before_train")
        while runner.clock.epoch < self.max_epochs:
            runner.call_hook("before_train_epoch")
            runner.model.train()
            for idx, batch in enumerate(self.dataloader, start=self.dataloader.batch):
                runner.call_hook("before_train_iter", batch_idx=idx, data_batch=batch)
                outputs = runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)
                runner.call_hook("after_train_iter", batch_idx=idx, data_batch=batch, outputs=outputs)
            runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model


class OwnIterations(IterBasedTrainLoop):
    """Overrides `run_iter` of a training by iterations."""

    def run_iter(self, data_batch):
        self.__dict__.setdefault("sizes", []).append(len(data_batch[0]))
        super().run_iter(data_batch)


def trained(tmp_path, name, **options):
    positions = Positions()
    train_cfg = options.pop("train_cfg", {"max_epochs": 3})
    options.setdefault("custom_hooks", [positions])
    torch.manual_seed(0)  # the model is made before the runner seeds
    runner = toy_runner(tmp_path, train_cfg={"type": name, **train_cfg}, **options)
    runner.train()
    return runner, positions


def weights(runner):
    return {name: value.clone() for name, value in get_state_dict(runner.bare_model).items()}


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.mark.parametrize("cls", [CountsIterations, OwnEpoch, OwnRun, OwnIteration, FromTheBase])
def test_it_trains_as_the_loop_that_ships(tmp_path, registered, cls):
    """The same weights, the same positions at every point, the same checkpoints."""
    plain, positions = trained(tmp_path / "a", "EpochBasedTrainLoop")
    own, found = trained(tmp_path / "b", registered(cls))
    assert_equal(weights(own), weights(plain))
    assert found.iterations == positions.iterations
    assert found.epochs == positions.epochs
    assert own.clock.state_dict() == plain.clock.state_dict()
    assert sorted(p.name for p in (tmp_path / "b").glob("*.pth")) == [
        "epoch_1.pth", "epoch_2.pth", "epoch_3.pth",
    ]  # fmt: skip


def test_run_iter_is_called_for_every_batch(tmp_path, registered):
    """With the index of the batch in its epoch."""
    runner, _ = trained(tmp_path, registered(CountsIterations))
    assert runner.train_loop.indices == [*range(8)] * 3


def test_run_iter_of_iterations(tmp_path, registered):
    """Also in a training by iterations, over the end of a pass."""
    runner, _ = trained(tmp_path, registered(OwnIterations), train_cfg={"max_iters": 11}, val=False)
    assert runner.train_loop.sizes == [4] * 11
    assert runner.clock.iter == 11


@pytest.mark.parametrize("cls", [CountsIterations, OwnEpoch, OwnRun, OwnIteration, FromTheBase])
@pytest.mark.parametrize("stop", [3, 8, 11])
def test_it_resumes_exactly(tmp_path, registered, cls, stop):
    """Stopped by a signal within an epoch or at its end, and resumed: bitwise the weights of a run without a break."""

    class StopAt(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.clock.iter == stop:
                runner.stop.request("SIGTERM")

    name = registered(cls)
    whole, _ = trained(tmp_path / "a", name)
    with pytest.raises(Interrupted):
        trained(tmp_path / "b", name, custom_hooks=[StopAt()])
    resumed, positions = trained(tmp_path / "b", name, resume=True)
    assert positions.iterations[0][2] == stop + 1
    assert_equal(weights(resumed), weights(whole))
    assert resumed.clock.state_dict() == whole.clock.state_dict()


def test_a_method_set_on_the_loop_itself(tmp_path):
    """Whoever wraps `run_iter` of one loop is called too."""
    runner = toy_runner(tmp_path, val=False)
    loop, calls = runner.train_loop, []
    plain = loop.run_iter
    loop.run_iter = lambda idx, data_batch: (calls.append(idx), plain(idx, data_batch))
    runner.train()
    assert len(calls) == 24


class OwnValidation(ValLoop):
    """Overrides `run` and calls `run_iter` for each batch, twice over the data."""

    def run(self):
        runner = self.runner
        runner.call_hook("before_val")
        runner.call_hook("before_val_epoch")
        runner.model.eval()
        for idx, data_batch in enumerate(self.dataloader):
            self.run_iter(idx, data_batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        runner.call_hook("after_val_epoch", metrics=metrics)
        runner.call_hook("after_val")
        return metrics


class CountsPredictions(ValLoop):
    """Overrides `run_iter` of a validation."""

    def run_iter(self, idx, data_batch):
        self.__dict__.setdefault("indices", []).append(idx)
        super().run_iter(idx, data_batch)


@pytest.mark.parametrize("cls", [OwnValidation, CountsPredictions])
def test_a_validation_of_ones_own(tmp_path, registered, cls):
    """The same metrics as the validation that ships, without gradients and in eval mode."""
    torch.manual_seed(0)
    plain = toy_runner(tmp_path / "a")
    plain.train()
    torch.manual_seed(0)
    own = toy_runner(tmp_path / "b", val_cfg={"type": registered(cls)})
    own.train()
    assert own.val_loop.run() == plain.val_loop.run()
    assert own.val() == plain.val()


def test_run_iter_of_a_validation_is_called(tmp_path, registered):
    """For every batch."""
    runner = toy_runner(tmp_path, val_cfg={"type": registered(CountsPredictions)})
    runner.val()
    assert runner.val_loop.indices == [0, 1, 2]


def test_a_loop_that_is_no_base_loop(tmp_path, registered):
    """A class with `run` alone, on a loader that it builds itself, moves the clock by its points too."""

    class Bare:
        def __init__(self, runner, dataloader):
            self.runner = runner
            self.dataloader = runner.build_dataloader(dataloader, seed=0)

        def run(self):
            runner = self.runner
            runner.call_hook("before_train")
            runner.call_hook("before_train_epoch")
            for idx, batch in enumerate(self.dataloader):
                outputs = runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)
                runner.call_hook("after_train_iter", batch_idx=idx, data_batch=batch, outputs=outputs)
            runner.call_hook("after_train_epoch")
            runner.call_hook("after_train")

    runner = toy_runner(
        tmp_path, train_cfg={"type": registered(Bare)}, val=False, train_dataloader=loader(16), param_scheduler=None
    )  # fmt: skip
    runner.train()
    assert (runner.clock.epoch, runner.clock.iter, runner.clock.step) == (1, 4, 4)
