"""From a mapping to an object: `{"type": "Name", **arguments}`.

`build_from_cfg` is the rule; the others are what the root registries of models, runners, schedules and optimizers do
beyond it. The road of success is short on purpose: all care for messages is taken after something failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eng_registry.errors import (
    ArgumentsError,
    InvalidConfigError,
    MissingTypeError,
    RegistryError,
    WrongTypeError,
)
from eng_registry.lookup import find
from eng_registry.missing import not_registered
from eng_registry.node import Node
from eng_registry.scope import in_force, inner_scope
from eng_registry.switch import registry_in_force
from eng_registry.trail import mark, origin_of

Cfg = Mapping[str, Any]

logger = logging.getLogger(__name__)


def build_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """The object that `cfg` describes: what its `type` names, called with all its other items.

    `default_args` fill what is missing. A `type` that is a class or another callable is used as it is. `_scope_` puts
    that scope in force for the search and for everything the constructor builds in turn. `cfg` is not changed.

    >>> from eng_registry import Registry
    >>> shapes = Registry("shape", scope="demo")
    >>> @shapes.register_module()
    ... def square(side, color="red"):
    ...     return f"{color} {side}x{side}"
    >>> build_from_cfg({"type": "square", "side": 2}, shapes, default_args={"color": "blue"})
    'blue 2x2'
    """
    try:
        return _construct(arguments_of(cfg, registry, default_args), registry)
    except Exception as error:
        mark(error, cfg, _label(cfg))
        raise


def arguments_of(cfg: Cfg, registry: Any, default_args: Cfg | None) -> dict[str, Any]:
    """A fresh dict of the items of `cfg`, completed by `default_args`, certain to have a `type`."""
    if not is_cfg(cfg):
        raise InvalidConfigError(f"cfg must be a mapping, not {type(cfg).__name__}: {cfg!r}")
    if default_args:
        if not is_cfg(default_args):
            raise InvalidConfigError(f"default_args must be a mapping, not {type(default_args).__name__}")
        args = {**default_args, **cfg}
    else:
        args = dict(cfg)
    if "type" not in args:
        raise MissingTypeError(
            f'no "type" says what to build; there is: {", ".join(map(str, args)) or "nothing"}'
        )
    if not isinstance(registry, Node):
        raise WrongTypeError(f"registry must be a Registry, not {type(registry).__name__}")
    if default_args is not None and not is_cfg(default_args):
        raise InvalidConfigError(f"default_args must be a mapping, not {type(default_args).__name__}")
    return args


def is_cfg(value: object) -> bool:
    """Whether `value` can be read like a mapping with names as keys."""
    return isinstance(value, (dict, Mapping)) or (hasattr(value, "keys") and hasattr(value, "__getitem__"))


def _construct(args: dict[str, Any], registry: Node) -> Any:
    kind = args.pop("type")
    scope = args.pop("_scope_", None)
    if scope is None:
        return _call(resolve(kind, registry), args)
    token = in_force.set(inner_scope(scope))
    try:
        return _call(resolve(kind, registry, explicit=True), args)
    finally:
        in_force.reset(token)


def resolve(kind: Any, registry: Node, *, explicit: bool = False) -> Callable[..., Any]:
    """What to call for this `type`; `explicit` if the scope in force was asked for by the configuration itself."""
    if isinstance(kind, str):
        chosen = registry if in_force.get() is None else registry_in_force(registry)
        found = find(chosen, kind)
        if found is None and chosen is not registry and not explicit:
            found = find(registry, kind)
        if found is None:
            raise not_registered(chosen, kind)
        kind = found
    if not callable(kind):
        raise InvalidConfigError(
            f"`type` must be a registered name or callable, not {type(kind).__name__}: {kind!r}"
        )
    if hasattr(kind, "get_instance") and hasattr(kind, "check_instance_created"):
        return kind.get_instance  # type: ignore[no-any-return]  # one object per name, whatever asks for it
    return kind  # type: ignore[no-any-return]  # `callable` narrowed an Any


def _call(target: Callable[..., Any], args: dict[str, Any], *positional: Any) -> Any:
    try:
        return target(*positional, **args)
    except TypeError as error:
        if type(error) is not TypeError:
            raise
        raise _arguments_error(target, args, len(positional), error) from error


def _arguments_error(
    target: Callable[..., Any], args: dict[str, Any], positional: int, error: TypeError
) -> RegistryError:
    # `inspect` costs more than this whole package, and only a failure needs it.
    from eng_registry.arguments import complaint

    owner = getattr(target, "__self__", target)
    name = getattr(owner if isinstance(owner, type) else target, "__name__", repr(target))
    what, blamed = complaint(owner if isinstance(owner, type) else target, name, args, positional)
    wrong = ArgumentsError(what or f"{name} raised TypeError: {error}")
    wrong.blamed = blamed
    return wrong


def _label(cfg: Any) -> str:
    kind = cfg.get("type") if isinstance(cfg, Mapping) else None
    return str(getattr(kind, "__name__", kind))


def build_model_from_cfg(cfg: Cfg | Sequence[Cfg], registry: Any, default_args: Cfg | None = None) -> Any:
    """As `build_from_cfg`; a list of configurations becomes one `Sequential` of all."""
    if not isinstance(cfg, (list, tuple)):
        return build_from_cfg(cfg, registry, default_args)  # type: ignore[arg-type]  # a Sequence is a list or tuple
    try:
        parts = [build_from_cfg(part, registry, default_args) for part in cfg]
        return _call(resolve("Sequential", registry), {}, *parts)
    except Exception as error:
        mark(error, cfg, "Sequential")
        raise


def build_runner_from_cfg(cfg: Cfg, registry: Any) -> Any:
    """A runner: `from_cfg(cfg)` of the class that `cfg["runner_type"]` names, `Runner` without one."""
    if not is_cfg(cfg):
        raise WrongTypeError(f"cfg must be a mapping, not {type(cfg).__name__}")
    if not isinstance(registry, Node):
        raise WrongTypeError(f"registry must be a Registry, not {type(registry).__name__}")
    args: Any = cfg.copy() if hasattr(cfg, "copy") else dict(cfg)
    kind = args.get("runner_type", "Runner")
    scope = args.pop("_scope_", None)
    token = None if scope is None else in_force.set(inner_scope(scope))
    try:
        return resolve(kind, registry, explicit=scope is not None).from_cfg(args)  # type: ignore[attr-defined]  # a runner
    finally:
        if token is not None:
            in_force.reset(token)


def build_scheduler_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """A parameter schedule; with `convert_to_iter_based`, one that counts iterations instead of epochs.

    That needs `epoch_length`, the iterations of one epoch, and calls `build_iter_from_epoch` of the class.
    """
    try:
        args = arguments_of(cfg, registry, default_args)
        convert = args.pop("convert_to_iter_based", False)
        if not convert:
            args.pop("epoch_length", None)
            return _construct(args, registry)
        if not args.get("by_epoch", True):
            raise WrongTypeError("`convert_to_iter_based` is for a schedule with `by_epoch=True`")
        if args.get("epoch_length") is None:
            raise WrongTypeError("`convert_to_iter_based` needs `epoch_length`, the iterations of one epoch")
        scope = args.pop("_scope_", None)
        token = None if scope is None else in_force.set(inner_scope(scope))
        try:
            target = resolve(args.pop("type"), registry, explicit=scope is not None)
            return _call(target.build_iter_from_epoch, args)  # type: ignore[attr-defined]  # a schedule
        finally:
            if token is not None:
                in_force.reset(token)
    except Exception as error:
        mark(error, cfg, _label(cfg))
        raise


def build_optimizer_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """An optimizer; `Adafactor` is the one of transformers, torch's own is `TorchAdafactor`."""
    if is_cfg(cfg) and cfg.get("type") == "Adafactor":
        logger.info(
            "`Adafactor` is the class of transformers; torch's own is registered as `TorchAdafactor`."
        )
    return build_from_cfg(cfg, registry, default_args)
