"""States of which every process has a part (`DTensor`): what a checkpoint of them holds, and how it is dealt out."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor, empty

from eng_dist import broadcast, is_main_process

from ..engine.strategy import BaseStrategy

Path = tuple[Any, ...]


class SpreadStrategy(BaseStrategy):
    """What strategies share whose model consists of DTensors: every process writes and reads its own part.

    `state_dict_cfg='local'` saves a directory with the part of each process; it can be resumed by any number of
    processes, also by one without this strategy. `'full'` gathers the whole state in the first process and saves one
    file, which takes its memory and time.
    """

    names_parameters = True

    def __init__(self, state_dict_cfg: Literal["local", "full"] = "local") -> None:
        if not isinstance(state_dict_cfg, str):
            raise TypeError(
                f"`state_dict_cfg` should be 'local' or 'full', not {type(state_dict_cfg).__name__}"
            )
        if state_dict_cfg not in ("local", "full"):
            raise ValueError(f"`state_dict_cfg` should be 'local' or 'full', not {state_dict_cfg!r}")
        self.state_dict_cfg = state_dict_cfg

    @property
    def is_sharded(self) -> bool:  # type: ignore[override] # here it is a setting
        """Whether all processes write, into one directory."""
        return self.state_dict_cfg == "local"

    @abstractmethod
    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with its parameters spread."""

    def init_weights(self, model: nn.Module) -> None:
        """They were filled before they were spread."""

    def synchronize(self, model: nn.Module) -> None:
        """The parts differ by their nature; what is whole everywhere is broadcast."""
        for tensor in model.state_dict().values():
            if not isinstance(tensor, DTensor):
                broadcast(tensor, src=0)

    def place_for(self, model: nn.Module) -> Places:
        """Parts like those of the parameters."""
        return Places(model)

    def gathered(self, state: dict[str, Any]) -> dict[str, Any]:
        """Whole tensors for a single file, in host memory; for a directory, the parts, and other things of rank 0 only.

        The process that writes the file gets the whole tensors, the others None in their place.
        """
        if not self.is_sharded:
            gather = Gathering(keeps=is_main_process())
            return dict(mapped(state, lambda _, leaf: gather(leaf)))
        return state if is_main_process() else only_parts(state)

    def placed(self, state: dict[str, Any], model: nn.Module) -> dict[str, Any]:
        """Whole tensors that belong to a parameter or a buffer become parts, as its own are."""
        place = Places(model)

        def deal(path: Path, leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or isinstance(leaf, DTensor):
                return leaf
            like = place.tensor(path, leaf.shape)
            if like is None:
                return leaf
            whole = leaf.to(like.device_mesh.device_type)
            return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)

        return dict(mapped(state, deal))


class Gathering:
    """Puts DTensors together, one after the other: by the accelerator, then in host memory.

    A tensor that is met again, such as a tied weight, is gathered once. Every process calls it with the same tensors;
    with `keeps` False it takes part and returns None.
    """

    def __init__(self, *, keeps: bool) -> None:
        self.keeps = keeps
        self._gathered: dict[
            Any, tuple[Tensor, Tensor | None]
        ] = {}  # the part is held, so that its address is its own

    def __call__(self, leaf: Any) -> Any:
        """Return the whole of a DTensor; anything else as it is."""
        if not isinstance(leaf, DTensor):
            return leaf
        part = leaf.to_local()
        key = part.untyped_storage()._cdata, part.storage_offset(), leaf.shape, leaf.placements
        if key not in self._gathered:
            whole = _on_mesh(leaf, part).full_tensor()
            self._gathered[key] = part, whole.cpu() if self.keeps else None
        return self._gathered[key][1]


def _on_mesh(tensor: DTensor, part: Tensor) -> DTensor:
    """The tensor with its part on the accelerator, also where it is offloaded: NCCL sends nothing from the host."""
    mesh = tensor.device_mesh
    if part.device.type == mesh.device_type:
        return tensor
    moved = part.to(mesh.device_type)
    return DTensor.from_local(
        moved, mesh, tensor.placements, run_check=False, shape=tensor.shape, stride=tensor.stride()
    )


class Places:
    """Where the tensors of a saved state belong: beside what has their shape in the model, and its name in their path.

    An instance is a `place` for `eng_checkpoint.read_sharded`: it makes the empty part that this process reads into.
    """

    def __init__(self, model: nn.Module) -> None:
        self._tensors = {
            name: each
            for name, each in chain(model.named_parameters(), model.named_buffers())
            if isinstance(each, DTensor)
        }

    def tensor(self, path: Sequence[Any], shape: Sequence[int]) -> DTensor | None:
        """The tensor of the model of which one of this path and whole shape is the value, a moment, an average."""
        for part in path:
            found = self._tensors.get(str(part).removeprefix("module."))
            if found is not None and tuple(found.shape) == tuple(shape):
                return found
        return None

    def __call__(self, path: Sequence[Any], shape: Sequence[int], dtype: Any) -> Tensor | None:
        like = self.tensor(path, shape)
        if like is None:
            return None
        return empty(*shape, dtype=dtype, device_mesh=like.device_mesh, placements=like.placements)


def mapped(state: Any, change: Callable[[Path, Any], Any], path: Path = ()) -> Any:
    """The same containers with every leaf replaced by what `change(path, leaf)` returns.

    >>> mapped({"a": [1, 2]}, lambda path, leaf: (path, leaf))
    {'a': [(('a', 0), 1), (('a', 1), 2)]}
    """
    if isinstance(state, Mapping):
        changed = {key: mapped(item, change, (*path, key)) for key, item in state.items()}
        return _with_notes(changed, state) if isinstance(state, OrderedDict) else changed
    if isinstance(state, (list, tuple)):
        return type(state)(mapped(item, change, (*path, number)) for number, item in enumerate(state))
    return change(path, state)


def _with_notes(changed: dict[Any, Any], state: OrderedDict[Any, Any]) -> OrderedDict[Any, Any]:
    """The same kind of mapping, with torch's notes on the versions of modules."""
    ordered = OrderedDict(changed)
    ordered.__dict__.update(state.__dict__)
    return ordered


def only_parts(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a state is spread over processes."""
    return dict(_parts(state))


def _parts(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in state.items():
        if isinstance(value, DTensor):
            yield key, value
        elif isinstance(value, Mapping) and (below := only_parts(value)):
            yield key, below
