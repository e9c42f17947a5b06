"""What happens around the loops: a run is prepared, takes over its weights, runs, and ends.

`train` and `evaluate` are the order of it, to be read from top to bottom. What happens inside of a loop is in
`engine/loops/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from torch import nn

from eng_checkpoint import load_checkpoint
from eng_dataset import Loader
from eng_dist import abort_on_error, broadcast_object_list, is_main_process
from eng_logging import LoggingHandle

from .engine.aliases import Metrics
from .engine.hook_list import Hooks
from .engine.optimizer_hooks import observed
from .engine.out_of_memory import explain_out_of_memory
from .engine.run import Run, is_configured, wrappers_of
from .engine.saving import SaveRequest
from .engine.stop import Interrupted, Stop, in_notebook
from .plan.assembly import MODES
from .plan.learning_rate import scale_of
from .plan.model_options import ModelOptions
from .plan.parts import Parts
from .plan.resume_report import ResumeReport, report_of
from .state.collect import collect
from .state.restore import Checkpoint, read, restore
from .state.start_point import Stage, StartPoint
from .state.work_dir_lock import WorkDirInUseError, locked
from .state.workspace import archive_previous
from .state.write import write


class Managed(Run, Protocol):
    """A run with what its beginning and its end need."""

    parts: Parts
    start_point: StartPoint
    model_options: ModelOptions
    hook_list: Hooks
    log_handle: LoggingHandle
    resume_report: ResumeReport | None
    auto_scale_lr: Any
    arguments: dict[str, Any]
    seed_before: int
    stop: Stop

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: Any = None) -> None: ...
    def load_or_resume(self) -> None: ...
    def load_checkpoint(self, filename: str) -> Any: ...


def train(run: Managed) -> nn.Module:
    """Train, or continue a training, to the end; returns the model.

    Raises Interrupted where a signal has asked for the end, unless in a notebook.
    """
    prepare(run, "train")
    stopped: Interrupted | None = None
    with running(run):
        run.call_hook("before_run")
        if run.start_point.stage is Stage.FRESH:
            _warn_of_other_seed(run)
            run.strategy.init_weights(run.model)
            archive_previous(run.work_dir, run.timestamp)
        run.model_options.switch_modules(run.bare_model)
        run.load_or_resume()
        run.train_step = run.model_options.compiled(_method(run.model, "train_step"))
        run.optim_wrapper.initialize_count_status(run.model, run.clock.iter, run.max_iters or -1)
        try:
            max_time = getattr(run.train_loop, "max_time", None)
            with observed(run), run.stop.listening(run, max_time=max_time):
                run.train_loop.run()
        except Interrupted as interruption:
            stopped = interruption
        run.call_hook("after_run")
    if stopped is not None and stopped.code and not in_notebook():
        raise stopped
    return run.model


def _warn_of_other_seed(run: Managed) -> None:
    """Warn if the initial weights do not follow from the seed, so that two equal runs would differ."""
    seed = (run.arguments["randomness"] or {}).get("seed")
    model = run.arguments["model"]
    if seed is None or not isinstance(model, nn.Module) or run.start_point.load_from is not None:
        return
    if getattr(model, "seed_at_init", run.seed_before) == seed:
        return
    run.logger.warning(
        "`randomness` sets the seed to %d, but the model was made under another seed: its initial weights differ "
        "from start to start. Call `eng_runner.set_random_seed(%d)` before you make the model, or give it as a mapping",
        seed, seed,
    )  # fmt: skip


def evaluate(run: Managed, mode: str) -> Metrics:
    """Validate or test once; returns the metrics."""
    prepare(run, mode)
    with running(run):
        run.call_hook("before_run")
        run.load_or_resume()
        metrics: Metrics = getattr(run, f"{mode}_loop").run()
        run.call_hook("after_run")
    return metrics


def prepare(run: Managed, mode: str) -> None:
    """Read the checkpoint that `resume` asks for and build every part of a mode.

    Whatever is wrong with a part shows here, before anything runs. Raises RuntimeError for a mode that is not
    configured, TypeError for a model without the step of the mode.
    """
    if not run.parts.is_configured(mode):
        loader, loop, needs = MODES[mode]
        raise RuntimeError(f"{mode}() needs `{loader}`, `{loop}` and `{needs}`")
    _method(run.model, f"{mode}_step")
    with blamed(run):
        run.start_point.settle(run)
    if mode != "train":
        getattr(run, f"{mode}_loop")
        return
    if run.built("optim_wrapper") is None:
        run.scale_lr(run.optim_wrapper, run.auto_scale_lr)
    run.param_schedulers  # noqa: B018 - built now, so that a mistake in it shows now
    if is_configured(run.val_loop):
        _method(run.model, "val_step")


def load_or_resume(run: Managed) -> None:
    """Load weights or continue a run, as its start point asks for; only the first call does anything."""
    start = run.start_point
    start.settle(run)
    checkpoint = start.take_checkpoint()
    if checkpoint is not None:
        _continue_from(run, checkpoint)
    elif start.stage is Stage.FRESH and start.load_from is not None:
        run.load_checkpoint(start.load_from)
    start.done()


def load_weights(
    run: Managed, filename: str, map_location: Any, strict: bool, revise_keys: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Load only weights; loops, optimizer and schedules stay as they are. Returns the checkpoint."""

    def edit(checkpoint: dict[str, Any]) -> dict[str, Any]:
        checkpoint = run.strategy.placed(checkpoint, run.bare_model)
        run.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        return checkpoint

    checkpoint = load_checkpoint(
        run.bare_model, filename, map_location=map_location, strict=strict, revise_keys=list(revise_keys), edit=edit
    )  # fmt: skip
    run.start_point.done()
    run.logger.info("Loaded weights from %s", filename)
    return checkpoint


def resume(run: Managed, filename: str, optimizer: bool, param_scheduler: bool, map_location: Any) -> None:
    """Continue from a checkpoint: weights, optimizer, schedules, clock, loader, hooks, history and random states."""
    run.start_point.resume = True
    checkpoint = read(run, filename, map_location=map_location)
    _continue_from(run, checkpoint, optimizer=optimizer, param_scheduler=param_scheduler)
    run.start_point.done()


def _continue_from(
    run: Managed, checkpoint: Checkpoint, *, optimizer: bool = True, param_scheduler: bool = True
) -> None:
    restore(run, checkpoint, optimizer=optimizer, param_scheduler=param_scheduler)
    run.resume_report = report_of(run, checkpoint.path, checkpoint.state.get("meta", {}).get("facts"))


def save(run: Managed, request: SaveRequest) -> str:
    """Collect and write a checkpoint, and let the hooks know; returns its path.

    A save in the background is finished by the hook that has its saver, which calls `after_save_checkpoint` then.
    """
    checkpoint = collect(run, request)
    run.call_hook("before_save_checkpoint", checkpoint=checkpoint)
    path = write(run, checkpoint, request)
    if request.saver is None:
        run.call_hook("after_save_checkpoint", path=path)
    return path


def scale_learning_rates(run: Managed, optim_wrapper: Any, auto_scale_lr: Any) -> None:
    """Multiply every learning rate by the ratio of `auto_scale_lr`. Raises RuntimeError if schedules are built."""
    if not auto_scale_lr or not auto_scale_lr.get("enable", False):
        return
    of_one = run.train_loop.dataloader.batch_size
    ratio = scale_of(auto_scale_lr, batch_size=of_one, world_size=run.world_size)
    if run.built("param_schedulers") is not None:
        raise RuntimeError(
            "the learning rate must be scaled before the schedules are built, they start from it"
        )
    run.logger.info(
        "Learning rates are multiplied by %g (batch size %d over all ranks)", ratio, (of_one or 1) * run.world_size
    )  # fmt: skip
    for wrapper in wrappers_of(optim_wrapper).values():
        for group in wrapper.param_groups:
            group["lr"] *= ratio


@contextmanager
def alone_in_work_dir(run: Managed) -> Iterator[None]:
    """Hold the work folder; where the first process cannot, none of them continues.

    Raises WorkDirInUseError while another run trains there.
    """
    with ExitStack() as stack:
        refusal: list[str | None] = [None]
        if is_main_process():
            try:
                stack.enter_context(locked(run.work_dir, name=run.experiment_name))
            except WorkDirInUseError as error:
                refusal = [str(error)]
        broadcast_object_list(refusal, src=0)
        if refusal[0] is not None:
            raise WorkDirInUseError(refusal[0])
        yield


@contextmanager
def running(run: Managed) -> Iterator[None]:
    """End all ranks by an exception on one, let the hooks know of it, and close what is open; workers always end."""
    try:
        with blamed(run), run.building(), run.log_handle.as_current(), abort_on_error():
            yield
    except BaseException as exception:
        explain_out_of_memory(exception, run)
        run.hook_list.tell_of(exception, run)
        run.visualizer.close()
        raise
    finally:
        for mode in ("train", "val", "test"):
            loop = run.built(f"{mode}_loop")
            for part in getattr(loop, "sets", {"": loop}).values():
                if isinstance(loader := getattr(part, "dataloader", None), Loader):
                    loader.close()


@contextmanager
def blamed(run: Managed) -> Iterator[None]:
    """Name the hook that an exception comes from, in a note."""
    try:
        yield
    except BaseException as exception:
        run.hook_list.blame(exception)
        raise


def _method(model: nn.Module, name: str) -> Callable[..., Any]:
    method: Callable[..., Any] | None = getattr(model, name, None)
    if method is None:
        bare = getattr(model, "module", model)
        raise TypeError(
            f"the model {type(bare).__name__} has no `{name}`; subclass eng_model.BaseModel or define it"
        )
    return method
