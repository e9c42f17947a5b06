"""The chapter on registries, snippet by snippet, run as programs of their own as a reader would run them.

This package needs no torch, so a class with a `forward` stands for `nn.Module`.
"""

import os
import subprocess
import sys
import textwrap

import pytest

NN = """
class Module:
    def __call__(self, x):
        return self.forward(x)
"""
ACTIVATIONS = """
import nn
from home import ACTIVATION

@ACTIVATION.register_module()
class Sigmoid(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        print('call Sigmoid.forward')
        return x

@ACTIVATION.register_module()
class ReLU(nn.Module):
    def __init__(self, inplace=False):
        super().__init__()

    def forward(self, x):
        print('call ReLU.forward')
        return x

class Softmax(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        print('call Softmax.forward')
        return x

ACTIVATION.register_module(module=Softmax)
"""
HOME = """
from eng_registry import Registry
ACTIVATION = Registry('activation', scope='eng', locations=['project.models.activations'])
"""
MMALPHA_REGISTRY = """
from eng_registry import Registry, MODELS as ENG_MODELS
MODELS = Registry('model', parent=ENG_MODELS, scope='mmalpha', locations=['mmalpha.models'])
"""
MMALPHA_MODELS = """
import nn
from mmalpha.registry import MODELS

@MODELS.register_module()
class LogSoftmax(nn.Module):
    def __init__(self, dim=None):
        super().__init__()

    def forward(self, x):
        print('call LogSoftmax.forward')
        return x
"""
RRELU = """
import nn
from eng_registry import Registry, MODELS

@MODELS.register_module()
class RReLU(nn.Module):
    def __init__(self, lower=0.125, upper=0.333, inplace=False):
        super().__init__()

    def forward(self, x):
        print('call RReLU.forward')
        return x

input = [1, 2]
"""


@pytest.fixture
def printed(tmp_path):
    """What a program prints that lies beside the modules of the chapter."""
    files = {
        "nn.py": NN,
        "home.py": HOME,
        "project/models/activations.py": ACTIVATIONS,
        "mmalpha/registry.py": MMALPHA_REGISTRY,
        "mmalpha/models.py": MMALPHA_MODELS,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(program):
        (tmp_path / "program.py").write_text(textwrap.dedent(program))
        done = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_getting_started(printed):
    """A registry with a location, its table, and switching the activation by changing the configuration."""
    program = """
    from home import ACTIVATION

    input = [1, 2]
    act_cfg = dict(type='Sigmoid')
    activation = ACTIVATION.build(act_cfg)
    print(activation(input))
    act_cfg = dict(type='ReLU', inplace=True)
    activation = ACTIVATION.build(act_cfg)
    print(activation(input))
    print(ACTIVATION.module_dict)
    """
    assert printed(program) == [
        "call Sigmoid.forward",
        "[1, 2]",
        "call ReLU.forward",
        "[1, 2]",
        (
            "{'Sigmoid': <class 'project.models.activations.Sigmoid'>, "
            "'ReLU': <class 'project.models.activations.ReLU'>, "
            "'Softmax': <class 'project.models.activations.Softmax'>}"
        ),
    ]


def test_a_build_function(printed):
    """It is called with the configuration and the registry."""
    program = """
    import nn
    from eng_registry import Registry

    def build_activation(cfg, registry, *args, **kwargs):
        cfg_ = cfg.copy()
        act_type = cfg_.pop('type')
        print(f'build activation: {act_type}')
        act_cls = registry.get(act_type)
        act = act_cls(*args, **kwargs, **cfg_)
        return act

    ACTIVATION = Registry(
        'activation', build_func=build_activation, scope='eng', locations=['project.models.activations'])

    @ACTIVATION.register_module()
    class Tanh(nn.Module):
        def __init__(self):
            super().__init__()

        def forward(self, x):
            print('call Tanh.forward')
            return x

    act_cfg = dict(type='Tanh')
    activation = ACTIVATION.build(act_cfg)
    print(activation([1, 2]))
    """
    assert printed(program) == ["build activation: Tanh", "call Tanh.forward", "[1, 2]"]


def test_functions(printed):
    """Building one calls it and gives what it returns."""
    program = """
    from eng_registry import Registry
    FUNCTION = Registry('function', scope='eng')

    @FUNCTION.register_module()
    def print_args(**kwargs):
        print(kwargs)

    func_cfg = dict(type='print_args', a=1, b=2)
    func_res = FUNCTION.build(func_cfg)
    print(func_res)
    """
    assert printed(program) == ["{'a': 1, 'b': 2}", "None"]


def test_the_root_registries(printed):
    """All that the chapter lists are at the front door, under the names that it lists."""
    program = """
    from eng_registry import (
        RUNNERS, RUNNER_CONSTRUCTORS, LOOPS, HOOKS, DATASETS, DATA_SAMPLERS, TRANSFORMS, MODELS, MODEL_WRAPPERS,
        WEIGHT_INITIALIZERS, OPTIMIZERS, OPTIM_WRAPPER, OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS, METRICS,
        EVALUATOR, TASK_UTILS, VISUALIZERS, VISBACKENDS, LOG_PROCESSORS, FUNCTIONS, INFERENCERS)
    print(MODELS.scope, MODELS.parent, len({id(value) for name, value in list(globals().items()) if name.isupper()}))
    """
    assert printed(program) == ["eng None 22"]


def test_the_module_of_the_parent(printed):
    """A child falls back to it; the prefix is optional, and MMEngine's means the same root."""
    program = (
        RRELU
        + """
from mmalpha.registry import MODELS
model = MODELS.build(cfg=dict(type='LogSoftmax'))
print(model(input))
model = MODELS.build(cfg=dict(type='RReLU', lower=0.2))
model = MODELS.build(cfg=dict(type='mmengine.RReLU'))
model = MODELS.build(cfg=dict(type='eng.RReLU'))
print(model(input))
"""
    )
    assert printed(program) == ["call LogSoftmax.forward", "[1, 2]", "call RReLU.forward", "[1, 2]"]


def test_counting(printed):
    """What is registered, registry by registry and scope by scope."""
    program = (
        RRELU
        + """
from eng_registry import count_registered_modules
from mmalpha.registry import MODELS as ALPHA_MODELS
ALPHA_MODELS.import_from_location()
found = count_registered_modules(verbose=False)
print(sorted(found))
print([(node['scope'], node['num_modules']) for node in found['registries']['MODELS']][-1])
"""
    )
    assert printed(program) == ["['registries', 'scan_date']", "('mmalpha', 1)"]


def test_the_root_learns_of_a_child_by_the_scope(printed):
    """It fails before, and works once the scope is in force."""
    program = """
    from mmalpha.registry import MODELS
    from eng_registry import MODELS as ENG_MODELS
    from eng_registry import init_default_scope

    MODELS.build(dict(type="LogSoftmax"))
    try:
        ENG_MODELS.build(dict(type="LogSoftmax"))
    except KeyError as error:
        print('LogSoftmax is not in the eng::model registry' in str(error), 'mmalpha.LogSoftmax' in str(error))
    init_default_scope('mmalpha')
    print(type(ENG_MODELS.build(dict(type="LogSoftmax"))).__name__)
    """
    assert printed(program) == ["True True", "LogSoftmax"]


def test_the_module_of_a_sibling(printed):
    """By its prefix, or by switching to its scope for one configuration."""
    program = """
    import mmalpha.registry
    from eng_registry import Registry, MODELS as ENG_MODELS

    MODELS = Registry('model', parent=ENG_MODELS, scope='mmbeta')

    model = MODELS.build(cfg=dict(type='mmalpha.LogSoftmax'))
    print(model([1, 2]))
    model = MODELS.build(cfg=dict(type='LogSoftmax', _scope_='mmalpha'))
    print(model([1, 2]))
    """
    assert printed(program) == ["call LogSoftmax.forward", "[1, 2]"] * 2
