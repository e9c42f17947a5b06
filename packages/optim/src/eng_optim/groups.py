"""Which parameter gets which learning rate and weight decay: pure functions of names, kinds and multipliers.

Nothing here touches an optimizer. `options_of` gives the settings of one parameter; walking the model,
sharing and frozen parameters are the constructor's affair.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

NORM_LAYERS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)

DECAY_MULTIPLIERS = (
    "decay_mult",
    "bias_decay_mult",
    "norm_decay_mult",
    "dwconv_decay_mult",
    "flat_decay_mult",
)
"""The rules that only mean something to an optimizer with a `weight_decay`."""

RATE_MULTIPLIERS = ("lr_mult", "bias_lr_mult", "dcn_offset_lr_mult")
"""The rules that only mean something to an optimizer whose `lr` is known."""

SWITCHES = ("custom_keys", "bypass_duplicate")
"""What a `paramwise_cfg` may have beside multipliers."""


def matching_key(name: str, keys: Iterable[str]) -> str | None:
    """Return the longest of `keys` that occurs anywhere in `name` (of equally long ones the first by
    alphabet).

    >>> matching_key("backbone.layer0.weight", ["backbone", "backbone.layer0", "head"])
    'backbone.layer0'
    """
    matching = sorted((key for key in keys if key in name), key=lambda key: (-len(key), key))
    return matching[0] if matching else None


def options_of(
    name: str,
    parameter: nn.Parameter,
    module: nn.Module,
    rules: Mapping[str, Any],
    *,
    base_lr: float | None,
    base_wd: float | None,
    prefix: str = "",
    in_dcn: bool = False,
) -> dict[str, Any]:
    """Return what the group of one parameter says besides the optimizer's defaults.

    `name` is that of `parameter` within `module`, `prefix` the module's path, `rules` a `paramwise_cfg`. An
    entry of `custom_keys` whose key occurs in the full name decides alone; otherwise one rule decides the
    learning rate and one the weight decay. `lr_mult` and `decay_mult` multiply both in every case.

    >>> linear = nn.Linear(2, 1)
    >>> options_of("bias", linear.bias, linear, {"bias_lr_mult": 2.0}, base_lr=0.1, base_wd=None)
    {'lr': 0.2}
    """
    full_name = f"{prefix}.{name}" if prefix else name
    overall_lr: float = rules.get("lr_mult", 1.0)
    overall_decay: float = rules.get("decay_mult", 1.0)
    custom: Mapping[str, Mapping[str, Any]] = rules.get("custom_keys") or {}
    key = matching_key(full_name, custom)
    if key is not None:
        lr_factor: float | None = custom[key].get("lr_mult", 1.0)
        decay_factor: float | None = custom[key].get("decay_mult", 1.0)
    else:
        lr_factor = _lr_factor(name, module, rules, prefix, in_dcn)
        decay_factor = _decay_factor(name, parameter, module, rules, in_dcn)
    if lr_factor is None and "lr_mult" in rules:
        lr_factor = 1.0
    if decay_factor is None and "decay_mult" in rules:
        decay_factor = 1.0

    options: dict[str, Any] = {}
    if lr_factor is not None and base_lr is not None:
        options["lr"] = base_lr * overall_lr * lr_factor
    if decay_factor is not None and base_wd is not None:
        options["weight_decay"] = base_wd * overall_decay * decay_factor
    if key is not None:
        options |= custom[key]
    return options


def summary(params: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return how many groups have each of the settings that occur, in the order of the first of them.

    >>> summary([{"params": [], "lr": 0.1}, {"params": []}, {"params": [], "lr": 0.1}])
    ['2 with lr=0.1', '1 as the optimizer says']
    """
    counts = Counter(
        ", ".join(f"{key}={value}" for key, value in group.items() if key != "params") for group in params
    )
    return [
        f"{count} with {settings}" if settings else f"{count} as the optimizer says"
        for settings, count in counts.items()
    ]


def is_dcn(module: nn.Module) -> bool:
    """Whether `module` is a deformable convolution (of mmcv, torchvision or detectron2), by the name of its
    class.

    >>> is_dcn(nn.Conv2d(1, 1, 1))
    False
    """
    names = {kind.__name__ for kind in type(module).__mro__}
    return not names.isdisjoint(
        {"DeformConv2d", "ModulatedDeformConv2d", "DeformConv", "ModulatedDeformConv"}
    )


def _lr_factor(
    name: str, module: nn.Module, rules: Mapping[str, Any], prefix: str, in_dcn: bool
) -> float | None:
    if "dcn_offset_lr_mult" in rules and in_dcn and "conv_offset" in prefix and isinstance(module, nn.Conv2d):
        return float(rules["dcn_offset_lr_mult"])
    if "bias_lr_mult" in rules and name == "bias" and not isinstance(module, NORM_LAYERS) and not in_dcn:
        return float(rules["bias_lr_mult"])
    return None


def _decay_factor(
    name: str, parameter: nn.Parameter, module: nn.Module, rules: Mapping[str, Any], in_dcn: bool
) -> float | None:
    if "norm_decay_mult" in rules and isinstance(module, NORM_LAYERS):
        return float(rules["norm_decay_mult"])
    if "bias_decay_mult" in rules and name == "bias" and not in_dcn and not isinstance(module, NORM_LAYERS):
        return float(rules["bias_decay_mult"])
    depth_wise = isinstance(module, nn.Conv2d) and module.in_channels == module.groups
    if "dwconv_decay_mult" in rules and depth_wise and not in_dcn:
        return float(rules["dwconv_decay_mult"])
    if "flat_decay_mult" in rules and parameter.ndim == 1 and not in_dcn:
        return float(rules["flat_decay_mult"])
    return None
