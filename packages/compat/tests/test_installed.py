"""What is installed, under the names of distributions and of modules."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
from mmengine.utils import call_command, get_installed_path, is_installed
from mmengine.utils.package_utils import package2module


@pytest.mark.parametrize("name", ["PyYAML", "pyyaml", "yaml", "torch", "mmengine", "eng-compat", "json"])
def test_what_is_installed(name):
    """By the name of the distribution or of the module."""
    assert is_installed(name)


@pytest.mark.parametrize("name", ["no_such_package", "no-such-package", ""])
def test_what_is_not_installed(name):
    """Neither has it a place."""
    assert not is_installed(name)
    with pytest.raises(PackageNotFoundError):
        get_installed_path(name or "-")


def test_the_module_of_a_distribution():
    """It may have another name."""
    assert [package2module("PyYAML"), package2module("torch")] == ["yaml", "torch"]


def test_where_a_package_is():
    """The same folder by both names."""
    import yaml

    folder = os.path.dirname(yaml.__file__)
    assert [get_installed_path("pyyaml"), get_installed_path("yaml")] == [folder, folder]


def test_a_namespace_has_no_place(tmp_path, monkeypatch):
    """Its parts may lie anywhere."""
    (tmp_path / "only_a_namespace" / "part").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="only_a_namespace is a namespace package"):
        get_installed_path("only_a_namespace")
    assert not is_installed("only_a_namespace")


def test_a_program_is_run(capfd):
    """And its failure is an error."""
    call_command([sys.executable, "-c", "print('ran')"])
    assert capfd.readouterr().out == "ran\n"
    with pytest.raises(subprocess.CalledProcessError):
        call_command([sys.executable, "-c", "raise SystemExit(3)"])
