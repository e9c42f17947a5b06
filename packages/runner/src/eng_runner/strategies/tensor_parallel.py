"""Several processes that compute each layer together, each a part of it: torch's `parallelize_module`."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, cast, final

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_module
from torch.distributed.tensor import parallel as styles
from torch.distributed.tensor.parallel import ParallelStyle, parallelize_module

from eng_dist import broadcast, get_device, get_rank, get_world_size, is_distributed
from eng_model import MMFullyShardedDataParallel, is_model_wrapper
from eng_registry import STRATEGIES, suggest

from .random_numbers import start_tracker
from .spread import SpreadStrategy

_STYLES = {
    "colwise": styles.ColwiseParallel,
    "rowwise": styles.RowwiseParallel,
    "sequence": styles.SequenceParallel,
}


@final
@STRATEGIES.register_module()
class TensorParallelStrategy(SpreadStrategy):
    """Layers split over `size` processes (all, by default); over the rest of the world the model is sharded (FSDP2).

    `plan` says how: dotted names of modules (`'layers.*.up'` matches all) to `'colwise'`, `'rowwise'`, `'sequence'`,
    `'replicate'`, a mapping such as `dict(type='colwise', output_layouts='replicate', use_local_output=False)`, or a
    ParallelStyle of torch. A module with parameters that no name matches is replicated. The processes of one split
    read the same samples. For `state_dict_cfg` see SpreadStrategy.
    """

    def __init__(
        self,
        plan: Mapping[str, Any],
        size: int | None = None,
        state_dict_cfg: Literal["local", "full"] = "local",
    ) -> None:
        super().__init__(state_dict_cfg)
        self.plan = {name: parallel_style(name, value) for name, value in plan.items()}
        self.size = size

    def data_place(self) -> tuple[int, int]:
        """All processes of a split have the same place."""
        size = self._size()
        return get_rank() // size, get_world_size() // size

    def _size(self) -> int:
        world_size = get_world_size()
        size = self.size or world_size
        if world_size % size:
            raise ValueError(
                f"a split over {size} processes does not fit into a world of {world_size}: it has to divide it"
            )
        return size

    def wrap(self, model: nn.Module) -> nn.Module:
        """Initialise, split, and shard what is split over the other processes; each part is moved as it is split.

        Raises RuntimeError without a process group, ValueError for a model on the meta device.
        """
        if is_model_wrapper(model):
            return model
        if not is_distributed():
            raise RuntimeError(
                "TensorParallelStrategy splits over a process group: start with torchrun and launcher='pytorch'"
            )
        _refuse_without_memory(model)
        init_weights = getattr(model, "init_weights", None)
        if init_weights is not None:
            init_weights()
        model = self.convert_model(model)
        size = self._size()
        shape = (get_world_size() // size, size)
        if shape[0] > 1:  # within a split torch takes the weights of its first process
            for tensor in model.state_dict().values():
                broadcast(tensor, src=0)
        mesh = init_device_mesh(get_device().type, shape, mesh_dim_names=("data", "tensor"))
        parallelize_module(model, mesh["tensor"], self._whole_plan(model))
        model.to(get_device())
        start_tracker(model)
        if shape[0] == 1:
            return model
        return MMFullyShardedDataParallel(model, mesh=mesh["data"], accumulate_sharded=True)

    def _whole_plan(self, model: nn.Module) -> dict[str, ParallelStyle]:
        """The plan, and for every other module that holds parameters itself: the same in every process."""
        names = [name for name, _ in model.named_modules() if name]
        for pattern in self.plan:
            if not fnmatch.filter(names, pattern):
                raise ValueError(
                    f"the plan names {pattern!r}, which fits no module of the model. {suggest(pattern, names)}"
                )
        rest = {
            name: Replicated()
            for name, module in model.named_modules()
            if name
            and next(module.parameters(recurse=False), None) is not None
            and not any(fnmatch.fnmatch(name, pattern) for pattern in self.plan)
        }
        return {**self.plan, **rest}


def _refuse_without_memory(model: nn.Module) -> None:
    empty = next((name for name, each in model.state_dict().items() if each.is_meta), None)
    if empty is not None:
        raise ValueError(
            f"TensorParallelStrategy splits the values of a model, and `{empty}` is on the meta device, where there "
            "are none: build the model on the CPU, or use FSDPStrategy, which gives each part its memory"
        )


def parallel_style(name: str, value: Any) -> ParallelStyle:
    """The style that a configuration means.

    Raises TypeError or ValueError naming the module.
    """
    if isinstance(value, ParallelStyle):
        return value
    kind, options = (
        (value["type"], {key: item for key, item in value.items() if key != "type"})
        if isinstance(value, Mapping) and "type" in value
        else (value, {})
    )
    if not isinstance(kind, str):
        raise TypeError(
            f"the plan for {name!r} should be a name, a mapping with `type` or a ParallelStyle, not {value!r}"
        )
    if kind == "replicate":
        return Replicated()
    if kind not in _STYLES:
        known = [*_STYLES, "replicate"]
        raise ValueError(f"the plan for {name!r} is {kind!r}, none of {known}. {suggest(kind, known)}")
    layouts = {key: _placement(item) if key.endswith("layouts") else item for key, item in options.items()}
    make: Any = _STYLES[kind]
    style: ParallelStyle = make(**layouts)
    return style


def _placement(value: Any) -> Placement:
    """`'replicate'` or `'shard(0)'` as torch's object.

    >>> _placement("shard(-1)")
    Shard(dim=-1)
    """
    if isinstance(value, Placement):
        return value
    if value == "replicate":
        return Replicate()
    if isinstance(value, str) and value.startswith("shard(") and value.endswith(")"):
        return Shard(int(value[6:-1]))
    raise ValueError(f"a layout is 'replicate' or 'shard(0)', not {value!r}")


class Replicated(ParallelStyle):
    """The whole module in every process, as a DTensor like its neighbours, so that one optimizer can take all."""

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        return distribute_module(
            module,
            device_mesh,
            input_fn=cast(Any, partial(_all_to, _as_replica)),
            output_fn=cast(Any, partial(_all_out, _as_local)),
        )


def _all_to(change: Any, module: nn.Module, inputs: tuple[Any, ...], mesh: DeviceMesh) -> tuple[Any, ...]:
    return tuple(change(value, mesh) for value in inputs)


def _all_out(change: Any, module: nn.Module, outputs: Any, mesh: DeviceMesh) -> Any:
    return change(outputs, mesh)


def _as_replica(value: Any, mesh: DeviceMesh) -> Any:
    if isinstance(value, DTensor):
        return value.redistribute(placements=[Replicate()])
    return (
        DTensor.from_local(value, mesh, [Replicate()], run_check=False)
        if isinstance(value, Tensor)
        else value
    )


def _as_local(value: Any, mesh: DeviceMesh) -> Any:
    return value.redistribute(placements=[Replicate()]).to_local() if isinstance(value, DTensor) else value
