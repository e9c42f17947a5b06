"""Bases in installed packages."""

import pytest

from eng_config import Config

MODEL = "model = dict(type='Net', head=dict(type='Head'))\nhooks = [dict(type='H', x=dict(type='Y')), dict(z=1)]\n"


@pytest.fixture
def package(on_disk, importable):
    """A package with configurations, an index of its models among them."""
    on_disk(
        mmzoo____init___py="raise RuntimeError('imported')\n",
        **{
            "mmzoo__.mim__configs__nets__net_py": MODEL,
            "mmzoo__.mim__configs__base_py": "a = 1\n",
            "mmzoo__.mim__configs__child_py": "_base_ = './base.py'\nb = 2\n",
            "mmzoo__.mim__model-index_yml": "Import:\n  - models.yml\n",
            "mmzoo__.mim__models_yml": "Models:\n  - Name: no config\n  - Config: configs/nets/net.py\n",
        },
        mmplain____init___py="",
        mmplain__configs__c_py="c = 3\n",
    )


def test_a_base_of_a_package(on_disk, package):
    """Found by the index or by its path, without importing the package; its outermost types get its scope."""
    bases = "_base_ = ['mmzoo::nets/net.py', 'mmzoo::child.py', 'mmplain::c.py']\n"
    cfg = Config.fromfile(on_disk(cfg_py=f"{bases}d = dict(type='D')\n"))
    assert cfg.to_dict() == {
        "model": {"type": "Net", "head": {"type": "Head"}, "_scope_": "mmzoo"},
        "hooks": [{"type": "H", "x": {"type": "Y"}, "_scope_": "mmzoo"}, {"z": 1}],
        "a": 1,
        "b": 2,
        "c": 3,
        "d": {"type": "D"},
    }


@pytest.mark.parametrize(
    ("base", "error", "message"),
    [
        ("mmzoo::nothing.py", FileNotFoundError, "has no configuration `nothing.py`"),
        ("no_such_package::a.py", ImportError, "is not installed"),
        ("mmzoo::../secret.py", ValueError, "no known form"),
        ("mmzoo::a::b.py", ValueError, "no known form"),
        ("::a.py", ValueError, "no known form"),
    ],
)
def test_bases_that_are_not_there(on_disk, package, base, error, message):
    """Each says what it is, and the line that asks for it."""
    with pytest.raises(error, match=rf"cfg.py:1: _base_: .*{message}"):
        Config.fromfile(on_disk(cfg_py=f"_base_ = '{base}'\n"))
