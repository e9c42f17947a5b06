"""What the Runner takes, builds, loads and refuses."""

import copy
import os
import re

import pytest
import torch
from torch import nn
from toy_training import Error, Line, loader, points, toy_runner

from eng_checkpoint import StateMismatchError, entries, load_file
from eng_config import Config
from eng_dataset import Loader
from eng_evaluator import Evaluator
from eng_logging import MessageHub
from eng_model import BaseModel
from eng_optim import OptimWrapper, OptimWrapperDict
from eng_registry import LOOPS, MODELS
from eng_runner import (
    BaseLoop,
    DDPStrategy,
    EpochBasedTrainLoop,
    Hook,
    IterBasedTrainLoop,
    Runner,
    SingleDeviceStrategy,
    TestLoop,
    ValLoop,
)


# -- which parts are given -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "missing",
    ["train_dataloader", "train_cfg", "optim_wrapper", "val_dataloader", "val_cfg", "val_evaluator"],
)
def test_a_group_is_given_whole_or_not_at_all(tmp_path, missing):
    """The error names what is there and what is missing."""
    options = {missing: None, **({"param_scheduler": None} if missing == "optim_wrapper" else {})}
    with pytest.raises(ValueError, match=f"either all None or not None.*`{missing}` is missing"):
        toy_runner(tmp_path, **options)


def test_a_schedule_needs_an_optimizer(tmp_path):
    """There is nothing to schedule."""
    with pytest.raises(ValueError, match="should be None"):
        Runner(
            model=Line(), work_dir=str(tmp_path), param_scheduler={"type": "MultiStepLR", "milestones": [1]}
        )


def test_only_what_is_asked_for_is_built(tmp_path):
    """A runner for the test alone, without training; its loop is built when it is needed."""
    test = {"test_dataloader": loader(10, shuffle=False), "test_cfg": {}, "test_evaluator": [Error()]}
    runner = Runner(model=Line(), work_dir=str(tmp_path), **test, log_level="WARNING")
    assert runner.built("test_loop") is None
    assert runner.test()["line/count"] == 10
    assert isinstance(runner.test_loop, TestLoop)
    assert runner.train_loop is None
    assert runner.max_epochs == runner.max_iters == runner.epoch == runner.iter == 0
    for run in (runner.train, runner.val):
        with pytest.raises(RuntimeError, match="needs `"):
            run()


def test_a_training_does_not_build_the_test(tmp_path):
    """Its data set may be large; lines of the log do not need it."""
    test = {"test_dataloader": loader(10, shuffle=False), "test_cfg": {}, "test_evaluator": [Error()]}
    runner = toy_runner(tmp_path, **test)
    runner.train()
    assert runner.built("test_loop") is None


def test_a_model_without_steps_is_refused(tmp_path):
    """The error names the method."""
    with pytest.raises(TypeError, match="Linear has no `train_step`"):
        toy_runner(tmp_path, model=nn.Linear(1, 1)).train()


def test_from_cfg_needs_a_model_and_a_folder(tmp_path):
    """KeyError names what is missing."""
    with pytest.raises(KeyError, match="`model` and `work_dir`"):
        Runner.from_cfg(Config({}))


def test_two_runners_of_one_process_do_not_meet(tmp_path):
    """Names, hubs, loggers and folders are their own."""
    first, second = toy_runner(tmp_path), toy_runner(tmp_path)
    assert len({first.experiment_name, second.experiment_name}) == 2
    assert first.message_hub is not second.message_hub
    assert first.log_dir != second.log_dir
    assert first.visualizer is not second.visualizer


def test_names_and_folders(tmp_path):
    """The configuration is written under its own name; logs are in a folder that is called like the start."""
    path = tmp_path / "line.py"
    path.write_text("answer = 42\n")
    runner = toy_runner(tmp_path / "w", cfg=Config.fromfile(path), experiment_name="mine")
    assert runner.experiment_name == f"mine_{runner.timestamp}"
    assert os.path.exists(tmp_path / "w" / "line.py")
    assert runner.log_dir == str(tmp_path / "w" / runner.timestamp)
    assert runner.message_hub.instance_name == runner.visualizer.instance_name == runner.experiment_name
    assert runner.model_name == "Line"
    assert runner.work_dir == str((tmp_path / "w").absolute())
    assert (runner.rank, runner.world_size, runner.distributed, runner.launcher) == (0, 1, False, "none")


# -- builders -----------------------------------------------------------------------
@MODELS.register_module(force=True)
class WithPreprocessor(BaseModel):
    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.linear = nn.Linear(1, 1)

    def forward(self, inputs, mode="tensor"):
        return self.linear(inputs)


def test_the_preprocessor_is_for_models_given_as_mappings(tmp_path):
    """A model that is built already keeps its own; so does a mapping that names one."""
    normalise = {"type": "ImgDataPreprocessor", "mean": [1.0], "std": [2.0]}
    common = {"val": False, "data_preprocessor": normalise}
    built = toy_runner(tmp_path, model={"type": "WithPreprocessor"}, **common)
    assert type(built.model.data_preprocessor).__name__ == "ImgDataPreprocessor"
    own = toy_runner(tmp_path, model=WithPreprocessor(), **common)
    assert type(own.model.data_preprocessor).__name__ == "BaseDataPreprocessor"


def test_optim_wrappers(tmp_path):
    """A wrapper; a mapping with an optimizer or its configuration; a mapping of built wrappers."""
    runner = toy_runner(tmp_path, val=False)
    sgd = torch.optim.SGD(runner.model.parameters(), lr=0.1)
    built = OptimWrapper(sgd)
    assert runner.build_optim_wrapper(built) is built
    assert runner.build_optim_wrapper({"optimizer": sgd}).optimizer is sgd
    assert runner.build_optim_wrapper({"optimizer": {"type": "SGD", "lr": 0.2}}).get_lr() == {"lr": [0.2]}
    several = runner.build_optim_wrapper({"a": built, "b": built})
    assert isinstance(several, OptimWrapperDict)
    with pytest.raises(ValueError, match="b=str"):
        runner.build_optim_wrapper({"a": built, "b": "SGD"})
    with pytest.raises(TypeError, match="optim_wrapper"):
        runner.build_optim_wrapper([built])


def test_schedules(tmp_path):
    """One, several, or by the name of the optimizer; each needs a type; anything else is refused."""
    runner = toy_runner(tmp_path, val=False)
    step = {"type": "MultiStepLR", "milestones": [1]}
    assert runner.build_param_scheduler(None) == []
    assert [type(s).__name__ for s in runner.build_param_scheduler([step, step])] == ["MultiStepLR"] * 2
    (built,) = runner.build_param_scheduler(step)
    assert runner.build_param_scheduler(built) == [built]
    assert list(runner.build_param_scheduler({"a": step, "b": [step]})) == ["a", "b"]
    with pytest.raises(KeyError, match="needs `type`"):
        runner.build_param_scheduler([{"milestones": [1]}])
    with pytest.raises(TypeError, match="param_scheduler"):
        runner.build_param_scheduler(3)


def test_several_optimizers_share_one_schedule_or_have_their_own(tmp_path):
    """One configuration is built for each of them."""
    runner = toy_runner(tmp_path, val=False, param_scheduler=None)
    model = runner.model
    wrappers = OptimWrapperDict(
        a=OptimWrapper(torch.optim.SGD([model.linear.weight], lr=0.1)),
        b=OptimWrapper(torch.optim.SGD([model.linear.bias], lr=0.2)),
    )
    runner.parts.optim_wrapper = wrappers
    step = {"type": "MultiStepLR", "milestones": [1]}
    assert [len(group) for group in runner.build_param_scheduler(step).values()] == [1, 1]
    assert list(runner.build_param_scheduler({"b": [step]})) == ["b"]


def test_a_schedule_by_epochs_becomes_one_by_iterations(tmp_path):
    """Begin 1 and end 3 epochs of 8 iterations are iterations 8 and 24; the default end is that of the training."""
    runner = toy_runner(tmp_path, val=False)
    cosine = {"type": "CosineAnnealingLR", "begin": 1, "end": 3, "convert_to_iter_based": True}
    (schedule,) = runner.build_param_scheduler(cosine)
    assert (schedule.begin, schedule.end) == (8, 24)
    assert runner.build_param_scheduler({"type": "LinearLR"})[0].end == 3
    assert runner.build_param_scheduler({"type": "LinearLR", "by_epoch": False})[0].end == 24


def test_evaluators(tmp_path):
    """An evaluator, one metric as a mapping, a list; a bare metric is a mistake that says what to do."""
    runner = toy_runner(tmp_path)
    built = Evaluator([Error()])
    assert runner.build_evaluator(built) is built
    assert isinstance(runner.build_evaluator([Error()]), Evaluator)
    assert isinstance(runner.build_evaluator({"type": "Accuracy"}), Evaluator)
    assert isinstance(runner.build_evaluator({"metrics": [{"type": "Accuracy"}]}), Evaluator)
    with pytest.raises(TypeError, match="put it in a list"):
        runner.build_evaluator(Error())
    with pytest.raises(TypeError, match="evaluator"):
        runner.build_evaluator(3)


def test_loops(tmp_path):
    """By `by_epoch` or `type`, not both; a loop stays what it is."""
    runner = toy_runner(tmp_path)
    assert isinstance(runner.build_train_loop({"by_epoch": True, "max_epochs": 1}), EpochBasedTrainLoop)
    loop = runner.build_train_loop({"type": "IterBasedTrainLoop", "max_iters": 1})
    assert isinstance(loop, IterBasedTrainLoop)
    assert runner.build_train_loop(loop) is loop
    assert isinstance(runner.build_val_loop({}), ValLoop)
    with pytest.raises(RuntimeError, match="keep one of them"):
        runner.build_train_loop({"type": "IterBasedTrainLoop", "by_epoch": True, "max_iters": 1})
    with pytest.raises(TypeError, match="train_cfg"):
        runner.build_train_loop("epochs")
    with pytest.raises(TypeError, match="val_cfg"):
        runner.build_val_loop("epochs")


def test_loggers_hubs_visualizers_and_log_processors(tmp_path):
    """Mappings or the objects; anything else is refused by its name."""
    runner = toy_runner(tmp_path)
    assert isinstance(runner.build_message_hub(), MessageHub)
    assert runner.build_message_hub({"name": "another"}).instance_name == "another"
    assert runner.build_visualizer(runner.visualizer) is runner.visualizer
    assert runner.build_log_processor(runner.log_processor) is runner.log_processor
    logger = runner.build_logger("ERROR", str(tmp_path / "own.log"), name="own")
    logger.error("hello")
    assert "hello" in (tmp_path / "own.log").read_text()
    for build, name in (
        (runner.build_message_hub, "message_hub"),
        (runner.build_visualizer, "visualizer"),
        (runner.build_log_processor, "log_processor"),
        (runner.build_model, "model"),
    ):
        with pytest.raises(TypeError, match=f"`{name}` should be"):
            build("a text")


def test_loaders(tmp_path):
    """From mappings, objects and anything that can be walked over; a Loader stays."""
    built = Runner.build_dataloader(loader(), seed=0)
    assert isinstance(built, Loader)
    assert toy_runner(tmp_path).as_loader(built, training=True) is built
    with pytest.raises(TypeError):
        Runner.build_dataloader(3)


def test_wrapping(tmp_path):
    """One process: on the device, synchronised batch norms become plain; a wrapped model takes no other wrapper."""
    runner = toy_runner(tmp_path)
    model = nn.Sequential(nn.SyncBatchNorm(2))
    assert not any(isinstance(part, nn.SyncBatchNorm) for part in runner.wrap_model(None, model).modules())
    assert runner.wrap_model({"type": "MMDistributedDataParallel"}, Line()).__class__ is Line
    wrapped = nn.DataParallel(Line())
    assert runner.wrap_model(None, wrapped) is wrapped
    with pytest.raises(TypeError, match="wrapped by DataParallel already"):
        runner.wrap_model({"type": "MMDistributedDataParallel"}, wrapped)


def test_two_ranks_are_wrapped(tmp_path, ranks):
    """DDP by default, with synchronised batch norms and other wrappers where the configuration asks for them."""

    def body():
        plain = toy_runner(tmp_path / "a")
        other = {"type": "MMSeparateDistributedDataParallel"}
        separate = toy_runner(tmp_path / "b", cfg={"model_wrapper_cfg": other})
        model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2))
        synced = DDPStrategy(sync_bn="torch").convert_model(model)
        return [type(plain.model).__name__, type(separate.model).__name__, type(synced[1]).__name__]

    names = ["MMDistributedDataParallel", "MMSeparateDistributedDataParallel", "SyncBatchNorm"]
    assert ranks(2, body) == [names] * 2


def test_strategies_are_objects_or_mappings(tmp_path):
    """The same runner takes any of them."""
    own = SingleDeviceStrategy()
    assert toy_runner(tmp_path, strategy=own).strategy is own
    assert isinstance(
        toy_runner(tmp_path, strategy={"type": "SingleDeviceStrategy"}).strategy, SingleDeviceStrategy
    )
    with pytest.raises(TypeError, match="`strategy` should be"):
        toy_runner(tmp_path, strategy="fsdp")


# -- learning rates for other batch sizes -----------------------------------------------------------------------
def test_learning_rates_follow_the_batch_size(tmp_path):
    """0.1 was made for 16 samples, a batch has 4; off, nothing happens; without the size it cannot be told."""
    scale = {"enable": True, "base_batch_size": 16}
    runner = toy_runner(tmp_path, val=False, auto_scale_lr=scale, param_scheduler=None)
    runner.prepare()
    assert runner.optim_wrapper.get_lr() == {"lr": [0.025]}
    runner.scale_lr(runner.optim_wrapper, {"enable": False, "base_batch_size": 1})
    assert runner.optim_wrapper.get_lr() == {"lr": [0.025]}
    with pytest.raises(KeyError, match="base_batch_size"):
        runner.scale_lr(runner.optim_wrapper, {"enable": True})
    with pytest.raises(RuntimeError, match="before the schedules are built"):
        runner.scale_lr(runner.optim_wrapper, scale)


# -- loading and resuming -----------------------------------------------------------------------
def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same_weights(left, right):
    return all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def trained(tmp_path):
    """A folder with a finished training, and the weights of its end."""
    runner = toy_runner(tmp_path / "trained", val=False)
    runner.train()
    return tmp_path / "trained", weights(runner.model)


class Start(Hook):
    """Notes the iteration and the weights with which a training begins."""

    def before_train(self, runner):
        self.iter, self.weights = runner.clock.iter, weights(runner.bare_model)


@pytest.mark.parametrize(
    ("resume", "from_file", "iteration"),
    [(False, False, 0), (False, True, 0), (True, False, 24), (True, True, 16)],
)
def test_what_load_from_and_resume_mean(trained, tmp_path, resume, from_file, iteration):
    """Nothing; weights only; the newest checkpoint of the folder; that file with everything in it."""
    folder, end = trained
    start = Start()
    file = str(folder / ("epoch_2.pth" if resume else "epoch_3.pth"))
    work_dir = folder if resume else tmp_path / "new"
    runner = toy_runner(
        work_dir, val=False, resume=resume, load_from=file if from_file else None, custom_hooks=[start],
        train_cfg={"by_epoch": True, "max_epochs": 4},
    )  # fmt: skip
    runner.train()
    assert start.iter == iteration
    assert same_weights(start.weights, end) == ((resume, from_file) in [(False, True), (True, False)])
    assert runner.clock.iter == 32


def test_resume_of_a_folder_without_checkpoints_begins_anew(tmp_path, capsys):
    """And says so."""
    toy_runner(tmp_path, val=False, resume=True, log_level="INFO").train()
    assert "Nothing to resume from" in capsys.readouterr().out


def test_a_finished_run_stays_as_it_is(trained):
    """Resuming it trains nothing and touches no checkpoint."""
    folder, end = trained
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.pth")}
    runner = toy_runner(folder, val=False, resume=True)
    runner.train()
    assert same_weights(weights(runner.model), end)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.pth")} == before


def test_loaded_weights_can_be_edited_first(trained, tmp_path):
    """`after_load_checkpoint` sees the checkpoint before the model does; names can be revised."""
    folder, end = trained

    class Double(Hook):
        def after_load_checkpoint(self, runner, checkpoint):
            checkpoint["state_dict"] = {f"old.{k}": v * 2 for k, v in checkpoint["state_dict"].items()}

    runner = toy_runner(tmp_path / "new", val=False, custom_hooks=[Double()])
    checkpoint = runner.load_checkpoint(str(folder / "epoch_3.pth"), revise_keys=[(r"^old\.", "")])
    assert checkpoint["meta"]["epoch"] == 3
    assert torch.equal(runner.model.linear.weight, end["linear.weight"] * 2)
    assert runner.clock.iter == 0
    assert runner.has_loaded


def test_the_seed_of_the_checkpoint_is_taken_over(trained):
    """The sampler's order is that of the run that saved."""
    folder, _ = trained
    runner = toy_runner(folder, val=False, resume=True, randomness={"seed": 5})
    runner.prepare()
    assert runner.seed == 0
    other = toy_runner(folder, val=False, randomness={"seed": 5})
    other.train_loop  # noqa: B018 - built with the other seed
    with pytest.raises(RuntimeError, match="trained with seed 0"):
        other.resume(str(folder / "epoch_3.pth"))


def test_what_a_checkpoint_holds(trained):
    """The documented entries, as plain data."""
    folder, _ = trained
    state = load_file(folder / "epoch_3.pth")
    documented = {"meta", "state_dict", "message_hub", "optimizer", "param_schedulers"}
    assert {*state} == documented | {"clock", "loader", "loop", "rng", "hooks"} - ({"hooks"} - {*state})
    assert {"epoch", "iter", "cfg", "seed", "experiment_name", "time", "eng_version"} <= {*state["meta"]}
    assert (state["meta"]["epoch"], state["meta"]["iter"]) == (3, 24)


def test_meta_and_edits_of_what_is_saved(tmp_path):
    """`meta` adds entries; a hook may add more; anything but a dict is refused."""

    class Sign(Hook):
        def before_save_checkpoint(self, runner, checkpoint):
            checkpoint["signature"] = "mine"

    runner = toy_runner(tmp_path, val=False, custom_hooks=[Sign()])
    runner.train()
    path = runner.save_checkpoint(str(tmp_path / "out"), "own.pth", meta={"note": 1}, save_optimizer=False)
    state = load_file(path)
    assert (state["meta"]["note"], state["signature"], "optimizer" in state) == (1, "mine", False)
    assert [entry.name for entry in entries(tmp_path / "out")] == ["own.pth"]
    with pytest.raises(TypeError, match="`meta` should be a dict"):
        runner.save_checkpoint(str(tmp_path), "own.pth", meta="note")
    with pytest.raises(ValueError, match="older name"):
        runner.save_checkpoint(str(tmp_path), "own.pth", file_client_args={}, backend_args={})


# -- options beside the arguments -----------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:.*not a leaf Tensor.*:UserWarning")
def test_activation_checkpointing_and_compile(tmp_path):
    """The result is the same to the last bit; the step is compiled with the given arguments."""
    ends = []
    for cfg in ({}, {"activation_checkpointing": ["linear"]}, {"compile": {"backend": "eager"}}):
        torch.manual_seed(0)
        runner = toy_runner(tmp_path / str(len(ends)), model=Line(), val=False, cfg=cfg)
        runner.train()
        ends.append(weights(runner.model))
    assert same_weights(ends[0], ends[1])
    assert same_weights(ends[0], ends[2])


def test_hooks_are_registered_in_order(tmp_path):
    """Defaults can be replaced, removed and added; a table tells the order."""
    runner = toy_runner(tmp_path, default_hooks={"timer": None, "logger": {"interval": 3}, "mine": Start()})
    names = [type(hook).__name__ for hook in runner.hooks]
    assert "IterTimerHook" not in names
    assert names.index("Start") < names.index("CheckpointHook")
    assert "before_train:" in runner.get_hooks_info()
    runner.register_custom_hooks([Start(), {"type": "EmptyCacheHook", "priority": "LOWEST"}])
    assert [type(hook).__name__ for hook in runner.hooks][-1] == "EmptyCacheHook"
    with pytest.raises(ValueError, match="no such default"):
        runner.register_default_hooks({"tmier": None})
    with pytest.raises(TypeError, match="hook"):
        runner.register_hook("EMAHook")


# -- loops of one's own -----------------------------------------------------------------------
@LOOPS.register_module(force=True)
class TwiceLoop(BaseLoop):
    """Every batch twice, with a point of its own."""

    max_epochs = 1
    trains = True

    def __init__(self, runner, dataloader, repeat):
        super().__init__(runner, dataloader)
        self.repeat = repeat
        self.max_iters = repeat * len(self.dataloader)

    def run(self):
        runner = self.runner
        runner.call_hook("before_train")
        for batch in self.batches():
            for _ in range(self.repeat):
                runner.train_step(batch, optim_wrapper=runner.optim_wrapper)
                runner.call_hook("after_one_of_two", number=runner.optim_wrapper.step_count)
        runner.call_hook("after_train")


def test_a_loop_of_ones_own(tmp_path):
    """By registry; it may call any point, hooks without it are passed over."""
    seen = []

    class Watch(Hook):
        def after_one_of_two(self, runner, number):
            seen.append(number)

    runner = toy_runner(
        tmp_path, val=False, param_scheduler=None, train_cfg={"type": "TwiceLoop", "repeat": 2},
        custom_hooks=[Watch()],
    )  # fmt: skip
    runner.train()
    assert seen == list(range(1, 17))


def test_the_data_set_is_the_users(tmp_path):
    """Nothing that was given is changed."""
    data = {**loader(), "dataset": points()}
    before = copy.copy(data)
    toy_runner(tmp_path, val=False, train_dataloader=data).train()
    assert data == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"custom_hooks": {"type": "NonFiniteHook"}}, "`custom_hooks` should be a list of hooks, not dict"),
        (
            {"default_hooks": [{"type": "LoggerHook"}]},
            "`default_hooks` should be a mapping of names to hooks",
        ),
        (
            {"optim_wrapper": {"optimizer": "SGD"}},
            "`optim_wrapper.optimizer` should be an optimizer or a mapping",
        ),
        (
            {"optim_wrapper": {"optimizer": torch.optim.SGD}},
            "`optim_wrapper.optimizer` should be an optimizer or",
        ),
        (
            {"param_scheduler": torch.optim.lr_scheduler.StepLR},
            "`param_scheduler` should be a scheduler of eng_optim",
        ),
        (
            {"resume": "epoch_1.pth"},
            "`resume` should be True or False, with the checkpoint in `load_from`, not str",
        ),
    ],
)
def test_a_part_of_another_kind_is_told_by_its_name(tmp_path, options, told):
    """What it should be and what it is, not what failed inside."""
    with pytest.raises(TypeError, match=re.escape(told)):
        toy_runner(tmp_path, val=False, **options).prepare()


def test_a_work_folder_is_a_path():
    """None is the usual mistake."""
    with pytest.raises(TypeError, match="`work_dir` should be a path, not NoneType"):
        Runner(Line(), None)


def test_a_training_is_not_resumed_from_weights_alone(trained, tmp_path):
    """What the file lacks and how its weights can be used."""
    torch.save({"state_dict": trained[1]}, tmp_path / "weights.pth")
    runner = toy_runner(tmp_path, val=False, resume=True, load_from=str(tmp_path / "weights.pth"))
    with pytest.raises(
        StateMismatchError, match="has no `message_hub`, so no training can be resumed from it"
    ):
        runner.train()


@pytest.mark.parametrize("before", ["SGD", "AdamW"])
def test_a_training_is_not_resumed_with_another_optimizer(tmp_path, before):
    """Its state would mean nothing there."""
    toy_runner(tmp_path, val=False, optim_wrapper={"optimizer": {"type": before, "lr": 0.1}}).train()
    other = {"SGD": "AdamW", "AdamW": "SGD"}[before]
    runner = toy_runner(
        tmp_path, val=False, resume=True, optim_wrapper={"optimizer": {"type": other, "lr": 0.1}}
    )
    with pytest.raises(StateMismatchError, match="another kind of optimizer"):
        runner.train()


def test_a_checkpoint_without_an_optimizer_says_so(tmp_path, capsys):
    """The training goes on, but not as it would have."""
    hooks = {"checkpoint": {"save_optimizer": False}}
    toy_runner(tmp_path, val=False, default_hooks=hooks).train()
    longer = {"by_epoch": True, "max_epochs": 4}
    toy_runner(tmp_path, val=False, default_hooks=hooks, resume=True, train_cfg=longer).train()
    assert "was saved without the optimizer" in capsys.readouterr().out


def test_convolutions_keep_channels_last(tmp_path):
    """From the configuration, through a training and its checkpoint."""

    class Images(BaseModel):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3)

        def forward(self, x, mode):
            return {"loss": self.conv(x).square().mean()}

    def train(**options):
        runner = Runner(
            Images(), str(tmp_path), train_dataloader=[{"x": torch.randn(2, 2, 8, 8)}] * 2,
            train_cfg={"by_epoch": True, "max_epochs": 2}, optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
            cfg={"channels_last": True}, log_level="WARNING", **options,
        )  # fmt: skip
        return runner.train().conv.weight

    first = train()
    assert first.is_contiguous(memory_format=torch.channels_last)
    again = train(resume=True)
    assert again.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, again)
