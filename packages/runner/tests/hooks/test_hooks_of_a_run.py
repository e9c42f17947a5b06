"""The default hooks and the documented ones, each in a real training."""

import json
import math
from pathlib import Path

import pytest
import torch
from toy_training import Error, Line, loader, toy_runner

from eng_checkpoint import entries, load_file
from eng_evaluator import BaseMetric
from eng_runner import CheckpointHook, EarlyStoppingHook, EMAHook, Hook, ProfilerHook


class Watch(Hook):
    """Calls `look(runner)` after each iteration."""

    priority = "LOWEST"

    def __init__(self, look):
        self.look = look

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.look(runner)


class Scores(BaseMetric):
    """One score after another from a list, under each of some names."""

    def __init__(self, scores, names=("acc",)):
        super().__init__(prefix="test")
        self.scores = iter(scores)
        self.names = names

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict.fromkeys(self.names, next(self.scores))


def names(folder):
    return sorted(path.name for path in Path(folder).glob("*.pth"))


# -- checkpoints -----------------------------------------------------------------------------------------------
def saving(folder, *, epochs=3, **options):
    toy_runner(
        folder,
        val=False,
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        default_hooks={"checkpoint": options},
    ).train()
    return names(folder)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"interval": 1}, [1, 2, 3]),
        ({"interval": 2}, [2, 3]),
        ({"interval": 2, "save_last": False}, [2]),
        ({"interval": -1}, [3]),
        ({"interval": -1, "save_last": False}, []),
        ({"interval": 1, "max_keep_ckpts": 2}, [2, 3]),
        ({"interval": 2, "save_begin": 1, "epochs": 5}, [1, 3, 5]),
    ],
)
def test_when_epochs_are_saved(tmp_path, options, expected):
    """Every interval from the beginning on, and at the end; the oldest go."""
    found = saving(tmp_path, **options)
    assert found == (
        [f"epoch_{n}.pth" for n in expected]
        if expected is not None
        else ["iter_16.pth", "iter_24.pth", "iter_8.pth"]
    )


def test_interval_two_from_five_on(tmp_path):
    """5, 7, 9, 11 of eleven epochs."""
    short = {"by_epoch": True, "max_epochs": 11, "limit_batches": 1}
    hook = {"checkpoint": {"interval": 2, "save_begin": 5}}
    toy_runner(tmp_path, val=False, train_cfg=short, default_hooks=hook).train()
    assert [entry.epoch for entry in entries(tmp_path)] == [5, 7, 9, 11]


def test_iterations_names_and_folders(tmp_path):
    """By iteration, under a name of one's own, in a folder of its own below another one."""
    hook = {"interval": 10, "by_epoch": False, "filename_tmpl": "at_{}.pth", "out_dir": str(tmp_path / "out")}
    runner = toy_runner(tmp_path / "run", val=False, default_hooks={"checkpoint": hook})
    runner.train()
    assert names(tmp_path / "out" / "run") == ["at_10.pth", "at_20.pth", "at_24.pth"]
    assert runner.message_hub.get_info("last_ckpt") == str(tmp_path / "out" / "run" / "at_24.pth")


def test_by_epoch_in_iterations_saves_once_at_the_end(tmp_path):
    """Where it is asked for: the only epoch ends with the training. By default it saves after each pass."""
    saves = {"checkpoint": {"by_epoch": True, "interval": 1}}
    train_cfg = {"by_epoch": False, "max_iters": 10}
    toy_runner(tmp_path / "a", val=False, train_cfg=train_cfg, default_hooks=saves).train()
    assert names(tmp_path / "a") == ["epoch_1.pth"]
    toy_runner(tmp_path / "b", val=False, train_cfg=train_cfg).train()
    assert names(tmp_path / "b") == ["iter_10.pth", "iter_8.pth"]
    every = {"checkpoint": {"interval": 4, "save_last": False}}
    toy_runner(tmp_path / "c", val=False, train_cfg=train_cfg, default_hooks=every).train()
    assert names(tmp_path / "c") == ["iter_4.pth", "iter_8.pth"]


def test_a_smaller_limit_holds_from_the_resume_on(tmp_path):
    """What it no longer keeps goes before the training does."""
    saving(tmp_path, interval=1)
    toy_runner(
        tmp_path, val=False, resume=True, default_hooks={"checkpoint": {"interval": 1, "max_keep_ckpts": 1}}
    ).train()
    assert names(tmp_path) == ["epoch_3.pth"]


def scoring(folder, scores, *, metric_names=("acc",), by_epoch=True, **options):
    length = {"max_epochs": len(scores)} if by_epoch else {"max_iters": 4 * len(scores), "val_interval": 4}
    runner = toy_runner(
        folder,
        train_cfg={"by_epoch": by_epoch, **length, **({"limit_batches": 2} if by_epoch else {})},
        val_evaluator=[Scores(scores, metric_names)],
        default_hooks={"checkpoint": {"interval": -1, "save_last": False, "by_epoch": by_epoch, **options}},
    )
    runner.train()
    return runner


def test_the_best_is_kept_alone(tmp_path):
    """A better one replaces it; it has weights, but nothing to train on with."""
    runner = scoring(tmp_path, [0.1, 0.3, 0.2, 0.3, 0.25], save_best="test/acc")
    assert names(tmp_path) == ["best_test_acc_epoch_2.pth"]
    state = load_file(tmp_path / "best_test_acc_epoch_2.pth")
    assert {"optimizer", "param_schedulers"}.isdisjoint(state)
    assert state["meta"]["epoch"] == 2
    assert runner.message_hub.get_info("best_score") == 0.3
    assert runner.message_hub.get_info("best_ckpt").endswith("best_test_acc_epoch_2.pth")


@pytest.mark.parametrize(
    ("options", "best"),
    [
        ({"save_best": "test/acc", "rule": "less"}, 1),
        ({"save_best": "auto"}, 2),
        ({"save_best": "test/acc", "less_keys": "acc", "greater_keys": "loss"}, 1),
    ],
)
def test_what_is_better(tmp_path, options, best):
    """By a rule, by the name, or by keys of one's own; 'auto' takes the first metric."""
    scoring(tmp_path, [0.1, 0.3, 0.2], **options)
    assert names(tmp_path) == [f"best_test_acc_epoch_{best}.pth"]


def test_several_bests(tmp_path):
    """One file and one score for each."""
    keys = ["test/acc", "test/loss"]
    runner = scoring(tmp_path, [0.1, 0.3, 0.2], metric_names=("acc", "loss"), save_best=keys)
    assert names(tmp_path) == ["best_test_acc_epoch_2.pth", "best_test_loss_epoch_1.pth"]
    assert [runner.message_hub.get_info(f"best_score_{key}") for key in keys] == [0.3, 0.1]


def test_the_best_iteration(tmp_path):
    """In iteration-based training the name counts iterations."""
    scoring(tmp_path, [0.1, 0.3, 0.2], by_epoch=False, save_best="test/acc")
    assert names(tmp_path) == ["best_test_acc_iter_8.pth"]


def test_the_best_survives_a_resume(tmp_path):
    """The validation of the last epoch is repeated; a worse score after it does not replace the best."""
    common = {"interval": 1, "save_last": True, "save_best": "test/acc"}
    scoring(tmp_path, [0.1, 0.4], **common)
    runner = toy_runner(
        tmp_path, resume=True, train_cfg={"by_epoch": True, "max_epochs": 3, "limit_batches": 2},
        val_evaluator=[Scores([0.4, 0.3])], default_hooks={"checkpoint": common},
    )  # fmt: skip
    runner.train()
    assert "best_test_acc_epoch_2.pth" in names(tmp_path)
    assert runner.message_hub.get_info("best_score") == 0.4


def test_a_metric_that_is_not_there_is_named(tmp_path):
    """With what there is."""
    with pytest.raises(KeyError, match=r"'acc'.*test/acc"):
        scoring(tmp_path, [0.1], save_best="acc")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"save_begin": -1}, ValueError),
        ({"save_best": ["a", "a"]}, ValueError),
        ({"save_best": ["auto", "a"]}, ValueError),
        ({"save_best": 1}, TypeError),
        ({"save_best": "acc", "rule": "best"}, KeyError),
        ({"save_best": ["acc", "loss"], "rule": ["less"] * 3}, ValueError),
        ({"save_best": "distance"}, ValueError),
        ({"published_keys": ["a", "a"]}, ValueError),
        ({"published_keys": 3}, TypeError),
        ({"file_client_args": {}, "backend_args": {}}, ValueError),
        ({"interval": 1.5}, TypeError),
    ],
)
def test_arguments_that_cannot_be_meant(options, error):
    """Each is refused when the hook is made."""
    with pytest.raises(error):
        CheckpointHook(**options)


def test_copies_for_publication(tmp_path):
    """Last and best, with the keys that were asked for, named by their digest."""
    scoring(
        tmp_path,
        [0.1, 0.3],
        interval=1,
        save_last=True,
        save_best="test/acc",
        published_keys=["meta", "state_dict"],
    )
    published = list(tmp_path.glob("*-????????.pth"))
    assert len(published) == 2
    for path in published:
        assert {*load_file(path)} == {"meta", "state_dict"}


# -- averages ----------------------------------------------------------------------------------------------------
def test_the_average_stands_in_for_the_model_while_validating(tmp_path):
    """In the checkpoint, too: `state_dict` is the average, `ema_state_dict` what is trained."""
    seen = {}

    class Look(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen["trained"] = runner.model.linear.weight.item()

        def before_val_iter(self, runner, batch_idx, data_batch=None):
            seen["validated"] = runner.model.linear.weight.item()

    runner = toy_runner(tmp_path, custom_hooks=[Look(), {"type": "EMAHook", "momentum": 0.1}])
    runner.train()
    state = load_file(tmp_path / "epoch_3.pth")
    assert state["state_dict"]["linear.weight"].item() == seen["validated"]
    assert state["ema_state_dict"]["module.linear.weight"].item() == seen["trained"] != seen["validated"]
    assert state["ema_state_dict"]["steps"] == 24
    assert runner.model.linear.weight.item() == seen["trained"]


def test_before_it_begins_the_average_is_the_model(tmp_path):
    """From the third epoch on they part."""
    apart = []
    hook = EMAHook(begin_epoch=3, momentum=0.1)

    def look(runner):
        average = dict(hook.ema_model.module.named_parameters())["linear.weight"].item()
        apart.append(average != runner.model.linear.weight.item())

    toy_runner(tmp_path, val=False, custom_hooks=[hook, Watch(look)]).train()
    assert apart[:16] == [False] * 16
    assert all(apart[17:])


@pytest.mark.parametrize(
    "options", [{"begin_iter": -1}, {"begin_epoch": -1}, {"begin_iter": 1, "begin_epoch": 1}]
)
def test_beginnings_of_an_average_that_cannot_be_meant(options):
    """Negative, or both."""
    with pytest.raises(ValueError, match="begin_iter"):
        EMAHook(**options)


def test_an_average_that_begins_after_the_end(tmp_path):
    """Is refused before anything is trained."""
    with pytest.raises(ValueError, match="begin_epoch=4"):
        toy_runner(tmp_path, val=False, custom_hooks=[EMAHook(begin_epoch=4)]).train()


def test_weights_without_an_average_start_one(tmp_path):
    """`load_from` a plain checkpoint: the average begins with its weights."""
    toy_runner(tmp_path / "a", val=False).train()
    plain = load_file(tmp_path / "a" / "epoch_3.pth")["state_dict"]
    hook = EMAHook(begin_epoch=3)

    class Look(Hook):
        def before_train(self, runner):
            self.same = all(
                torch.equal(hook.ema_model.module.state_dict()[name], plain[name]) for name in plain
            )

    look = Look()
    toy_runner(
        tmp_path / "b", val=False, load_from=str(tmp_path / "a" / "epoch_3.pth"), custom_hooks=[hook, look]
    ).train()
    assert look.same


# -- stopping early ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "scores", "epochs"),
    [
        ({"patience": 2, "min_delta": 0.1}, [0.1, 0.3, 0.3, 0.35, 0.9, 0.9], 4),
        ({"patience": 2, "min_delta": 0.25}, [0.25, 0.5, 0.5, 0.75, 0.75, 0.75], 3),
        ({"patience": 2, "min_delta": 0.2}, [0.25, 0.5, 0.5, 0.75, 0.75, 0.75], 6),
        ({"patience": 3, "min_delta": 0.0}, [0.5] * 6, 4),
        ({"stopping_threshold": 0.5}, [0.1, 0.6, 0.7], 2),
        ({"patience": 1, "rule": "less", "min_delta": 0.0}, [0.5, 0.4, 0.6, 0.1], 3),
        ({}, [0.5, math.nan, 0.6], 2),
        ({"check_finite": False, "patience": 2}, [0.5, math.nan, math.nan, 0.6], 3),
    ],
)
def test_when_a_training_stops_early(tmp_path, options, scores, epochs):
    """An improvement of exactly `min_delta` counts; NaN and a reached threshold end at once."""
    runner = toy_runner(
        tmp_path,
        train_cfg={"by_epoch": True, "max_epochs": len(scores), "limit_batches": 1},
        val_evaluator=[Scores(scores)],
        custom_hooks=[{"type": "EarlyStoppingHook", "monitor": "test/acc", **options}],
    )
    runner.train()
    assert runner.clock.epoch == epochs


def test_early_stopping_goes_on_counting_after_a_resume(tmp_path):
    """Two validations without improvement before the stop and one after make three."""
    hook = {"type": "EarlyStoppingHook", "monitor": "test/acc", "patience": 3}
    common = {"default_hooks": {"checkpoint": {"interval": 1}}, "custom_hooks": [hook]}
    short = {"by_epoch": True, "limit_batches": 1}
    toy_runner(
        tmp_path, train_cfg={**short, "max_epochs": 3}, val_evaluator=[Scores([0.5, 0.5, 0.5])], **common
    ).train()
    # the last checkpoint is from before the third validation, which is repeated
    runner = toy_runner(
        tmp_path,
        resume=True,
        train_cfg={**short, "max_epochs": 9},
        val_evaluator=[Scores([0.5] * 9)],
        **common,
    )
    runner.train()
    assert runner.clock.epoch == 4


def test_what_early_stopping_cannot_judge(tmp_path):
    """A name that does not tell, a rule that is none; a metric that is missing, strictly or not."""
    with pytest.raises(ValueError, match="rule"):
        EarlyStoppingHook(monitor="distance")
    with pytest.raises(ValueError, match="rule"):
        EarlyStoppingHook(monitor="acc", rule="best")
    for strict in (False, True):
        runner = toy_runner(
            tmp_path / str(strict),
            custom_hooks=[{"type": "EarlyStoppingHook", "monitor": "acc", "strict": strict}],
        )
        if strict:
            with pytest.raises(RuntimeError, match=r"monitors 'acc'.*line/error"):
                runner.train()
        else:
            runner.train()
            assert runner.clock.epoch == 3


# -- the others --------------------------------------------------------------------------------------------------
def test_schedules_move_with_iterations_epochs_and_metrics(tmp_path):
    """By iteration also where the optimizer does not step; by epoch; by a metric after each validation."""
    rates = []
    runner = toy_runner(
        tmp_path,
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 1.0}, "accumulative_counts": 4},
        param_scheduler={"type": "MultiStepLR", "milestones": [1, 3], "by_epoch": False, "gamma": 0.1},
        custom_hooks=[Watch(lambda runner: rates.append(runner.optim_wrapper.get_lr()["lr"][0]))],
        train_cfg={"by_epoch": True, "max_epochs": 2},
    )
    runner.train()
    assert rates == pytest.approx([0.1] * 2 + [0.01] * 14)
    plateau = {
        "type": "ReduceOnPlateauLR",
        "monitor": "test/acc",
        "rule": "greater",
        "patience": 0,
        "factor": 0.5,
    }
    runner = toy_runner(
        tmp_path / "b", param_scheduler=plateau, val_evaluator=[Scores([0.5, 0.4, 0.3])],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 1.0}},
    )  # fmt: skip
    runner.train()
    assert runner.optim_wrapper.get_lr()["lr"] == [0.25], "it has no end, so the last validation counts too"


def test_two_constant_factors_one_epoch_apart(tmp_path):
    """Each holds from its beginning to the third epoch: 0.5, 0.25, and 1 again after both."""
    rates = []
    halves = [{"type": "ConstantLR", "factor": 0.5, "begin": begin, "end": 3} for begin in (0, 1)]

    class Look(Hook):
        def before_train_epoch(self, runner):
            rates.append(runner.optim_wrapper.get_lr()["lr"][0])

    toy_runner(
        tmp_path, val=False, param_scheduler=halves, custom_hooks=[Look()],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 1.0}},
    ).train()  # fmt: skip
    assert rates == [0.5, 0.25, 1.0]


def test_facts_of_a_run_are_in_its_history(tmp_path):
    """Stage, lengths, rates, losses; metrics of one number as scalars, others as information."""

    class Mixed(Error):
        def compute_metrics(self, results):
            return {**super().compute_metrics(results), "each": [1, 2], "array": torch.ones(1)}

    stages = []

    class Look(Hook):
        def before_val_iter(self, runner, batch_idx, data_batch=None):
            stages.append(runner.message_hub.get_info("loop_stage"))

    watch = Watch(lambda runner: stages.append(runner.message_hub.get_info("loop_stage")))
    runner = toy_runner(
        tmp_path,
        val_evaluator=[Mixed()],
        custom_hooks=[watch, Look()],
    )
    runner.train()
    hub = runner.message_hub
    assert set(stages) == {"train", "val"}
    assert (hub.get_info("max_epochs"), hub.get_info("max_iters"), hub.get_info("seed")) == (3, 24, 0)
    assert hub.get_info("experiment_name") == runner.experiment_name
    assert hub.get_info("val/line/each") == [1, 2]
    assert hub.get_scalar("val/line/array").current() == 1
    assert hub.get_scalar("train/lr").current() == pytest.approx(0.1)
    assert math.isfinite(hub.get_scalar("train/loss").current())


def test_times_and_the_estimate_of_the_end(tmp_path):
    """At the end nothing is left; each iteration has its time."""
    left = []
    runner = toy_runner(
        tmp_path, val=False, custom_hooks=[Watch(lambda r: left.append(r.message_hub.get_info("eta")))]
    )
    runner.train()
    assert len(left) == 24
    assert left[-1] == 0
    assert left[0] > 0
    assert runner.message_hub.get_scalar("train/time").current() > 0
    assert runner.message_hub.get_scalar("train/data_time").current() >= 0


def test_another_order_in_every_epoch(tmp_path):
    """A loader that was given as an object has its sampler told."""
    epochs = []

    class Sampler(torch.utils.data.SequentialSampler):
        def set_epoch(self, epoch):
            epochs.append(epoch)

    data = toy_runner(tmp_path).build_dataloader(loader()).dataset
    given = torch.utils.data.DataLoader(data, batch_size=8, sampler=Sampler(data))
    toy_runner(tmp_path, val=False, train_dataloader=given).train()
    assert sorted(set(epochs)) == [0, 1, 2]


def test_buffers_are_averaged_over_ranks(tmp_path, ranks):
    """After each epoch both processes have the same statistics."""

    class WithNorm(Line):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(1)

        def forward(self, x, y, mode):
            return super().forward(self.norm(x), y, mode)

    def body():
        runner = toy_runner(tmp_path, model=WithNorm(), custom_hooks=[{"type": "SyncBuffersHook"}])
        runner.train()
        return runner.bare_model.norm.running_mean.tolist(), runner.bare_model.norm.running_var.tolist()

    first, second = ranks(2, body)
    assert first == second


@pytest.mark.parametrize(
    "options",
    [
        {"profile_times": 0},
        {"profile_times": 2},
        {"on_trace_ready": "log_trace"},
        {"on_trace_ready": {"type": "text"}},
    ],
)
def test_profiles_that_cannot_be_meant(options):
    """None; several epochs; an unknown handler."""
    with pytest.raises(ValueError, match=r"profile|on_trace_ready"):
        ProfilerHook(**options)
    with pytest.raises(TypeError):
        ProfilerHook(schedule={})


def test_a_profile(tmp_path):
    """Of some iterations, in the log, and as a file that Chrome shows; never longer than the training."""
    tables = []
    hook = {"type": "ProfilerHook", "by_epoch": False, "profile_times": 3, "json_trace_path": "trace.json"}
    runner = toy_runner(tmp_path, val=False, custom_hooks=[{**hook, "on_trace_ready": tables.append}])
    runner.train()
    assert len(tables) == 1
    trace = json.loads(Path(runner.log_dir, "trace.json").read_text())
    assert any("addmm" in event.get("name", "") for event in trace["traceEvents"])
    with pytest.raises(ValueError, match="24 iterations"):
        toy_runner(tmp_path, val=False, custom_hooks=[{**hook, "profile_times": 25}]).train()
    with pytest.raises(TypeError):
        ProfilerHook(schedule={"wait": 1, "unknown": 2})
