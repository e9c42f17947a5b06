"""Configurations and models of installed packages."""

import sys

import pytest
import torch
from mmengine.hub import get_config, get_model
from mmengine.registry import MODELS
from mmengine.runner import save_checkpoint

PACKAGE = {
    "mmtoy/__init__.py": "",
    "mmtoy/utils.py": """
import torch
from mmengine.model import BaseModel
from mmengine.registry import Registry, MODELS as ROOT

MODELS = Registry('model', parent=ROOT, scope='mmtoy')

def register_all_modules(init_default_scope=True):
    @MODELS.register_module(force=True)
    class ToyNet(BaseModel):
        def __init__(self, width, bias=True, data_preprocessor=None):
            super().__init__(data_preprocessor=data_preprocessor)
            self.layer = torch.nn.Linear(width, 1, bias=bias)
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return self.layer(inputs)
""",
    "mmtoy/.mim/model-index.yml": "Import:\n  - configs/net/metafile.yml\n",
    "mmtoy/.mim/configs/net/metafile.yml": "Models:\n  - Name: net\n    Config: configs/net/net.py\n    Weights: {}\n",
    "mmtoy/.mim/configs/base.py": "model = dict(type='ToyNet', width=2)\n",
    "mmtoy/.mim/configs/net/net.py": "_base_ = '../base.py'\nlr = 0.1\n",
    "mmtoy/.mim/configs/net/other.py": "_base_ = '../base.py'\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package of models, with weights of one."""
    weights = tmp_path / "net.pth"
    save_checkpoint(
        {"state_dict": {"layer.weight": torch.full((1, 2), 5.0), "layer.bias": torch.zeros(1)}}, weights
    )
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("{}", str(weights)))
    monkeypatch.syspath_prepend(tmp_path)
    yield weights
    for name in [name for name in sys.modules if name.partition(".")[0] == "mmtoy"]:
        del sys.modules[name]
    MODELS.children.pop("mmtoy", None)


def test_a_configuration_with_its_bases(package):
    """It is found below `.mim/configs`, and where its weights are is added if asked for."""
    cfg = get_config("mmtoy::net/net.py")
    assert [cfg.lr, cfg.model.width] == [0.1, 2]
    assert get_config("mmtoy::net/net.py", pretrained=True).model_path == str(package)


def test_a_model_with_weights(package):
    """Built in the package's scope, with what the caller adds, and not initialised over again."""
    model = get_model("mmtoy::net/net.py", pretrained=True)
    model.init_weights()
    assert model.layer.weight.tolist() == [[5.0, 5.0]]
    assert get_model("mmtoy::net/net.py", bias=False).layer.bias is None


def test_what_is_not_there(package):
    """Another form, another package, another path, no weights."""
    with pytest.raises(ValueError, match="write `package::path"):
        get_config("net/net.py")
    with pytest.raises(ModuleNotFoundError, match="mmnothing, which is not installed"):
        get_config("mmnothing::net.py")
    with pytest.raises(Exception, match=r"the package `mmtoy` has no configuration `nothing\.py`"):
        get_config("mmtoy::nothing.py")
    with pytest.raises(AssertionError, match="no metafile of mmtoy names weights"):
        get_config("mmtoy::net/other.py", pretrained=True)
