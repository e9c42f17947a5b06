"""What a strategy is: how the model, and with it its checkpoints, sits on the devices of this run."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from eng_dist import get_dist_info
from eng_model import is_model_wrapper

from .aliases import Part, Step, Values


class BaseStrategy(ABC):
    """Puts a built model on its device and spreads it over the processes of the run; an argument of the Runner.

    Subclass it and register it in STRATEGIES for a way of your own; `wrap` and `synchronize` are all that it must say.
    """

    is_sharded = False
    """Whether each process holds a part of the state only: then all of them write, into one directory."""

    names_parameters = False
    """Whether the optimizer's state is saved under parameters' names, which any number of processes understands."""

    @abstractmethod
    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as the loops call it: on its device, wrapped where there are several processes."""

    @abstractmethod
    def synchronize(self, model: nn.Module) -> None:
        """Give every process the weights of rank 0."""

    def convert_model(self, model: nn.Module) -> nn.Module:
        """The model with the layers that this strategy needs, such as other batch norms; it changes nothing here."""
        return model

    def unwrap(self, model: nn.Module) -> nn.Module:
        """The user's own model inside of what `wrap` returned."""
        return model.module if is_model_wrapper(model) else model  # type: ignore[return-value] # a wrapper's module

    def init_weights(self, model: nn.Module) -> None:
        """Let the model fill its weights, once, and make them the same everywhere."""
        init_weights = getattr(self.unwrap(model), "init_weights", None)
        if init_weights is not None:
            init_weights()
            self.synchronize(model)

    def take_optimizer(self, model: nn.Module, optim_wrapper: Part) -> Part:
        """The optimizer wrapper as the loops call it; for a strategy that steps by itself, one of its own."""
        return optim_wrapper

    def data_place(self) -> tuple[int, int]:
        """Which share of each batch this process reads, and how many shares there are; by default one per process."""
        return get_dist_info()

    def place_for(self, model: nn.Module) -> Step | None:
        """Where this process' part of a sharded checkpoint goes, a `place` of `eng_checkpoint.read_sharded`."""
        return None

    def gathered(self, state: Values) -> Values:
        """The state as it is to be written; a collective call."""
        return state

    def placed(self, state: Values, model: nn.Module) -> Values:
        """The state that was read, with its tensors spread over the processes as the model's are."""
        return state
