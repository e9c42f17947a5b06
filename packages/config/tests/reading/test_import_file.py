"""Files in the import style."""

import copy
import pickle
import sys
from collections import OrderedDict

import pytest

from eng_config import Config, ConfigDict, read_base

HEAD = "from eng_config import read_base\nwith read_base():\n"


def test_read_base_does_nothing_at_runtime():
    """The file is also Python."""
    with read_base():
        pass


@pytest.fixture
def cfg(on_disk):
    """A base, and a child that changes it."""
    on_disk(
        configs__base__optim_py="""
        from collections import OrderedDict
        from no_such_library.optim import SGD
        optimizer = dict(type=SGD, lr=0.1, groups=[dict(kind=SGD.Group)])
        schedule = dict(type='Step', milestones=[1])
        ordered = OrderedDict(a=1)
        """
    )
    return on_disk(
        configs__child_py="""
        import os.path as osp
        import no_such_library.nn as nn
        import no_such_library.a.b
        import no_such_library.c
        from functools import partial
        from eng_config import read_base

        with read_base():
            from .base.optim import *
            from .base.optim import schedule as other

        optimizer.update(lr=0.2)
        schedule.milestones = [2, 3]
        name = osp.join('a', osp.basename(__file__))
        model = dict(type=nn.Net, part=no_such_library.a.b.Part, list=[no_such_library.c])
        _hidden = partial
        """
    )


def test_nothing_is_imported_while_reading(cfg):
    """Names stay names; bases can be changed; `__file__` and the standard library work."""
    read = Config.fromfile(cfg)
    assert (
        read.to_dict()
        == {
            "optimizer": {
                "type": "no_such_library.optim.SGD",
                "lr": 0.2,
                "groups": [{"kind": "no_such_library.optim.SGD.Group"}],
            },
            "schedule": {"type": "Step", "milestones": [2, 3]},
            "ordered": {"a": 1},
            "other": {"type": "Step", "milestones": [2, 3]},
            "name": "a/child.py",
            "model": {
                "type": "no_such_library.nn.Net",
                "part": "no_such_library.a.b.Part",
                "list": ["no_such_library"],
            },
            "_hidden": "functools.partial",
        }
        or "_hidden" in read
    )
    assert not [name for name in sys.modules if "no_such_library" in name or name == "optim"]
    assert str(read.origin("optimizer.lr")) == f"{cfg}:13"


def test_imported_names_are_hidden_and_readable(on_disk):
    """Not part of what is written."""
    text = "from collections import OrderedDict\nimport yaml\nkind = dict(type=yaml.YAMLObject)\n"
    read = Config.fromfile(on_disk(cfg_py=text))
    import yaml

    assert list(read) == ["kind"]
    assert read.kind.type is yaml.YAMLObject
    assert read.OrderedDict is OrderedDict
    assert set(read.to_dict(keep_imported=True)) == {"kind", "OrderedDict", "yaml"}


def test_copies_keep_the_names(on_disk):
    """Deep copies and pickles do not import."""
    read = Config.fromfile(on_disk(cfg_py="from no_such_library import Net\nmodel = dict(type=Net)\n"))
    for other in (copy.deepcopy(read), pickle.loads(pickle.dumps(read)), read.copy()):
        assert other == read
        assert other.to_dict() == {"model": {"type": "no_such_library.Net"}}
    with pytest.raises(ImportError, match=r"cfg.py, line 1: cannot import `no_such_library.Net`"):
        _ = read.model.type


def test_a_dump_names_the_classes(on_disk, tmp_path):
    """By their dotted names."""
    read = Config.fromfile(on_disk(cfg_py="from no_such_library import Net\nmodel = dict(type=Net)\n"))
    assert read.pretty_text == "model = dict(type='no_such_library.Net')\n"


def test_a_base_of_a_package(on_disk, importable):
    """Located without importing the package; later bases win silently."""
    on_disk(lazypack____init___py="raise RuntimeError\n", b_py="x = 2\n")
    on_disk(lazypack__configs__a_py="x = 1\ny = dict(z=1)\n")
    read = Config.fromfile(
        on_disk(cfg_py=f"{HEAD}    from lazypack.configs.a import *\n    from .b import *\n")
    )
    assert read.to_dict() == {"x": 2, "y": {"z": 1}}
    assert isinstance(read.y, ConfigDict)


def test_parents_by_dots(on_disk):
    """Each further dot is a folder up."""
    on_disk(base_py="a = 1\n")
    assert Config.fromfile(on_disk(x__y__cfg_py=f"{HEAD}    from ...base import a as b\n")).to_dict() == {
        "b": 1
    }


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"{HEAD}    x = 1\n", 3, "only `from ... import ...` may stand under"),
        (f"{HEAD}    from . import base\n", 3, "name the file"),
        (f"{HEAD}    from json import *\n", 3, "is a package or a single module"),
        (f"{HEAD}    from .nothing import *\n", 3, "there is no base file"),
        (f"{HEAD}    from .folder import *\n", 3, "is a folder"),
        (f"{HEAD}    from .base import b\n", 3, "has no `b`; there is: a"),
        (f"{HEAD}    from .text import *\n", 1, "written in the text style"),
        ("from os.path import *\nfrom torch import x\n", 1, "name every object"),
        ("from torch import *\n", 1, "name every object"),
        ("from .base import a\n", 1, "must stand under"),
        ("import torch\nwith open('x'):\n    pass\n", 2, "the only `with`"),
        ("from torch import x\na = x(1)\n", 2, "it cannot be called here"),
        ("from torch import x\na = 1 / 0\n", 2, "the file raised ZeroDivisionError"),
    ],
)
def test_mistakes(on_disk, text, line, message):
    """Each names its line."""
    on_disk(base_py="a = 1\n", text_py="_base_ = './base.py'\n", folder__x_py="")
    with pytest.raises(RuntimeError, match=rf"(cfg|text).py:{line}: .*{message}"):
        Config.fromfile(on_disk(cfg_py=text))


def test_a_text_file_cannot_have_an_import_base(on_disk):
    """The styles do not mix."""
    on_disk(base_py="import torch\na = 1\n")
    with pytest.raises(RuntimeError, match="with read_base"):
        Config.fromfile(on_disk(cfg_py="_base_ = './base.py'\n"))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("import os\na = 1\n", ["a"]),
        ("from mmengine import Config\na = 1\n", ["Config", "a"]),
        ("from eng_config import Config\na = 1\n", ["Config", "a"]),
        ("import torch\na = 1\n", ["a"]),
        ("def f():\n    import torch\na = 1\n", ["a"]),
    ],
)
def test_the_style_is_found_out(on_disk, text, keys):
    """By what the file imports, at any depth; a Config does not count."""
    file = on_disk(cfg_py=text)
    if "mmengine" in text:
        pytest.importorskip("mmengine")
    assert [key for key in Config.fromfile(file) if key != "os"] == keys


def test_the_style_can_be_said(on_disk, importable):
    """Then imports are real ones."""
    on_disk(realmodule_py="VALUE = 3\n")
    file = on_disk(cfg_py="from realmodule import VALUE\na = VALUE\n")
    assert Config.fromfile(file, lazy_import=False).a == 3
    assert Config.fromfile(file, lazy_import=True)._cfg_dict._to_lazy_dict() == {}
