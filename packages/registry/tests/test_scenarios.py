"""The roads that a newcomer takes, as the guide tells them."""

import importlib

import pytest

import eng_registry
from eng_registry import Registry, init_default_scope
from eng_registry.scope import in_force


@pytest.fixture(autouse=True)
def no_scope():
    """Each scenario starts without a scope in force."""
    token = in_force.set(None)
    yield
    in_force.reset(token)


ACTIVATIONS = """
from activation_home import ACTIVATION

@ACTIVATION.register_module()
class Sigmoid:
    def forward(self, x):
        return "sigmoid"

@ACTIVATION.register_module()
class ReLU:
    def __init__(self, inplace=False):
        self.inplace = inplace

@ACTIVATION.register_module()
class Softmax:
    pass
"""


def test_a_registry_with_a_location(on_disk):
    """The modules are imported when a name is first asked for."""
    on_disk(
        {
            "activation_home.py": """
            from eng_registry import Registry
            ACTIVATION = Registry("activation", scope="eng", locations=["activation_models"])
            """,
            "activation_models.py": ACTIVATIONS,
        }
    )
    home = importlib.import_module("activation_home")
    assert home.ACTIVATION.module_dict == {}
    assert home.ACTIVATION.build({"type": "ReLU", "inplace": True}).inplace is True
    assert home.ACTIVATION.build({"type": "Sigmoid"}).forward(1) == "sigmoid"
    assert list(home.ACTIVATION.module_dict) == ["Sigmoid", "ReLU", "Softmax"]


def test_a_build_function_of_ones_own():
    """It gets the configuration, the registry, and whatever else `build` was given."""
    calls = []

    def build_activation(cfg, registry, *args, **kwargs):
        cfg_ = dict(cfg)
        kind = cfg_.pop("type")
        calls.append(kind)
        return registry.get(kind)(*args, **kwargs, **cfg_)

    activations = Registry("activation", build_func=build_activation, scope="eng")
    activations.register_module("Tanh", module=dict)
    assert activations.build({"type": "Tanh", "a": 1}, b=2) == {"a": 1, "b": 2}
    assert calls == ["Tanh"]


def test_a_registry_of_functions():
    """Building calls them."""
    functions = Registry("function", scope="eng")

    @functions.register_module()
    def print_args(**kwargs):
        return kwargs

    assert functions.build({"type": "print_args", "a": 1, "b": 2}) == {"a": 1, "b": 2}


@pytest.fixture
def projects():
    """Two projects below the same root registry, as packages on top of the engine have."""
    root = Registry("model", scope="eng")
    alpha = Registry("model", parent=root, scope="mmalpha")
    beta = Registry("model", parent=root, scope="mmbeta")

    @root.register_module()
    class RReLU:
        pass

    @alpha.register_module()
    class LogSoftmax:
        pass

    return root, alpha, beta


def test_a_child_project(projects):
    """Falls back to its parent, and reaches its siblings by their scope."""
    root, alpha, beta = projects
    names = [
        type(alpha.build({"type": "RReLU"})).__name__,
        type(alpha.build({"type": "mmengine.RReLU"})).__name__,
        type(beta.build({"type": "mmalpha.LogSoftmax"})).__name__,
        type(beta.build({"type": "LogSoftmax", "_scope_": "mmalpha"})).__name__,
        type(root.build({"type": "mmalpha.LogSoftmax"})).__name__,
    ]
    assert names == ["RReLU", "RReLU", "LogSoftmax", "LogSoftmax", "LogSoftmax"]


def test_the_root_finds_names_of_a_project_whose_scope_is_in_force(projects):
    """And not before."""
    root, _, _ = projects
    with pytest.raises(KeyError, match=r"mmalpha::model \(`mmalpha.LogSoftmax`\)"):
        root.build({"type": "LogSoftmax"})
    init_default_scope("mmalpha")
    assert type(root.build({"type": "LogSoftmax"})).__name__ == "LogSoftmax"


def test_the_root_registries_are_at_the_front_door():
    """One import for all."""
    assert isinstance(eng_registry.MODELS, eng_registry.Registry)
