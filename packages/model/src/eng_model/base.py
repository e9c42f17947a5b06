"""BaseModel: one `forward` with three modes, and the three steps that a training engine calls.

How a preprocessed batch becomes the arguments of `forward` is here too: every iteration goes this way, and it can be
read without leaving the page.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from traceback import walk_tb
from typing import Any

from torch import nn

from eng_registry import MODELS

from .losses import parse_losses
from .module import BaseModule
from .preprocess.base import BaseDataPreprocessor
from .protocols import Batch, InitCfg, LogVars, OptimWrapperLike


def run_forward(model: Callable[..., Any], data: Batch, mode: str) -> Any:
    """Call the model, not its `forward`, so that hooks run: a dict as keywords, a tuple or list positionally.

    An exception gets a note with the name of the innermost module that it came from.

    >>> run_forward(lambda x, mode: (x, mode), {"x": 1}, "tensor")
    (1, 'tensor')
    """
    try:
        if isinstance(data, dict):
            return model(**data, mode=mode)
        if isinstance(data, (tuple, list)):
            return model(*data, mode=mode)
    except Exception as error:
        _note_module(error, model)
        raise
    raise TypeError(
        f"the data preprocessor returned a {type(data).__name__}; a model takes a dict (as keywords), "
        "a tuple or a list (as positional arguments)"
    )


def _note_module(error: Exception, model: Any) -> None:
    """Add to the error in which module it happened: torch's messages have shapes in them, but no names."""
    names = {id(part): name for name, part in model.named_modules()} if isinstance(model, nn.Module) else {}
    within = [
        frame.f_locals["self"]
        for frame, _ in walk_tb(error.__traceback__)
        if names.get(id(frame.f_locals.get("self")))
    ]
    if within:
        part = within[-1]
        error.add_note(
            f"This happened in `{names[id(part)]}` ({type(part).__name__}) of {type(model).__name__}."
        )


class BaseModel(BaseModule):
    """Base of every model that a runner trains: subclass it and write `forward`.

    `data_preprocessor` is a module, a configuration of one, or None for one that only moves the batch to the
    device of the model; afterwards it is `self.data_preprocessor`.

    >>> import torch
    >>> class Line(BaseModel):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fit = torch.nn.Linear(1, 1)
    ...
    ...     def forward(self, inputs, data_samples=None, mode="tensor"):
    ...         y = self.fit(inputs)
    ...         return {"loss": (y - data_samples).square()} if mode == "loss" else y
    >>> Line().val_step((torch.zeros(2, 1), torch.zeros(2, 1))).shape
    torch.Size([2, 1])
    """

    def __init__(
        self, data_preprocessor: nn.Module | Mapping[str, Any] | None = None, init_cfg: InitCfg = None
    ) -> None:
        super().__init__(init_cfg)
        if data_preprocessor is None:
            data_preprocessor = BaseDataPreprocessor()
        elif isinstance(data_preprocessor, Mapping):
            data_preprocessor = MODELS.build(data_preprocessor)
        if not isinstance(data_preprocessor, nn.Module):
            raise TypeError(
                f"data_preprocessor is a {type(data_preprocessor).__name__}; it has to be a module, "
                "a mapping that builds one, or None"
            )
        self.data_preprocessor = data_preprocessor

    @abstractmethod
    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        """What the model makes of a preprocessed batch.

        A mapping arrives as keyword arguments, a tuple or list as positional ones, `mode` always as a
        keyword. `"loss"` returns a dict of losses that can be differentiated, `"predict"` what the evaluator
        takes, `"tensor"` the raw result.

        Next to the losses, a tensor `batch_weight` may say how many samples or tokens they are the mean of; then
        accumulated and distributed batches count by it, as if they were one.
        """

    def train_step(self, data: Batch, optim_wrapper: OptimWrapperLike) -> LogVars:
        """Train on one batch; returns the scalars to log, detached and without waiting for the device."""
        with optim_wrapper.optim_context(self):
            data = self.data_preprocessor(data, training=True)
            losses = self._run_forward(data, "loss")
        total, log_vars = self.parse_losses(losses)
        if "batch_weight" in losses:
            optim_wrapper.update_params(total, weight=losses["batch_weight"])
        else:
            optim_wrapper.update_params(total)
        return log_vars

    def val_step(self, data: Batch, optim_wrapper: OptimWrapperLike | None = None) -> Any:
        """Predict one batch for validation; `optim_wrapper` is for code that overrides this."""
        return self._run_forward(self.data_preprocessor(data, training=False), "predict")

    def test_step(self, data: Batch, optim_wrapper: OptimWrapperLike | None = None) -> Any:
        """Predict one batch for test; `optim_wrapper` is for code that overrides this."""
        return self._run_forward(self.data_preprocessor(data, training=False), "predict")

    parse_losses = staticmethod(parse_losses)
    _run_forward = run_forward
