"""From a mapping to an object: `{"type": "Name", **arguments}`.

`build_from_cfg` is the rule; the others are what the root registries of models, runners, schedules and
optimizers do beyond it. The road of success is short on purpose: everything for messages is done after
something failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eng_registry.errors import ArgumentsError, InvalidConfigError, MissingTypeError, WrongTypeError
from eng_registry.log import logger
from eng_registry.notes import mark
from eng_registry.scope import DefaultScope, in_force

TYPE_CHECKING = False  # as in `typing`, whose import costs more than this package
if TYPE_CHECKING:
    from typing import Any, Protocol

    Cfg = Mapping[str, Any]

    class Finder(Protocol):
        """What building asks of a registry."""

        module_dict: dict[str, Any]

        def get(self, key: str) -> Any | None:
            """What `key` names, asked here, or None."""

        def find(self, key: str, scope: str | None = None) -> Any:
            """What `key` names; raises `NotRegisteredError`."""


def build_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """The object that `cfg` describes: what its `type` names, called with all its other items.

    `default_args` fill in what is missing. A `type` that is a class or another callable is called as it is.
    `_scope_` puts that scope in force for the search and for everything that the constructor builds in turn.
    `cfg` stays as it was.

    >>> from eng_registry import Registry
    >>> shapes = Registry("shape", scope="demo")
    >>> @shapes.register_module()
    ... def square(side, color="red"):
    ...     return f"{color} {side}x{side}"
    >>> build_from_cfg({"type": "square", "side": 2}, shapes, default_args={"color": "blue"})
    'blue 2x2'
    """
    try:
        return construct(arguments_of(cfg, registry, default_args), registry)
    except Exception as error:
        mark(error, cfg)
        raise


def build_model_from_cfg(cfg: Cfg | Sequence[Cfg], registry: Any, default_args: Cfg | None = None) -> Any:
    """As `build_from_cfg`; a list of configurations becomes one `Sequential` of what they describe."""
    if not isinstance(cfg, (list, tuple)):
        return build_from_cfg(cfg, registry, default_args)  # type: ignore[arg-type]  # no other sequence
    try:
        parts = [build_from_cfg(part, registry, default_args) for part in cfg]
        return call(resolve("Sequential", registry), {}, parts)
    except Exception as error:
        mark(error, cfg)
        raise


def build_runner_from_cfg(cfg: Cfg, registry: Any) -> Any:
    """A runner for the whole configuration: `from_cfg` of the class that `runner_type` names, by default `Runner`."""
    _check(cfg, registry)
    args: Any = cfg.copy() if hasattr(cfg, "copy") else dict(cfg)
    scope = args.pop("_scope_", None)
    with DefaultScope.overwrite_default_scope(scope):
        runner: Any = resolve(args.get("runner_type", "Runner"), registry, scope)
        return runner.from_cfg(args)


def build_scheduler_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """A parameter schedule; with `convert_to_iter_based`, one that counts iterations instead of epochs.

    For that the configuration must count epochs and give `epoch_length`, the iterations of one; what its
    `type` names is then made by its `build_iter_from_epoch`.
    """
    try:
        args = arguments_of(cfg, registry, default_args)
        if not args.pop("convert_to_iter_based", False):
            args.pop("epoch_length", None)
            return construct(args, registry)
        if not args.get("by_epoch", True):
            raise InvalidConfigError("`convert_to_iter_based` is for a schedule with `by_epoch=True`")
        if args.get("epoch_length") is None:
            raise InvalidConfigError(
                "`convert_to_iter_based` needs `epoch_length`, the iterations of an epoch"
            )
        scope = args.pop("_scope_", None)
        with DefaultScope.overwrite_default_scope(scope):
            schedule: Any = resolve(args.pop("type"), registry, scope)
            return call(schedule.build_iter_from_epoch, args)
    except Exception as error:
        mark(error, cfg)
        raise


def build_optimizer_from_cfg(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> Any:
    """As `build_from_cfg`; it says which `Adafactor` is meant, since there are two."""
    if is_cfg(cfg) and "type" in cfg and cfg["type"] == "Adafactor":
        logger(__name__).info("`Adafactor` means the class of transformers; torch's is `TorchAdafactor`.")
    return build_from_cfg(cfg, registry, default_args)


def is_cfg(value: object) -> bool:
    """Whether `value` can be read as a mapping, be it one or only delegate to one."""
    return isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "__getitem__"))


def arguments_of(cfg: Cfg, registry: Any, default_args: Cfg | None = None) -> dict[str, Any]:
    """The items of `cfg` over those of `default_args`, certain to have a `type`."""
    if type(cfg) is dict:
        args = cfg.copy()
    elif is_cfg(cfg):
        args = _items(cfg)
    else:
        raise InvalidConfigError(f"a configuration must be a mapping, not {_shown(cfg)}")
    if default_args is not None:
        if not is_cfg(default_args):
            raise InvalidConfigError(f"default_args must be a mapping, not {_shown(default_args)}")
        for key, value in _items(default_args).items():
            args.setdefault(key, value)
    if "type" not in args:
        there = f"it has only {', '.join(f'`{key}`' for key in args)}" if args else "it is empty"
        raise MissingTypeError(f'the configuration needs a "type" that says what to build; {there}')
    _check_registry(registry)
    return args


def construct(args: dict[str, Any], registry: Finder) -> Any:
    """The object that `args`, which are used up, describe."""
    kind = args.pop("type")
    scope = args.pop("_scope_", None)
    if scope is None:
        target = resolve(kind, registry)
        try:
            return target(**args)
        except TypeError as error:
            _explain(error, target, args)
            raise
    token = in_force.set(DefaultScope(scope, scope))
    try:
        return call(resolve(kind, registry, scope), args)
    finally:
        in_force.reset(token)


def resolve(kind: Any, registry: Finder, scope: str | None = None) -> Callable[..., Any]:
    """What to call for a `type`; `scope` is the one that the configuration itself asks for."""
    if isinstance(kind, str):
        found = None
        if in_force.get() is None:  # nearly always: what `find` would do first, without the calls
            found = registry.module_dict.get(kind)
            if found is None:
                found = registry.get(kind)
        kind = found if found is not None else registry.find(kind, scope)
    elif not callable(kind):
        raise InvalidConfigError(
            f"`type` must be a registered name, a class or a function, not {_shown(kind)}"
        )
    if hasattr(kind, "get_instance") and hasattr(kind, "check_instance_created"):
        return kind.get_instance  # type: ignore[no-any-return]  # such a class keeps one object per name
    return kind  # type: ignore[no-any-return]  # `Any` that is callable


def call(target: Callable[..., Any], args: dict[str, Any], parts: Sequence[Any] = ()) -> Any:
    """`target(*parts, **args)`, where a TypeError tells what `target` takes."""
    try:
        return target(*parts, **args)
    except TypeError as error:
        _explain(error, target, args, len(parts))
        raise


def _explain(error: TypeError, target: Callable[..., Any], args: dict[str, Any], positional: int = 0) -> None:
    """Raise what `target` takes instead of a bare TypeError; an error that says more is left alone."""
    if type(error) is not TypeError:
        return
    from eng_registry.arguments import complaint  # costs more than this package, and only a failure needs it

    if getattr(target, "__name__", "") == "get_instance":
        target = getattr(target, "__self__", target)
    what, blamed = complaint(target, positional, args, error)
    explained = ArgumentsError(what)
    explained.key = blamed or "type"
    raise explained from error


def _items(cfg: Cfg) -> dict[str, Any]:
    """All items, each read as the mapping itself would give it; it need not be iterable."""
    return {key: cfg[key] for key in cfg.keys()}  # noqa: SIM118


def _check(cfg: Any, registry: Any) -> None:
    if not is_cfg(cfg):
        raise InvalidConfigError(f"a configuration must be a mapping, not {_shown(cfg)}")
    _check_registry(registry)


def _check_registry(registry: Any) -> None:
    if not hasattr(registry, "module_dict"):
        raise WrongTypeError(f"registry must be a Registry, not {_shown(registry)}")


def _shown(value: object) -> str:
    return f"{type(value).__name__}: {value!r:.80}"
