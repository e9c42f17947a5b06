"""Merges of configuration files: pairs of a base and a child, drawn ones, and which values are one object after."""

import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

BASE = """
net = dict(type='Net', depth=50, stages=[dict(width=8), dict(width=16)], norm=dict(type='BN', eps=1e-5))
pipeline = [dict(type='Load'), dict(type='Flip', prob=0.5), dict(type='Pack', keys=('img', 'label'))]
data = dict(batch_size=2, dataset=dict(type='Set', pipeline=pipeline), sampler=dict(type='Default', shuffle=True))
optim = dict(type='SGD', lr=0.01, paramwise=dict(custom_keys={'.cls_token': dict(decay_mult=0.0)}))
steps = [1, 2, 3]
name = 'base'
number = 3
nothing = None
"""

CHILDREN: dict[str, str] = {
    "unchanged": "",
    "nested_value": "net = dict(norm=dict(eps=1e-3))",
    "new_key": "net = dict(extra=dict(a=1))",
    "dict_over_value": "number = dict(a=1)",
    "dict_over_none": "nothing = dict(a=1)",
    "value_over_dict": "net = 1",
    "none_over_dict": "net = None",
    "list_replaced": "steps = [9]",
    "list_of_dicts_replaced": "pipeline = [dict(type='Other')]",
    "list_by_index": "net = dict(stages={'1': dict(width=32)})",
    "list_by_index_at_the_top": "pipeline = {'1': dict(prob=0.1)}",
    "list_by_an_index_too_high": "net = dict(stages={'7': dict(width=32)})",
    "list_by_integer": "net = dict(stages={0: dict(width=32)})",
    "delete": "net = dict(_delete_=True, type='Other')",
    "delete_nested": "net = dict(norm=dict(_delete_=True, type='GN'))",
    "delete_within_delete": "net = dict(_delete_=True, type='Other', norm=dict(_delete_=True, type='GN'))",
    "delete_what_is_new": "other = dict(_delete_=True, type='Other')",
    "delete_false": "net = dict(_delete_=False, type='Other')",
    "delete_in_a_list": "pipeline = [dict(_delete_=True, type='Other')]",
    "delete_by_index": "net = dict(stages={'0': dict(_delete_=True, type='Other')})",
    "reference_to_a_dict": "other = _base_.net",
    "reference_inside": "other = dict(cfg=_base_.net.norm, depth=_base_.net.depth)",
    "reference_wrapped_into_itself": "net = dict(type='Wrap', cfg=_base_.net)",
    "reference_wrapped_with_delete": "net = dict(_delete_=True, type='Wrap', cfg=_base_.net)",
    "reference_nested_into_itself": "net = dict(norm=dict(type='Wrap', inner=_base_.net.norm))",
    "reference_twice": "first = _base_.net\nsecond = _base_.net",
    "reference_changed_by_item": "other = _base_.net\nother['depth'] = 99",
    "reference_changed_by_attribute": "other = _base_.net\nother.norm.eps = 99",
    "reference_updated": "other = _base_.net\nother.update(dict(depth=99, norm=dict(type='GN')))",
    "reference_list_appended": "steps2 = _base_.steps\nsteps2.append(9)",
    "reference_list_of_dicts_changed": "pipeline2 = _base_.pipeline\npipeline2[1]['prob'] = 9",
    "reference_changed_and_merged": "other = _base_.net\nother.depth = 99\nnet = dict(depth=7)",
    "base_changed_in_place": "_base_.net.depth = 99",
    "base_pipeline_inserted": (
        "_base_.pipeline.insert(1, dict(type='Other'))\ndata = dict(dataset=dict(pipeline=_base_.pipeline))"
    ),
    "reference_in_a_list": "hooks = [_base_.net, dict(cfg=_base_.net), _base_.steps]",
    "reference_in_a_tuple": "pair = (_base_.net, _base_.number)",
    "reference_in_a_call": "other = dict(_base_.net, depth=9)",
    "reference_unpacked": "other = {**_base_.net, 'depth': 9}",
    "reference_copied": "import copy\nother = copy.deepcopy(_base_.net)\nother.depth = 9",
    "reference_popped": "other = _base_.net\nlast = other.pop('norm')",
    "reference_by_braces": "other = {{_base_.net}}",
    "reference_by_braces_nested": "other = dict(cfg={{_base_.net.norm}}, name={{_base_.name}}, steps={{_base_.steps}})",
    "reference_by_braces_wrapped": "net = dict(type='Wrap', cfg={{_base_.net}})",
    "arithmetic": "number = _base_.number * 2\nother = _base_.net.depth // 2 + len(_base_.steps)",
    "text": "name = f'{_base_.name}-child'",
    "comprehension": "other = [dict(step, seen=True) for step in _base_.pipeline]",
    "loop": "total = 0\nfor step in _base_.steps:\n    total += step",
    "function_and_module": "import math\ndef f(x):\n    return x + 1\nother = f(_base_.number) + math.floor(1.5)",
    "deleted_variable": "helper = 3\nother = helper\ndel helper",
    "private": "_helper = 3\n__hidden = 4\nother = _helper",
    "filename_variables": "other = '{{ fileBasenameNoExtension }}{{ fileExtname }}'",
    "keys_of_custom": "optim = dict(paramwise=dict(custom_keys={'.pos_embed': dict(decay_mult=0.0)}))",
    "tuple_over_list": "steps = (1, 2)",
    "set_value": "steps = {1}",
    "reserved": "item = 3",
}
"""Name -> what the child adds to `_base_ = './base.py'`."""

SECOND = "schedule = dict(type='Linear', steps=[1, 2], inner=dict(a=1))\nother_name = 'second'\n"

OF_TWO: dict[str, str] = {
    "both": "net = dict(depth=18)\nschedule = dict(inner=dict(b=2))",
    "reference_across": "schedule = dict(net=_base_.net)\nnet = dict(schedule=_base_.schedule)",
    "reference_changed_across": "schedule = dict(net=_base_.net)\nnet = dict(depth=9)",
}
"""Name -> what the child adds to `_base_ = ['./base.py', './second.py']`."""


LAZY_BASE = """
from collections import OrderedDict
net = dict(type=OrderedDict, depth=50, norm=dict(type='BN', eps=1e-5))
steps = [1, 2, 3]
pipeline = [dict(type='Load'), dict(type='Flip', prob=0.5)]
data = dict(pipeline=pipeline, batch_size=2)
"""

LAZY: dict[str, str] = {
    "unchanged": "",
    "updated": "net.update(dict(depth=18, norm=dict(eps=1e-3)))",
    "replaced": "net = dict(type='Other')",
    "delete": "net.update(dict(norm=dict(_delete_=True, type='GN')))",
    "merge": "net.merge(dict(norm=dict(_delete_=True, type='GN')))",
    "wrapped_into_itself": "net = dict(type='Wrap', cfg=net)",
    "alias_changed": "other = net\nother.update(dict(depth=99))",
    "alias_in_a_dict_changed": "other = dict(cfg=net)\nother['cfg']['depth'] = 99",
    "list_changed": "pipeline[1].update(prob=9)",
    "list_appended": "steps.append(4)",
    "type_replaced": "from collections import Counter\nnet.update(type=Counter)",
    "arithmetic": "other = steps[0] + net['depth']",
}
"""Name -> what the child adds to `with read_base(): from .lazy_base import *`."""


def merges() -> dict[str, Any]:
    """Return what each child changes of its base, or the type of the error, and which values are one object."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "base.py", BASE)
        write(root / "second.py", SECOND)
        write(root / "lazy_base.py", LAZY_BASE)
        recorded: dict[str, Any] = {"base": values(Config.fromfile(str(root / "base.py")))}
        recorded |= {name: child(root, "_base_ = './base.py'", text) for name, text in CHILDREN.items()}
        two = "_base_ = ['./base.py', './second.py']"
        recorded |= {f"two {name}": child(root, two, text) for name, text in OF_TWO.items()}
        recorded["two the_same_key"] = child(root, "_base_ = ['./base.py', './base.py']", "")
        recorded["computed base"] = child(root, "_base_ = ['./ba' + 'se.py']", "net = dict(depth=9)")
        recorded["three levels"] = three_levels(root)
        recorded |= {f"options {name}": options(root, change) for name, change in OPTIONS.items()}
        lazy = Config.fromfile(str(root / "lazy_base.py"))
        recorded |= {"lazy base": values(lazy), "lazy base to_dict": plain(lazy.to_dict())}
        recorded |= {f"lazy {name}": lazy_child(root, text) for name, text in LAZY.items()}
    return recorded


def child(root: Path, head: str, text: str) -> Any:
    write(root / "child.py", f"{head}\n{text}\n")
    return outcome(root / "child.py", root / "base.py")


def lazy_child(root: Path, text: str) -> Any:
    head = "from mmengine.config import read_base\nwith read_base():\n    from .lazy_base import *"
    write(root / "lazy_child.py", f"{head}\n{text}\n")
    write(root / "lazy_unchanged.py", f"{head}\n")
    return outcome(root / "lazy_child.py", root / "lazy_unchanged.py")


def outcome(path: Path, base: Path) -> Any:
    try:
        cfg = Config.fromfile(str(path))
        return {**changes(cfg, Config.fromfile(str(base))), "shared": sorted(shared(cfg))}
    except Exception as error:  # any type is recorded
        return kind_of(error)


def changes(cfg: Config, base: Config) -> dict[str, Any]:
    """Return the entries that are not those of the base."""
    new, old = values(cfg), values(base)
    changed = {key: value for key, value in new.items() if key not in old or old[key] != value}
    return {"changed": changed, "gone": sorted(old.keys() - new.keys())}


def values(cfg: Config) -> dict[str, Any]:
    """Return the entries of a configuration; what a lazy file imported is not a value of it."""
    return plain({key: value for key, value in cfg._cfg_dict.items() if not isinstance(value, type)})


def kind_of(error: Exception) -> str:
    """Return the name of the type of Python's own which an error is: a subclass of it is caught the same way."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")


def three_levels(root: Path) -> Any:
    write(
        root / "middle.py",
        "_base_ = './base.py'\nnet = dict(depth=34, wrapped=_base_.net)\nmiddle = _base_.steps\n",
    )
    write(
        root / "top.py",
        "_base_ = './middle.py'\nnet = dict(wrapped=dict(depth=1))\nother = _base_.net\nother.depth = 2\n",
    )
    return outcome(root / "top.py", root / "base.py")


OPTIONS: dict[str, dict[str, Any]] = {
    "value": {"net.depth": 18},
    "new": {"net.other.deep": 1},
    "list_by_index": {"pipeline.1.prob": 0.1},
    "list_by_index_deeper": {"net.stages.0.width": 1, "net.stages.1.width": 2},
    "list_replaced": {"steps": [7]},
    "whole_dict": {"net": {"type": "Other"}},
    "delete": {"net": {"_delete_": True, "type": "Other"}},
    "through_a_shared_list": {"data.dataset.pipeline.1.prob": 0.1},
    "index_too_high": {"steps.9": 1},
}
"""Name -> what `merge_from_dict` gets, as `--cfg-options` gives it."""


def options(root: Path, change: Mapping[str, Any]) -> Any:
    cfg = Config.fromfile(str(root / "base.py"))
    try:
        cfg.merge_from_dict(dict(change))
        return changes(cfg, Config.fromfile(str(root / "base.py")))
    except Exception as error:  # any type is recorded
        return kind_of(error)


def shared(cfg: Config) -> Iterator[str]:
    """Yield pairs of paths which are one object, so that a change of one changes the other."""
    first: dict[int, str] = {}
    for path, value in containers(cfg._cfg_dict, ""):
        if id(value) in first:
            yield f"{first[id(value)]} {path}"
        first.setdefault(id(value), path)


def containers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield path, value
        for key in value:
            yield from containers(value[key], f"{path}.{key}")
    elif isinstance(value, list | tuple):
        if isinstance(value, list):
            yield path, value
        for number, part in enumerate(value):
            yield from containers(part, f"{path}.{number}")


def plain(value: Any) -> Any:
    """Return JSON in which a tuple, a set and a float stay what they are."""
    if isinstance(value, Mapping):
        return {
            str(key) if isinstance(key, str) else f"<{key!r}>": plain(part) for key, part in value.items()
        }
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, tuple):
        return {"<tuple>": [plain(part) for part in value]}
    return value if value is None or isinstance(value, str | int | bool) else f"<{value!r}>"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def drawn_merges(count: int = 80) -> dict[str, Any]:
    """Return the merged values of drawn children that refer to a drawn base."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return {str(seed): drawn_merge(root, Draw(seed)) for seed in range(count)}


def drawn_merge(root: Path, draw: "Draw") -> Any:
    base = {key: draw.value(4) for key in "abc"}
    write(root / "base.py", "".join(f"{key} = {value!r}\n" for key, value in base.items()))
    write(root / "child.py", "_base_ = './base.py'\n" + draw.child(base))
    return outcome(root / "child.py", root / "base.py")


class Draw:
    """Draws values and children; uses `random()` alone, whose numbers are the same under every Python."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def below(self, number: int) -> int:
        return int(self.random() * number)

    def value(self, depth: int) -> Any:
        kind = self.below(4) if depth else 2
        if kind == 0:
            return [self.value(depth - 1) for _ in range(1 + self.below(2))]
        if kind == 1 or depth == 4:
            return {"xyz"[i]: self.value(depth - 1) for i in range(1 + self.below(3))}
        return self.below(10)

    def child(self, base: Mapping[str, Any]) -> str:
        lines = []
        for key in "abcd":
            if self.below(3):
                lines.append(f"{key} = {self.expression(base, base.get(key), 2)}")
            if self.below(3) == 0 and lines and lines[-1].startswith(f"{key} = _base_"):
                lines.append(f"if isinstance({key}, dict): {key}.update(n={self.below(10)})")
        return "\n".join(lines) + "\n"

    def expression(self, base: Mapping[str, Any], over: Any, depth: int) -> str:
        kind = self.below(6)
        if kind < 2:
            return "_base_" + self.path(base)
        if kind == 2 or depth == 0 or (over is not None and not isinstance(over, dict)):
            return repr(self.value(0 if isinstance(over, dict) else 2))
        delete = isinstance(over, dict) and self.below(4) == 0
        over = over if isinstance(over, dict) and not delete else {}
        keys = [key for key in "xyzn" if self.below(2)] or ["x"]
        parts = [f"{key}={self.expression(base, over.get(key), depth - 1)}" for key in keys]
        return f"dict({', '.join(['_delete_=True'] * delete + parts)})"

    def path(self, base: Mapping[str, Any]) -> str:
        key = "abc"[self.below(3)]
        path, value = f".{key}", base[key]
        while isinstance(value, dict) and self.below(2):
            key = sorted(value)[self.below(len(value))]
            path, value = f"{path}.{key}", value[key]
        return path
