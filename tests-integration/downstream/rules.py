"""A grid of paramwise rules and kinds of modules: the groups which `DefaultOptimWrapperConstructor` makes of them.

No project is needed. Where mmcv is installed it is hidden, because MMEngine looks into it for deformable convolutions;
`deformable` is the part of the grid that is about those.
"""

import sys
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

RATE, DECAY = 0.02, 0.01


class Root(nn.Module):
    """One module of each kind that a rule tells apart, at the root and nested, and parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.pos_embed = nn.Parameter(torch.zeros(1, 3, 4))
        self.conv = nn.Conv2d(4, 4, 1)
        self.depthwise = nn.Conv2d(4, 4, 1, groups=4)
        self.depthwise_multiplier = nn.Conv2d(4, 8, 1, groups=4, bias=False)
        self.grouped = nn.Conv2d(4, 4, 1, groups=2)
        self.transposed = nn.ConvTranspose2d(4, 4, 1)
        self.batch_norm = nn.BatchNorm2d(4)
        self.group_norm = nn.GroupNorm(2, 4)
        self.layer_norm = nn.LayerNorm(4)
        self.instance_norm = nn.InstanceNorm2d(4, affine=True)
        self.sync_norm = nn.SyncBatchNorm(4)
        self.embedding = nn.Embedding(3, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.recurrent = nn.LSTM(4, 4)
        self.prelu = nn.PReLU(4)
        self.head = nn.Linear(4, 2, bias=False)
        self.backbone = nn.Sequential(Block(), nn.Sequential(Block(), nn.Linear(4, 4)))
        self.frozen = nn.Linear(4, 4).requires_grad_(False)


class Block(nn.Module):
    """A nested part with a parameter, a depthwise convolution, a norm and a name that looks like an offset."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(4))
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.conv_offset = nn.Conv2d(4, 18, 3)
        self.norm = nn.BatchNorm1d(4)


class Shared(nn.Module):
    """A module and a parameter that are reached by two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = self.first
        self.norm = nn.LayerNorm(4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight


SINGLE: dict[str, Any] = {
    "norm_decay_mult": 0.0,
    "bias_decay_mult": 0.5,
    "bias_lr_mult": 2.0,
    "dwconv_decay_mult": 0.25,
    "dcn_offset_lr_mult": 0.1,
    "flat_decay_mult": 0.125,
}

CUSTOM: dict[str, dict[str, dict[str, float]]] = {
    "root_parameter": {".cls_token": {"decay_mult": 0.0}, ".pos_embed": {"lr_mult": 0.5}},
    "root_module": {".head": {"lr_mult": 10.0}, ".conv": {"lr_mult": 3.0, "decay_mult": 0.0}},
    "nested": {"backbone": {"lr_mult": 0.1}, "backbone.0": {"lr_mult": 0.2}},
    "longest_first": {
        "conv": {"lr_mult": 2.0},
        "conv_offset": {"lr_mult": 3.0},
        "backbone": {"decay_mult": 0.0},
    },
    "same_length": {"norm": {"lr_mult": 2.0}, "conv": {"lr_mult": 3.0}, "bias": {"lr_mult": 5.0}},
    "of_a_kind": {"norm": {"decay_mult": 0.0}, "bias": {"decay_mult": 0.0}},
    "part_of_a_name": {"emb": {"decay_mult": 0.0}, "head.weight": {"lr_mult": 4.0}},
    "everything": {"": {"lr_mult": 0.5}, "backbone": {"decay_mult": 2.0}},
    "nothing": {"neck": {"lr_mult": 0.5}},
}


def grid() -> dict[str, Any]:
    """Return what each combination of rules gives: groups, or the type of the error."""
    sys.modules["mmcv"] = None  # type: ignore[assignment]  # this is how an import is made to fail
    cases = {name: {name: value} for name, value in SINGLE.items()}
    cases |= {f"{a} {b}": {a: SINGLE[a], b: SINGLE[b]} for a, b in combinations(SINGLE, 2)}
    cases |= {f"custom {name}": {"custom_keys": keys} for name, keys in CUSTOM.items()}
    cases |= {f"custom {name} with all": {**SINGLE, "custom_keys": keys} for name, keys in CUSTOM.items()}
    cases |= {"none": {}, "all": dict(SINGLE), "bypass_duplicate": {"bypass_duplicate": True}}
    recorded = {name: groups(Root(), rules) for name, rules in cases.items()}
    recorded |= {f"shared {name}": groups(Shared(), rules) for name, rules in SHARED.items()}
    recorded |= {f"{name} without a decay": groups(Root(), {name: 0.5}, decay=None) for name in SINGLE}
    return recorded


SHARED: dict[str, dict[str, Any]] = {
    "refused": {"norm_decay_mult": 0.0},
    "passed": {"norm_decay_mult": 0.0, "bypass_duplicate": True},
    "by_the_second_name": {"custom_keys": {"second": {"lr_mult": 0.5}}, "bypass_duplicate": True},
    "by_the_first_name": {"custom_keys": {"first": {"lr_mult": 0.5}}, "bypass_duplicate": True},
}


def deformable() -> dict[str, Any]:
    """Return the groups of a deformable convolution of mmcv, whose offsets have a rate of their own."""
    from mmcv.ops import DeformConv2dPack, ModulatedDeformConv2dPack

    def model() -> nn.Module:
        parts = {
            "first": DeformConv2dPack(4, 4, 3),
            "second": ModulatedDeformConv2dPack(4, 4, 3),
            "last": Block(),
        }
        return nn.Sequential(nn.ModuleDict(parts))

    cases = {"dcn_offset_lr_mult": {"dcn_offset_lr_mult": 0.1}, "all": dict(SINGLE)}
    cases["bias_lr_mult"] = {"bias_lr_mult": 2.0, "dcn_offset_lr_mult": 0.1}
    return {name: groups(model(), rules) for name, rules in cases.items()}


def groups(model: nn.Module, rules: Mapping[str, Any], decay: float | None = DECAY) -> Any:
    """Return `[["names of parameters", rate, decay, how many groups], ...]`, equal neighbours in one line."""
    optimizer = {"type": "SGD", "lr": RATE} | ({} if decay is None else {"weight_decay": decay})
    try:
        wrapper = build_optim_wrapper(model, {"optimizer": optimizer, "paramwise_cfg": dict(rules)})
    except (ValueError, TypeError, KeyError) as error:
        return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    lines: list[list[Any]] = []
    for group in wrapper.optimizer.param_groups:
        members = " ".join(names[id(parameter)] for parameter in group["params"])
        values = [repr(group["lr"]), repr(group["weight_decay"])]
        if lines and lines[-1][1:3] == values:
            lines[-1] = [f"{lines[-1][0]} {members}", *values, lines[-1][3] + 1]
        else:
            lines.append([members, *values, 1])
    return lines
