"""BaseModel: modes, steps, the preprocessor it brings along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from eng_model import BaseDataPreprocessor, BaseModel, ImgDataPreprocessor, ModuleDict


class Line(BaseModel):
    """`y = w x`, with the loss of least squares."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fit = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.fit.weight, 2.0)

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> Any:
        y = self.fit(inputs)
        if mode == "loss":
            return {"loss": functional.mse_loss(y, data_samples), "acc": torch.tensor(0.5)}
        return [mode, y]


class PlainWrapper:
    """The smallest thing that `train_step` can train with; it remembers what happened in which order."""

    def __init__(self, model: nn.Module) -> None:
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        self.events: list[Any] = []

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        self.events.append(("enter", type(model).__name__))
        yield
        self.events.append("leave")

    def update_params(self, loss: Tensor) -> None:
        self.events.append(("update", loss.requires_grad))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


BATCH = {"inputs": torch.ones(2, 1), "data_samples": torch.zeros(2, 1)}


def test_train_step_learns_and_returns_what_to_log() -> None:
    """One step of least squares: loss 4, gradient 4, learning rate 0.1."""
    model = Line()
    log_vars = model.train_step(BATCH, PlainWrapper(model))
    assert {name: value.item() for name, value in log_vars.items()} == {"loss": 4.0, "acc": 0.5}
    assert model.fit.weight.item() == pytest.approx(2.0 - 0.1 * 4.0)


def test_train_step_logs_tensors_without_history() -> None:
    """What is logged holds no graph alive and has not been read from the device."""
    model = Line()
    for value in model.train_step(BATCH, PlainWrapper(model)).values():
        assert isinstance(value, Tensor)
        assert value.shape == ()
        assert not value.requires_grad


def test_only_the_forward_pass_runs_inside_the_context() -> None:
    """The backward pass is out of autocast."""
    model = Line()
    wrapper = PlainWrapper(model)
    model.train_step(BATCH, optim_wrapper=wrapper)
    assert wrapper.events == [("enter", "Line"), "leave", ("update", True)]


@pytest.mark.parametrize("batch", [BATCH, tuple(BATCH.values()), list(BATCH.values())])
def test_batches_arrive_as_keywords_or_positions(batch: Any) -> None:
    """Mappings by name, sequences by position."""
    model = Line()
    assert model.train_step(batch, PlainWrapper(model))["loss"] == 4.0


@pytest.mark.parametrize("step", ["val_step", "test_step"])
def test_validation_and_test_predict(step: str) -> None:
    """Both run `mode="predict"`, with or without the optimizer wrapper at hand."""
    mode, y = getattr(Line(), step)(BATCH)
    assert mode == "predict"
    assert y.tolist() == [[2.0], [2.0]]
    assert getattr(Line(), step)(BATCH, None)[0] == "predict"


def test_the_preprocessor_knows_what_it_is_called_for() -> None:
    """`training` is true in training only."""

    class Noting(BaseDataPreprocessor):
        def forward(self, data: Any, training: bool = False) -> Any:
            seen.append(training)
            return super().forward(data, training)

    seen: list[bool] = []
    model = Line(data_preprocessor=Noting())
    model.train_step(BATCH, PlainWrapper(model))
    model.val_step(BATCH)
    model.test_step(BATCH)
    assert seen == [True, False, False]


def test_forward_hooks_run() -> None:
    """The steps call the model, not its `forward`."""
    model = Line()
    calls: list[str] = []
    model.register_forward_hook(lambda *_: calls.append("hook"))
    model.val_step(BATCH)
    assert calls == ["hook"]


def test_the_default_preprocessor_moves_the_batch() -> None:
    """Without being told, a model brings a BaseDataPreprocessor."""
    assert type(Line().data_preprocessor) is BaseDataPreprocessor


def test_a_configured_preprocessor_is_built() -> None:
    """A mapping is built by the registry of models."""
    model = Line(data_preprocessor={"type": "ImgDataPreprocessor", "pad_value": 7})
    assert isinstance(model.data_preprocessor, ImgDataPreprocessor)
    assert model.data_preprocessor.pad_value == 7


def test_a_preprocessor_that_is_a_module_is_taken_as_it_is() -> None:
    """The very object, so that it can be shared."""
    given = ImgDataPreprocessor()
    assert Line(data_preprocessor=given).data_preprocessor is given


def test_other_preprocessors_are_refused() -> None:
    """A function is no module: it could not follow the model to its device."""
    with pytest.raises(TypeError, match="data_preprocessor is a str"):
        Line(data_preprocessor="ImgDataPreprocessor")


def test_a_preprocessor_that_returns_something_else_is_named() -> None:
    """Only dicts, tuples and lists can become arguments."""

    class Odd(nn.Module):
        def forward(self, data: Any, training: bool = False) -> Any:
            return "batch"

    with pytest.raises(TypeError, match="the data preprocessor returned a str"):
        Line(data_preprocessor=Odd()).val_step(BATCH)


def test_forward_has_to_be_written() -> None:
    """BaseModel is abstract."""
    with pytest.raises(TypeError, match="forward"):
        BaseModel()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("move", "device"),
    [
        (lambda model: model.to("meta"), "meta"),
        (lambda model: model.to(torch.device("meta")), "meta"),
        (lambda model: model.to(device="meta"), "meta"),
        (lambda model: model.to("meta", torch.float64), "meta"),
        (lambda model: model.to_empty(device="meta"), "meta"),
        (lambda model: model.to("meta").to_empty(device="cpu"), "cpu"),
        (lambda model: model.to(torch.float64), "cpu"),
        (lambda model: model.half(), "cpu"),
        (lambda model: model.to(), "cpu"),
        (lambda model: model.cpu(), "cpu"),
    ],
)
def test_every_move_takes_every_nested_preprocessor_along(move: Any, device: str) -> None:
    """However deep it is nested and however the model is moved."""
    model = Line()
    model.student = ModuleDict({"inner": Line()})
    move(model)
    assert model.data_preprocessor.device == torch.device(device)
    assert model.student["inner"].data_preprocessor.device == torch.device(device)
    assert model.fit.weight.device == torch.device(device)


def test_parse_losses_can_be_replaced() -> None:
    """A model may weigh its losses in its own way."""

    class Doubled(Line):
        def parse_losses(self, losses: Any) -> Any:  # type: ignore[override]
            return 2 * losses["loss"], {"loss": losses["loss"].detach()}

    model = Doubled()
    model.train_step(BATCH, PlainWrapper(model))
    assert model.fit.weight.item() == pytest.approx(2.0 - 2 * 0.1 * 4.0)
