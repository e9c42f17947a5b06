"""Modules that a configuration wants imported."""

import sys

import pytest

from eng_config import Config


def test_custom_imports(on_disk, importable):
    """The modules are imported once the whole file is merged; they may be inherited, and left alone."""
    on_disk(custom_one_py="loaded = True\n", base_py="custom_imports = dict(imports=['custom_one'])\n")
    child = on_disk(child_py="_base_ = 'base.py'\n")
    import sys

    Config.fromfile(child, import_custom_modules=False)
    assert "custom_one" not in sys.modules
    assert Config.fromfile(child).custom_imports == {"imports": ["custom_one"]}
    assert sys.modules["custom_one"].loaded


def test_custom_imports_that_fail(on_disk):
    """The error tells the line, the request and where it was looked for; it can be a warning."""
    text = "custom_imports = dict(imports=['no_module_of_this_name'], allow_failed_imports={})\n"
    with pytest.raises(
        ImportError, match=r"cfg.py:1: custom_imports: cannot import .*PYTHONPATH; it is in none of `"
    ):
        Config.fromfile(on_disk(cfg_py=text.format(False)))
    with pytest.warns(UserWarning, match="cannot import `no_module_of_this_name`"):
        Config.fromfile(on_disk(cfg_py=text.format(True)))


def test_the_search_path_is_told_only_where_it_helps(on_disk, importable):
    """Not for a module that is there and needs one that is not; and never the folders of Python itself."""
    on_disk(needs_more_py="import nothing_of_this_name\n")
    with pytest.raises(ImportError) as caught:
        Config.fromfile(on_disk(cfg_py="custom_imports = dict(imports=['needs_more'])\n"))
    assert str(caught.value).endswith("; correct or install what `needs_more` imports")
    with pytest.raises(ImportError) as caught:
        Config.fromfile(on_disk(cfg_py="custom_imports = dict(imports=['nothing_of_this_name'])\n"))
    assert f"`{importable}`" in str(caught.value)
    assert sys.base_prefix not in str(caught.value)
