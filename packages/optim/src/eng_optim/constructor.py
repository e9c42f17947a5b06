"""From a mapping and a model to an optimizer wrapper.

`build_optim_wrapper` finds the constructor by name; the default one walks the model and asks `groups.py` for
the settings of each parameter. A constructor of your own is a class with the same two arguments whose
instances take the model and return a wrapper.
"""

import inspect
from collections.abc import MutableMapping
from copy import deepcopy
from logging import getLogger
from typing import Any

from torch import nn
from torch.optim import Optimizer

from eng_optim.errors import SettingError
from eng_optim.groups import (
    DECAY_MULTIPLIERS,
    RATE_MULTIPLIERS,
    SWITCHES,
    is_dcn,
    options_of,
    summary,
)
from eng_optim.third_party import ask_to_install
from eng_optim.wrapper import OptimWrapper
from eng_registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS, suggest

logger = getLogger(__name__)

ParamwiseCfg = MutableMapping[str, Any]


def build_optim_wrapper(model: nn.Module, cfg: MutableMapping[str, Any]) -> OptimWrapper:
    """Build the wrapper that `cfg` describes for the parameters of `model`; `cfg` stays as it is.

    `cfg` has `optimizer`, and may have `type` (`OptimWrapper`), the wrapper's own arguments, `paramwise_cfg`
    and `constructor` (`DefaultOptimWrapperConstructor`).

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    >>> wrapper = build_optim_wrapper(
    ...     model,
    ...     dict(
    ...         optimizer=dict(type="SGD", lr=0.1, weight_decay=0.01),
    ...         paramwise_cfg=dict(norm_decay_mult=0),
    ...     ),
    ... )
    >>> [group["weight_decay"] for group in wrapper.optimizer.param_groups]
    [0.01, 0.01, 0.0, 0.0]
    """
    settings: Any = deepcopy(cfg)
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        {
            "type": settings.pop("constructor", "DefaultOptimWrapperConstructor"),
            "paramwise_cfg": settings.pop("paramwise_cfg", None),
            "optim_wrapper_cfg": settings,
        }
    )
    wrapper: OptimWrapper = constructor(model)
    return wrapper


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class DefaultOptimWrapperConstructor:
    """Builds one optimizer over all parameters; with `paramwise_cfg`, one group for each parameter.

    `paramwise_cfg` may have the multipliers `lr_mult`, `decay_mult`, `bias_lr_mult`, `bias_decay_mult`,
    `norm_decay_mult`, `flat_decay_mult`, `dwconv_decay_mult`, `dcn_offset_lr_mult`; `custom_keys`, a mapping
    from a part of a parameter's name to its settings; and `bypass_duplicate`, to skip a shared parameter met
    again. Other keys are for subclasses.

    Subclasses override `add_params`, and find `optimizer_cfg`, `base_lr` and `base_wd` here.

    Raises `TypeError` if one of the arguments is not a mapping, `SettingError` if there is no `optimizer`,
    and `ValueError` for a misspelled key of `paramwise_cfg` and for a multiplier of a rate or weight decay that the
    optimizer does not set. Keys that nothing reads, and `custom_keys` that occur in no name, are warned of.
    """

    def __init__(
        self,
        optim_wrapper_cfg: MutableMapping[str, Any],
        paramwise_cfg: MutableMapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(optim_wrapper_cfg, MutableMapping):
            raise TypeError(f"`optim_wrapper_cfg` is a mapping, not {type(optim_wrapper_cfg).__name__}")
        if "optimizer" not in optim_wrapper_cfg:
            raise SettingError(
                f"`optim_wrapper_cfg` has no `optimizer`; it has {', '.join(optim_wrapper_cfg)}"
            )
        if paramwise_cfg is not None and not isinstance(paramwise_cfg, MutableMapping):
            raise TypeError(f"`paramwise_cfg` is a mapping or None, not {type(paramwise_cfg).__name__}")
        self.optim_wrapper_cfg: Any = deepcopy(optim_wrapper_cfg)
        self.optimizer_cfg: Any = self.optim_wrapper_cfg.pop("optimizer")
        self.paramwise_cfg: MutableMapping[str, Any] = {} if paramwise_cfg is None else paramwise_cfg
        self.base_lr: float | None = self.optimizer_cfg.get("lr")
        self.base_wd: float | None = self.optimizer_cfg.get("weight_decay")
        self._check_paramwise_cfg()

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Return the wrapper for `model`; a wrapped model (one with `.module`) is taken out of its
        wrapper."""
        module: nn.Module = getattr(model, "module", model)
        argument = _first_argument(self.optimizer_cfg)
        optimizer: Optimizer = OPTIMIZERS.build(
            self.optimizer_cfg, default_args={argument: self._params(module)}
        )
        wrapper: OptimWrapper = OPTIM_WRAPPERS.build(
            self.optim_wrapper_cfg, default_args={"type": "OptimWrapper", "optimizer": optimizer}
        )
        return wrapper

    def add_params(
        self,
        params: list[dict[str, Any]],
        module: nn.Module,
        prefix: str = "",
        is_dcn_module: bool | None = None,
    ) -> None:
        """Append the groups of `module` and its children to `params`, one for each parameter.

        The first call has only `params`, empty, and the whole model: an override is free in its other
        arguments.
        """
        in_dcn = bool(is_dcn_module) or is_dcn(module)
        for name, parameter in module.named_parameters(recurse=False):
            full_name = f"{prefix}.{name}" if prefix else name
            if self.paramwise_cfg.get("bypass_duplicate", False) and _is_in(parameter, params):
                logger.warning("%s is shared and already has a group: skipped", full_name)
                continue
            if not parameter.requires_grad:
                logger.warning("%s does not require a gradient: skipped", full_name)
                continue
            options = options_of(
                name,
                parameter,
                module,
                self.paramwise_cfg,
                base_lr=self.base_lr,
                base_wd=self.base_wd,
                prefix=prefix,
                in_dcn=in_dcn,
            )
            logger.debug("%s: %s", full_name, options)
            params.append({"params": [parameter], **options})
        for name, child in module.named_children():
            self.add_params(params, child, f"{prefix}.{name}" if prefix else name, in_dcn)

    def _params(self, module: nn.Module) -> Any:
        if not self.paramwise_cfg:
            return module.parameters()
        params: list[dict[str, Any]] = []
        self.add_params(params, module)
        self._warn_of_idle_keys(module)
        logger.info("%d parameter groups: %s", len(params), "; ".join(summary(params)))
        return params

    def _check_paramwise_cfg(self) -> None:
        custom_keys = self.paramwise_cfg.get("custom_keys", {})
        if not isinstance(custom_keys, MutableMapping):
            raise TypeError(
                f"`paramwise_cfg.custom_keys` maps names to settings, it is {type(custom_keys).__name__}"
            )
        for key, options in custom_keys.items():
            if not isinstance(options, MutableMapping):
                raise TypeError(
                    f"`paramwise_cfg.custom_keys.{key}` is a mapping such as dict(lr_mult=0.1), not {options!r}"
                )
        known = (*RATE_MULTIPLIERS, *DECAY_MULTIPLIERS, *SWITCHES)
        if type(self) is DefaultOptimWrapperConstructor:
            for key in self.paramwise_cfg:
                if key in known:
                    continue
                if meant := suggest(key, known):
                    raise SettingError(
                        f"`paramwise_cfg` has no `{key}`; {meant} There are {', '.join(known)}"
                    )
                logger.warning(
                    "`paramwise_cfg` has `%s`, which only a constructor of your own would read", key
                )
        for base, mult, multipliers, what in (
            (self.base_wd, "decay_mult", DECAY_MULTIPLIERS, "weight_decay"),
            (self.base_lr, "lr_mult", RATE_MULTIPLIERS, "lr"),
        ):
            used = [key for key in multipliers if key in self.paramwise_cfg]
            used += [f"custom_keys.{key}" for key, options in custom_keys.items() if mult in options]
            if base is None and used:
                raise ValueError(
                    f"{', '.join(used)} of `paramwise_cfg` multiply `{what}`, but the optimizer does not say it: "
                    f"set `{what}` in `optimizer`"
                )

    def _warn_of_idle_keys(self, module: nn.Module) -> None:
        names = [name for name, _ in module.named_parameters()]
        for key in self.paramwise_cfg.get("custom_keys", {}):
            if not any(key in name for name in names):
                parts = {part for name in names for part in name.split(".")}
                meant = suggest(key, parts)
                logger.warning(
                    "`paramwise_cfg.custom_keys` has %r, which occurs in no name of a parameter%s",
                    key,
                    f"; {meant}" if meant else "",
                )


def _first_argument(optimizer_cfg: MutableMapping[str, Any]) -> str:
    """Return the name under which the optimizer class takes the parameters; usually `params`."""
    kind = optimizer_cfg.get("type")
    if kind is None:
        raise SettingError(f"`optimizer` has no `type`; it has {', '.join(optimizer_cfg)}")
    if isinstance(kind, str):
        with OPTIMIZERS.switch_scope_and_registry(optimizer_cfg.get("_scope_")) as registry:
            found = registry.get(kind)
        if found is None:
            ask_to_install(kind)
            return "params"
        kind = found
    return next(iter(inspect.signature(kind).parameters))


def _is_in(parameter: nn.Parameter, params: list[dict[str, Any]]) -> bool:
    return any(other is parameter for group in params for other in group["params"])
