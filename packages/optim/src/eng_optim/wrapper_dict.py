"""Several optimizers under names, as adversarial training needs them.

The container saves, loads and reports, and keeps the gradients of its members apart; who steps when is the model's own
affair, through the members.
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn

from torch import Tensor, nn

from eng_optim.base import ParamGroup
from eng_optim.errors import SettingError
from eng_optim.peers import Peers, parameters_of
from eng_optim.wrapper import OptimWrapper
from eng_registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class OptimWrapperDict(OptimWrapper):
    """Wrappers by name; a read-only mapping that is also an `OptimWrapper`, so that a runner takes either.

    The step of a member holds the gradients of its own losses, as if each network were trained by a loop of
    `zero_grad`, `backward`, `step`: what the `backward` or `update_params` of another member adds to its gradients is
    dropped, and a backward pass of your own adds to all that it reaches. A parameter of several members has one
    gradient for each. Under `fully_shard` gradients are reduced in every micro-batch, also inside a window.

    Raises `SettingError` if a value is not an `OptimWrapper`, or a name is not there.

    >>> from torch.optim import SGD
    >>> generator, critic = nn.Linear(1, 1), nn.Linear(1, 1)
    >>> wrappers = OptimWrapperDict(
    ...     generator=OptimWrapper(SGD(generator.parameters(), lr=0.01)),
    ...     critic=OptimWrapper(SGD(critic.parameters(), lr=0.02)),
    ... )
    >>> wrappers.get_lr()
    {'generator.lr': [0.01], 'critic.lr': [0.02]}
    """

    grad_norm = None

    def __init__(self, **optim_wrapper_dict: OptimWrapper) -> None:
        for name, wrapper in optim_wrapper_dict.items():
            if not isinstance(wrapper, OptimWrapper):
                raise SettingError(f"`{name}` is an OptimWrapper, not {type(wrapper).__name__}")
        self.optim_wrappers = optim_wrapper_dict
        members = optim_wrapper_dict.values()
        peers = Peers(members)
        is_sharded = any(hasattr(each, "device_mesh") for member in members for each in parameters_of(member))
        for member in members:
            member._join(peers, syncs_always=is_sharded)

    @property
    def step_count(self) -> int:  # type: ignore[override]  # a sum: nobody sets it
        """Optimizer steps of all members together."""
        return sum(wrapper.step_count for wrapper in self.optim_wrappers.values())

    @property
    def inner_count(self) -> int:
        """Backward passes of all members together."""
        return sum(wrapper.inner_count for wrapper in self.optim_wrappers.values())

    @property
    def param_groups(self) -> dict[str, list[ParamGroup]]:  # type: ignore[override]  # one list per member
        """The groups of each member."""
        return {name: wrapper.param_groups for name, wrapper in self.optim_wrappers.items()}

    @property
    def defaults(self) -> dict[str, Any]:
        """The optimizer defaults of each member."""
        return {name: wrapper.defaults for name, wrapper in self.optim_wrappers.items()}

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: Mapping[str, Any] | None = None,
        zero_kwargs: Mapping[str, Any] | None = None,
        *,
        weight: float | Tensor | None = None,
    ) -> NoReturn:
        """Not offered: call a member's."""
        self._ask_a_member("update_params")

    def backward(self, loss: Tensor, **kwargs: Any) -> NoReturn:
        """Not offered: call a member's."""
        self._ask_a_member("backward")

    def step(self, **kwargs: Any) -> NoReturn:
        """Not offered: call a member's."""
        self._ask_a_member("step")

    def optim_context(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Not offered: enter a member's."""
        self._ask_a_member("optim_context")

    def zero_grad(self, **kwargs: Any) -> None:
        """Forget the gradients of all members."""
        for wrapper in self.optim_wrappers.values():
            wrapper.zero_grad(**kwargs)

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Take note of the model; how many of the iterations belong to a member is the model's affair."""
        for wrapper in self.optim_wrappers.values():
            wrapper._held_back = model

    @property
    def is_window_open(self) -> bool:
        """Whether a member has gradients that no step has used yet."""
        return any(wrapper.is_window_open for wrapper in self.optim_wrappers.values())

    def close_window(self) -> bool:
        """Step the open windows of all members; returns whether an optimizer stepped."""
        return any([wrapper.close_window() for wrapper in self.optim_wrappers.values()])  # noqa: C419  # all of them

    @contextmanager
    def toggled(self, name: str, *more: str) -> Iterator[None]:
        """Train only the named members: in here, the parameters that only others have require no gradient.

        It saves what the backward pass would compute for nothing, so forward passes belong inside as well. A
        DistributedDataParallel that holds parameters of several members needs `find_unused_parameters` for it.

        Raises `SettingError` for a name that is not there.

        >>> from torch.optim import SGD
        >>> generator, critic = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> wrappers = OptimWrapperDict(
        ...     gen=OptimWrapper(SGD(generator.parameters(), lr=0.01)),
        ...     disc=OptimWrapper(SGD(critic.parameters(), lr=0.02)),
        ... )
        >>> with wrappers.toggled("gen"):
        ...     generator.weight.requires_grad, critic.weight.requires_grad
        (True, False)
        """
        trained = {each for each_name in (name, *more) for each in parameters_of(self[each_name])}
        others = dict.fromkeys(each for member in self.values() for each in parameters_of(member))
        switched = [each for each in others if each not in trained and each.requires_grad]
        for parameter in switched:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in switched:
                parameter.requires_grad_(True)

    def get_lr(self) -> dict[str, list[float]]:
        """Return the rates of each member, as `name.lr` and `name.base_lr`."""
        return {
            f"{name}.{key}": rates
            for name, wrapper in self.optim_wrappers.items()
            for key, rates in wrapper.get_lr().items()
        }

    def get_momentum(self) -> dict[str, list[float]]:
        """Return the momentum of each member, as `name.momentum`."""
        return {
            f"{name}.{key}": values
            for name, wrapper in self.optim_wrappers.items()
            for key, values in wrapper.get_momentum().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the state of each member under its name."""
        return {name: wrapper.state_dict() for name, wrapper in self.optim_wrappers.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of the members that `state_dict` names."""
        for name, state in state_dict.items():
            self[name].load_state_dict(state)

    def items(self) -> ItemsView[str, OptimWrapper]:
        """Return the pairs of name and member."""
        return self.optim_wrappers.items()

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self.optim_wrappers.keys()

    def values(self) -> ValuesView[OptimWrapper]:
        """Return the members."""
        return self.optim_wrappers.values()

    def __getitem__(self, key: str) -> OptimWrapper:
        if key not in self.optim_wrappers:
            raise SettingError(f"there is no optimizer `{key}`; there are {', '.join(self.optim_wrappers)}")
        return self.optim_wrappers[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.optim_wrappers)

    def __contains__(self, key: str) -> bool:
        return key in self.optim_wrappers

    def __len__(self) -> int:
        return len(self.optim_wrappers)

    def __repr__(self) -> str:
        members = "".join(f"name: {name}\n{wrapper!r}\n" for name, wrapper in self.optim_wrappers.items())
        return f"Type: {type(self).__name__}\n{members}"

    def _ask_a_member(self, method: str) -> NoReturn:
        names = ", ".join(self.optim_wrappers)
        raise NotImplementedError(f"`{method}` belongs to one optimizer: use it on one of {names}")
