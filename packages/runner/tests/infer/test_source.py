"""Where the configuration of an inferencer comes from."""

import pytest

from eng_config import Config, ConfigError
from eng_runner.infer.source import config_of, find_source


def test_a_file_a_mapping_and_a_config_are_the_same(tmp_path):
    """Three ways to give one configuration; each becomes a copy."""
    file = tmp_path / "net.py"
    file.write_text("model = dict(type='Net', depth=3)\n")
    given = Config.fromfile(file)
    expected = {"type": "Net", "depth": 3}
    for model in (file, str(file), {"model": expected}, given):
        source = find_source(model, "net.pth", scope=None)
        assert source.cfg.model == expected
        assert source.weights == "net.pth"
        assert source.cfg is not given


def test_nothing_at_all_is_refused():
    """One of both must be there."""
    with pytest.raises(ValueError, match="needs `model`"):
        find_source(None, None, scope=None)


def test_another_type_is_refused():
    """With the type that it has."""
    with pytest.raises(TypeError, match="not int: 3"):
        find_source(3, None, scope=None)


def test_a_checkpoint_without_a_configuration_says_so():
    """And what to give instead."""
    with pytest.raises(ValueError, match=r"best\.pth holds no configuration.*give `model`"):
        config_of({"state_dict": {}}, name="best.pth")


def test_code_in_a_checkpoint_is_refused():
    """An expression that the restricted evaluator does not know is an error, not an action."""
    text = "import os\nos.makedirs('stolen')\nmodel = dict(type='Net')\n"
    with pytest.raises(ConfigError):
        config_of({"meta": {"cfg": text}})


def test_lines_keep_their_numbers():
    """Leaving out the imports moves no other line."""
    text = "custom_imports = dict(\n    imports=['a', 'b'],\n)\nmodel = dict(type='Net')\n"
    cfg, imports = config_of({"meta": {"cfg": text}})
    assert imports == ("a", "b")
    assert cfg.origin("model").line == 4
