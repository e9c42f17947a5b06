"""All problems of a configuration at once, before anything is built. Most messages are in `broken.yaml`."""

import pytest

from eng_config import Config, Part, parse_overrides


class Net:
    """Something to configure."""

    def __init__(self, depth: int = 18, backbone=None, layers=()):
        raise AssertionError("a check builds nothing")


class Loss:
    """In another registry."""

    def __init__(self, weight: float = 1.0): ...


class Augment:
    """Something in a pipeline."""

    def __init__(self, size: int): ...


class Scoped:
    """A registry that knows its names by scope."""

    def __init__(self):
        self.asked = []

    def find(self, key, scope=None):
        self.asked.append((key, scope))
        if scope == "zoo" and key == "Tiger":
            return Net
        raise KeyError(f"{key} is not in the {scope} registry")


MODELS, LOSSES, TRANSFORMS = {"Net": Net}, {"Loss": Loss}, {"Augment": Augment}


def told(cfg, registries, **more):
    return [str(problem) for problem in Config(cfg).check(registries, **more)]


def test_nothing_is_wrong():
    """Then nothing is told, and nothing was built."""
    cfg = {
        "model": {"type": "Net", "depth": 3, "layers": [{"type": "Net"}, {"type": Net}]},
        "free": {"type": "Any"},
    }
    assert told(cfg, {"model": MODELS}, keys=["model", "train_cfg"]) == []
    assert told(cfg, {}) == []


def test_a_nested_part_belongs_to_the_registry_around_it():
    """Or to any other that knows the name."""
    cfg = {"model": {"type": "Net", "backbone": {"type": "Nett"}, "layers": [{"type": "Loss", "size": 1}]}}
    assert told(cfg, {"model": MODELS, "loss": LOSSES}) == [
        "model.backbone.type: there is no `Nett` (did you mean `Net`?); there is: Net; write one of these",
        "model.layers.0.size: Loss takes no argument `size`; it takes: weight; rename it or take it out",
    ]


def test_patterns_leave_positions_out_and_the_most_literal_wins():
    """So that pipelines in datasets in loaders are found."""
    cfg = {
        "train_dataloader": {
            "dataset": {"dataset": {"pipeline": [{"type": "Augment", "size": "3"}, {"type": "Loss"}]}},
        }
    }
    registries = {"*": MODELS, "*_dataloader.*pipeline": TRANSFORMS, "loss": LOSSES}
    assert told(cfg, registries) == [
        (
            "train_dataloader.dataset.dataset.pipeline.0.size: `size` of Augment is of type `int`, not '3' (str); "
            "write 3, without quotes"
        ),
        "train_dataloader.dataset.dataset.pipeline.1.type: there is no `Loss`; there is: Augment; write one of these",
    ]


def test_what_the_builder_gives_and_takes():
    """Is neither missing nor unknown; the target stands for a type that is not there."""

    def loader(dataset, batch_size: int = 1, *, seed): ...

    part = Part(target=loader, given=["seed"], taken=["sampler"])
    cfg = {"loader": {"dataset": [1], "sampler": {"x": 1}, "batch_sizes": 2}}
    assert told(cfg, {"loader": part}) == [
        (
            "loader.batch_sizes: loader takes no argument `batch_sizes` (did you mean `batch_size`?); "
            "it takes: dataset, batch_size; rename it or take it out"
        )
    ]


def test_a_registry_is_asked_in_the_scope_of_the_part():
    """`_scope_` is handed on, and what the registry says is told."""
    registry = Scoped()
    cfg = {"a": {"type": "Tiger", "_scope_": "zoo"}, "b": {"type": "Tiger"}}
    assert told(cfg, {"[ab]": registry}) == ["b.type: 'Tiger is not in the None registry'"]
    assert registry.asked == [("Tiger", "zoo"), ("Tiger", None)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"trian_cfg": 1}, ["trian_cfg"]),
        ({"trian_cfg": {"a": 1}, "train_cfg": {"b": 2}}, ["trian_cfg"]),
        ({"trian_cfg": [1], "train_cfg": {"b": 2}}, []),
        ({"model_2": {}, "model": {}}, []),
        ({"test_pipeline": []}, []),
        ({"_trian_cfg": 1}, []),
        ({"something": 1, "lr": 2}, []),
        ({"Model": 1, "resme": 2}, ["Model", "resme"]),
    ],
)
def test_top_level_keys_near_a_known_one(keys, expected):
    """Alone, or beside the one that was meant; variables, free fields and other words are no mistakes."""
    found = Config(keys).check({}, keys=["train_cfg", "model", "resume", "tta_pipeline"])
    assert sorted(problem.path for problem in found) == sorted(expected)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("optim_wraper.lr=1", "no part has this name (did you mean `optim_wrapper`?)"),
        ("epoch=3", "neither the file nor any part has this name (did you mean `epochs`?)"),
        (
            "max_epochs=3",
            "neither the file nor any part has this name (did you mean `train_cfg.max_epochs`?)",
        ),
        ("tag='a'", "neither the file nor any part has this name, so nothing would read it"),
    ],
)
@pytest.mark.parametrize("recompute", [True, False])
def test_an_override_that_nothing_reads(on_disk, option, said, recompute):
    """It would change nothing, so it is told with the key that was meant."""
    text = "epochs = 2\ntrain_cfg = dict(max_epochs=epochs)\noptim_wrapper = dict(lr=2)\n"
    cfg = Config.fromfile(on_disk(cfg_py=text))
    cfg.merge_from_dict(parse_overrides([option]), recompute=recompute)
    (problem,) = cfg.check({}, keys=["train_cfg", "optim_wrapper", "resume"])
    assert str(problem).startswith(f"<command line>:1: {option.partition('=')[0].partition('.')[0]}: {said}")


@pytest.mark.parametrize("option", ["epochs=3", "resume=True", "train_cfg.val_interval=2"])
def test_an_override_that_something_reads(on_disk, option):
    """A key of the file, or one that a part has."""
    cfg = Config.fromfile(on_disk(cfg_py="epochs = 2\ntrain_cfg = dict(max_epochs=epochs)\n"))
    cfg.merge_from_dict(parse_overrides([option]), recompute=True)
    assert cfg.check({}, keys=["train_cfg", "resume"]) == ()


def test_a_variable_that_the_file_reads_is_no_mistake(on_disk):
    """However it is called."""
    cfg = Config.fromfile(on_disk(cfg_py="modl = dict(depth=1)\nnetwork = modl\n"))
    assert cfg.check({}, keys=["model"]) == ()


def test_a_part_says_what_it_is():
    """In a message or a debugger."""
    assert (
        repr(Part(MODELS, taken=["b", "a"])) == f"Part({MODELS!r}, target=None, given=[], taken=['a', 'b'])"
    )
