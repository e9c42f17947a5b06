"""Objects from mappings, and what is said when that fails."""

import collections
import traceback
from types import SimpleNamespace
from typing import ClassVar

import pytest

from eng_registry import (
    ArgumentsError,
    BuildError,
    Registry,
    build_from_cfg,
    build_model_from_cfg,
    build_optimizer_from_cfg,
    build_runner_from_cfg,
    build_scheduler_from_cfg,
    config_path,
)


@pytest.fixture
def blocks():
    """A registry with a class that takes two arguments, and one that builds a part of its own."""
    registry = Registry("block", scope="demo")

    @registry.register_module()
    class Block:
        def __init__(self, width, depth=1):
            self.width, self.depth = width, depth

    @registry.register_module()
    class Net:
        def __init__(self, stem, layers=()):
            self.stem = registry.build(stem)
            self.layers = [registry.build(layer) for layer in layers]

    return registry


def test_type_is_taken_out_and_the_rest_are_arguments(blocks):
    """The mapping itself stays as it was."""
    cfg = {"type": "Block", "width": 3}
    built = build_from_cfg(cfg, blocks)
    assert (built.width, built.depth) == (3, 1)
    assert cfg == {"type": "Block", "width": 3}


def test_default_arguments_fill_in_what_is_missing(blocks):
    """`type` too; what is there wins."""
    built = build_from_cfg({"width": 3}, blocks, default_args={"type": "Block", "width": 9, "depth": 2})
    assert (built.width, built.depth) == (3, 2)


def test_a_class_or_function_as_type_is_called_as_it_is(blocks):
    """The registry is not asked."""
    assert blocks.build({"type": dict, "a": 1}) == {"a": 1}
    assert blocks.build({"type": lambda a: a + 1, "a": 1}) == 2


def test_any_mapping_will_do(blocks):
    """Also one that only delegates."""

    class Delegating:
        def keys(self):
            return ["type", "width"]

        def __getitem__(self, key):
            return {"type": "Block", "width": 5}[key]

    for cfg in (
        collections.OrderedDict(type="Block", width=5),
        collections.ChainMap({"type": "Block", "width": 5}),
    ):
        assert blocks.build(cfg).width == 5
    assert build_from_cfg(Delegating(), blocks).width == 5


def test_a_class_that_keeps_one_object_per_name_is_asked_for_it(blocks):
    """`get_instance` instead of the constructor."""

    @blocks.register_module()
    class Hub:
        made: ClassVar[dict] = {}

        @classmethod
        def check_instance_created(cls, name):
            return name in cls.made

        @classmethod
        def get_instance(cls, name, **kwargs):
            return cls.made.setdefault(name, (name, kwargs))

    assert blocks.build({"type": "Hub", "name": "a", "x": 1}) is blocks.build({"type": "Hub", "name": "a"})


@pytest.mark.parametrize("cfg", ["Block", 3, None, [("type", "Block")]])
def test_a_configuration_is_a_mapping(blocks, cfg):
    """Anything else is a TypeError."""
    with pytest.raises(TypeError, match="a configuration must be a mapping"):
        build_from_cfg(cfg, blocks)


def test_type_must_be_there(blocks):
    """What is there is told."""
    with pytest.raises(KeyError, match=r'needs a "type".*it has only `width`, `depth`'):
        build_from_cfg({"width": 1, "depth": 2}, blocks)
    with pytest.raises(KeyError, match="it is empty"):
        build_from_cfg({}, blocks, default_args={})


def test_the_registry_is_a_registry():
    """A dictionary is not."""
    with pytest.raises(TypeError, match="registry must be a Registry"):
        build_from_cfg({"type": "Block"}, {"Block": dict})


def test_default_arguments_are_a_mapping(blocks):
    """Or None."""
    with pytest.raises(TypeError, match="default_args must be a mapping"):
        build_from_cfg({"type": "Block"}, blocks, default_args=1)


@pytest.mark.parametrize("kind", [3, None, ["Block"], {"type": "Block"}])
def test_type_is_a_name_or_callable(blocks, kind):
    """A dictionary is neither."""
    with pytest.raises(TypeError, match="`type` must be a registered name, a class or a function"):
        blocks.build({"type": kind})


def test_an_unknown_type(blocks):
    """The registry, the nearest name and all names are told."""
    with pytest.raises(KeyError) as caught:
        blocks.build({"type": "Blok", "width": 1})
    message = "Blok is not in the demo::block registry; did you mean `Block`? Registered: Block, Net."
    assert str(caught.value) == message


def test_wrong_arguments_say_what_is_accepted(blocks):
    """Unknown and missing ones at once, with the nearest name; still a TypeError, with the original as its cause."""
    with pytest.raises(TypeError) as caught:
        blocks.build({"type": "Block", "widht": 1})
    error = caught.value
    assert isinstance(error, ArgumentsError)
    assert error.what == (
        "Block takes no argument `widht`, did you mean `width`?; Block needs `width`. It takes: `width`, `depth`."
    )
    assert isinstance(error.__cause__, TypeError)


def test_a_type_error_of_the_constructor_itself_is_told_as_it_is(blocks):
    """It is no matter of arguments; its traceback stays."""

    @blocks.register_module()
    def add(a):
        return a + "x"

    with pytest.raises(
        TypeError, match=r"add raised TypeError: unsupported operand.*It takes: `a`\."
    ) as caught:
        blocks.build({"type": "add", "a": 1})
    assert "in add" in "".join(traceback.format_exception(caught.value))


def test_another_error_keeps_its_type_and_gets_a_note(blocks):
    """With the way to the part that raised it."""

    @blocks.register_module()
    def fail():
        raise ZeroDivisionError("no")

    cfg = {"type": "Net", "stem": {"type": "Block", "width": 1}, "layers": [{"type": "fail"}]}
    with pytest.raises(ZeroDivisionError, match="no") as caught:
        blocks.build(cfg)
    assert caught.value.__notes__ == ["while building `layers[0]` (fail)"]


def test_the_path_grows_from_the_inside(blocks):
    """Each build adds the way from its own mapping to the one that failed."""
    cfg = {
        "type": "Net",
        "stem": {"type": "Block", "width": 1},
        "layers": [{"type": "Net", "stem": {"type": "Block", "widht": 1}}],
    }
    with pytest.raises(BuildError) as caught, config_path("model"):
        blocks.build(cfg)
    assert caught.value.path == "model.layers[0].stem"
    assert str(caught.value).startswith("`model.layers[0].stem`: Block takes no argument `widht`")


def test_a_constructor_that_builds_a_copy_is_followed_by_type(blocks):
    """The part of the same type is meant."""

    @blocks.register_module()
    def outer(part):
        return blocks.build({**part, "extra": 1})

    with pytest.raises(BuildError) as caught:
        blocks.build({"type": "outer", "part": {"type": "Block", "width": 1}})
    assert caught.value.path == "part"


class Origin:
    """What a configuration may tell of a value."""

    def __init__(self, file, line, path):
        self.file, self.line, self.path = file, line, path


class Traced(dict):
    """A mapping that knows where it was written."""

    def __origin__(self, key=None):
        return Origin("net.py", 7 if key is None else 8, "model.stem")


def test_a_mapping_may_tell_where_it_was_written(blocks):
    """Then the message starts with the file and the line, and the path is the configuration's own."""
    with pytest.raises(BuildError) as caught:
        blocks.build({"type": "Net", "stem": Traced(type="Block", widht=1)})
    assert (caught.value.path, caught.value.origin) == ("model.stem", "net.py:8")
    assert str(caught.value).startswith("net.py:8: `model.stem`: Block takes no argument")


def test_a_list_of_models_is_a_sequential(blocks):
    """Of the class that is registered under that name."""

    @blocks.register_module()
    def Sequential(*parts):
        return list(parts)

    cfgs = [{"type": "Block", "width": 1}, {"type": "Block", "width": 2}]
    assert [part.width for part in build_model_from_cfg(cfgs, blocks)] == [1, 2]
    assert build_model_from_cfg(cfgs[1], blocks).width == 2
    with pytest.raises(BuildError) as caught:
        build_model_from_cfg([cfgs[0], {"type": "Block"}], blocks)
    assert caught.value.path == "[1]"


def test_a_runner_is_made_from_the_whole_configuration(blocks):
    """By `from_cfg` of the class that `runner_type` names."""

    @blocks.register_module()
    class Runner:
        @classmethod
        def from_cfg(cls, cfg):
            return (cls.__name__, dict(cfg))

    @blocks.register_module()
    class Other(Runner):
        pass

    assert build_runner_from_cfg({"lr": 1, "_scope_": "demo"}, blocks) == ("Runner", {"lr": 1})
    assert build_runner_from_cfg({"runner_type": Other}, blocks) == ("Other", {"runner_type": Other})
    with pytest.raises(KeyError, match="Rnner"):
        build_runner_from_cfg({"runner_type": "Rnner"}, blocks)
    for cfg, registry in ((3, blocks), ({}, 3)):
        with pytest.raises(AssertionError):
            build_runner_from_cfg(cfg, registry)


@pytest.fixture
def schedules():
    """A registry with one schedule."""
    registry = Registry("schedule", scope="demo", build_func=build_scheduler_from_cfg)

    @registry.register_module()
    class Step:
        def __init__(self, end, by_epoch=True):
            self.end, self.by_epoch = end, by_epoch

        @classmethod
        def build_iter_from_epoch(cls, end, epoch_length, by_epoch=True):
            return cls(end * epoch_length, by_epoch=False)

    return registry


def test_a_schedule_may_be_converted_to_iterations(schedules):
    """With the length of an epoch, which is dropped otherwise."""
    cfg = {"type": "Step", "end": 100, "epoch_length": 10}
    assert schedules.build({**cfg, "convert_to_iter_based": True}).end == 1000
    assert schedules.build({"convert_to_iter_based": True, **cfg, "_scope_": "demo"}).by_epoch is False
    assert schedules.build(cfg).end == 100
    assert schedules.build({"type": "Step"}, default_args={"end": 3}).end == 3


def test_a_schedule_that_cannot_be_converted(schedules):
    """It must count epochs, and they must have a length."""
    cfg = {"type": "Step", "end": 1, "convert_to_iter_based": True}
    with pytest.raises(AssertionError, match="needs `epoch_length`"):
        schedules.build(cfg)
    with pytest.raises(AssertionError, match="by_epoch=True"):
        schedules.build({**cfg, "epoch_length": 2, "by_epoch": False})


def test_adafactor_says_which_one_is_meant(blocks, caplog):
    """There are two of that name."""
    blocks.register_module("Adafactor", module=dict)
    with caplog.at_level("INFO"):
        build_optimizer_from_cfg({"type": "Adafactor"}, blocks)
    assert "TorchAdafactor" in caplog.text


def test_a_part_that_knows_its_place_keeps_its_own_path():
    """Whatever is built around it: the outer build is not the one to blame."""

    class Told(dict):
        def __origin__(self, key=None):
            return SimpleNamespace(file="config.py", line=7, path="loader")

    def outer():
        with config_path("", Told(size=0)):
            raise ValueError("too small")

    functions = Registry("function", scope="outer")
    functions.register_module(name="outer", module=outer)
    with pytest.raises(ValueError, match="too small") as caught:
        functions.build({"type": "outer"})
    assert caught.value.__notes__ == ["config.py:7: while building `loader` (Told)"]
