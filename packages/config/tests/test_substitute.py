"""What is put into a text; and what only the environment knows is not written anywhere."""

import pickle

import pytest

from eng_config import Config, DerivedValuesWarning

TEXT = """
token = '{{$ENG_TOKEN}}'
url = 'https://user:{{$ENG_TOKEN}}@host'
workers = {{'$ENG_WORKERS:4'}}
list_ = [dict(t='{{$ENG_TOKEN}}')]
"""


@pytest.fixture
def cfg(on_disk, monkeypatch):
    """A configuration with a token in three places."""
    monkeypatch.setenv("ENG_TOKEN", "s3cr3t")
    monkeypatch.setenv("ENG_WORKERS", "8")
    return Config.fromfile(on_disk(cfg_py=TEXT))


def test_the_values_are_there(cfg):
    """For who uses them."""
    assert (cfg.token, cfg.url, cfg.workers, cfg.list_[0].t) == (
        "s3cr3t",
        "https://user:s3cr3t@host",
        8,
        "s3cr3t",
    )
    assert pickle.loads(pickle.dumps(cfg)).token == "s3cr3t"


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml", ".toml"])
def test_a_dump_holds_references_and_loads_equal(cfg, tmp_path, suffix):
    """What has a default is no secret, and written as it is."""
    cfg.dump(tmp_path / f"dumped{suffix}")
    text = (tmp_path / f"dumped{suffix}").read_text()
    assert "s3cr3t" not in text
    assert text.count("{{$ENG_TOKEN}}") == 3
    assert Config.fromfile(tmp_path / f"dumped{suffix}") == cfg


def test_nothing_else_shows_them(cfg):
    """Not what is printed, compared, explained or kept as the raw text."""
    shown = [
        repr(cfg),
        str(cfg),
        cfg.pretty_text,
        cfg.text,
        cfg.dump(),
        cfg.explain("url"),
        Config.diff(cfg, Config()),
    ]
    assert [text for text in shown if "s3cr3t" in text] == []


def test_a_short_value_is_hidden_only_where_it_is_everything(on_disk, monkeypatch):
    """A rank of `1` would be in every text."""
    monkeypatch.setenv("ENG_RANK", "1")
    cfg = Config.fromfile(on_disk(cfg_py="rank = '{{$ENG_RANK}}'\nname = 'v1'\nn = 1\n"))
    assert cfg.pretty_text == "n = 1\nname = 'v1'\nrank = '{{$ENG_RANK}}'\n"


PREDEFINED = """
path = '{{ fileDirname }}'
name = '{{fileBasename}}'
stem = '{{ fileBasenameNoExtension}}'
ext = '{{fileExtname }}'
"""


def test_predefined_variables(on_disk):
    """The parts of the name of the file, with any white space in the braces."""
    file = on_disk(some__net_py=PREDEFINED)
    cfg = Config.fromfile(file)
    assert (cfg.path, cfg.name, cfg.stem, cfg.ext) == (str(file.parent), "net.py", "net", ".py")


def test_predefined_variables_can_be_left_alone(on_disk):
    """Then the text stays."""
    assert (
        Config.fromfile(on_disk(net_py=PREDEFINED), use_predefined_variables=False).name == "{{fileBasename}}"
    )


def test_a_base_has_its_own_name(on_disk):
    """The variables mean the file that they stand in."""
    cfg = Config.fromfile(
        on_disk(base_py="a = '{{fileBasename}}'\n", child_py="_base_ = 'base.py'\nb = '{{fileBasename}}'\n")
    )
    assert (cfg.a, cfg.b) == ("base.py", "child.py")


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_substitution_works_in_every_format(on_disk, suffix, monkeypatch):
    """It is made in the text."""
    monkeypatch.setenv("WORKERS", "8")
    text = '{"name": "{{fileBasename}}", "workers": {{"$WORKERS:4"}}, "string": "{{$WORKERS:4}}"}'
    cfg = Config.fromfile(on_disk(**{f"cfg_{suffix}": text}))
    assert cfg.to_dict() == {"name": f"cfg.{suffix}", "workers": 8, "string": "8"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'{{$NAME:80}}'", "80"),
        ("{{'$NAME:80'}}", 80),
        ('{{"$NAME:80"}}', 80),
        ("'{{ $NAME:80 }}'", "80"),
        ("{{ '$NAME:80' }}", 80),
        ("'{{$NAME:c++}}'", "c++"),
        ("'{{$NAME:/data/a.b}}'", "/data/a.b"),
        ("{{'$NAME:[1,2]'}}", [1, 2]),
    ],
)
def test_the_default_of_an_environment_variable(on_disk, written, value, monkeypatch):
    """With quotes inside of the braces the value stands bare."""
    monkeypatch.delenv("NAME", raising=False)
    cfg = Config.fromfile(on_disk(cfg_py=f"a = {written}\n"))
    assert (cfg.a, cfg.env_variables) == (value, {})


def test_the_environment_wins(on_disk, monkeypatch):
    """Values computed from it follow, and what was used is remembered."""
    monkeypatch.setenv("BATCH", "16")
    cfg = Config.fromfile(on_disk(cfg_py="batch = {{'$BATCH:4'}}\ntwice = 2 * batch\n"))
    assert (cfg.batch, cfg.twice, cfg.env_variables) == (16, 32, {"BATCH": "16"})
    assert cfg.origin("batch").how == "environment variable BATCH"


@pytest.mark.parametrize("written", ["'{{$NAME}}'", "'{{$NAME:}}'"])
def test_an_environment_variable_without_default_must_be_set(on_disk, written, monkeypatch):
    """The line is told, and what to write."""
    monkeypatch.delenv("NAME", raising=False)
    with pytest.raises(
        KeyError, match=r"cfg.py:2: the environment variable `NAME` is not set.*\{\{\$NAME:default\}\}"
    ):
        Config.fromfile(on_disk(cfg_py=f"x = 1\na = {written}\n"))


def test_environment_variables_can_be_left_alone(on_disk):
    """Then the text stays."""
    file = on_disk(cfg_py="a = '{{$HOME:x}}'\n")
    assert Config.fromfile(file, use_environment_variables=False).a == "{{$HOME:x}}"


BASE = "model = dict(depth=50, stages=[dict(width=64), 5])\nsteps = (1, 2)\nnothing = None\n"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{{_base_.model}}", {"depth": 50, "stages": [{"width": 64}, 5]}),
        ("{{ _base_.model.stages }}", [{"width": 64}, 5]),
        ("{{_base_.model.stages.0.width}}", 64),
        ("[{{_base_.steps}}, dict(x=({{_base_.model.depth}}, ))]", [(1, 2), {"x": (50,)}]),
        ("{{_base_.nothing}}", None),
    ],
)
def test_base_references(on_disk, written, value):
    """A value of the base, anywhere in a value."""
    assert (
        Config.fromfile(on_disk(base_py=BASE, child_py=f"_base_ = './base.py'\nx = {written}\n")).x == value
    )


def test_base_references_in_data_files(on_disk):
    """JSON and YAML take them too."""
    on_disk(base_py=BASE)
    assert (
        Config.fromfile(
            on_disk(child_json='{"_base_": "./base.py", "x": {{_base_.model.depth}}}'), trust=True
        ).x
        == 50
    )
    assert Config.fromfile(
        on_disk(child_yaml="_base_: [./base.py]\nx: {{_base_.steps}}\n"), trust=True
    ).x == (1, 2)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x = 'run-{{ _base_.steps }}'", True),
        ("x = dict(name='a', y=\"{{_base_.steps}}\")", True),
        ("x = f'{{ _base_.steps }}'", True),
        ("x = f\"{'a' + f'{1}'} {{ _base_.steps }}\"", True),
        ("x = '''\n{{_base_.steps}}'''", True),
        ("x = 1  # was {{ _base_.steps }}", False),
        ("'The {{ _base_.steps }} are those of the base.'\nx = 1", False),
        ("x = dict(name='a#b', y={{ _base_.model.depth }})", False),
        ("x = 'it\\'s' + str({{ _base_.model.depth }})", False),
    ],
)
def test_a_base_reference_within_a_text_of_python(on_disk, line, problem):
    """Is no value, which is told with the way to write it; in comments and documentation it is left alone."""
    file = on_disk(base_py=BASE, child_py=f"_base_ = 'base.py'\n{line}\n")
    if not problem:
        assert Config.fromfile(file).x in (1, {"name": "a#b", "y": 50}, "it's50")
        return
    number = 3 if "\n" in line else 2
    with pytest.raises(
        SyntaxError, match=rf"child.py:{number}: `{{{{ ?_base_.steps ?}}}}` .*f'... {{_base_.steps}}"
    ):
        Config.fromfile(file)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "child_json",
            '{"_base_": "./base.py", "a": "{{_base_.model.depth}}", "b": "run-{{_base_.model.depth}}"}',
        ),
        (
            "child_yaml",
            "_base_: base.py  # {{ _base_.steps }}\na: '{{ _base_.model.depth }}'\nb: run-{{_base_.model.depth}}\n",
        ),
        ("child_toml", "_base_ = 'base.py'\na = {{_base_.model.depth}}\nb = 'run-{{_base_.model.depth}}'\n"),
    ],
)
def test_a_base_reference_within_a_text_of_data(on_disk, name, text):
    """Alone in its quotes it is the value, in a longer text it is written out."""
    on_disk(base_py=BASE)
    cfg = Config.fromfile(on_disk(**{name: text}), trust=True)
    assert (cfg.a, cfg.b) == (50, "run-50")
    with pytest.warns(DerivedValuesWarning, match=r"`a` \(.*`b` \("):
        cfg.merge_from_dict({"model.depth": 18})
    cfg = Config.fromfile(cfg.filename, trust=True)
    cfg.merge_from_dict({"model.depth": 18}, recompute=True)
    assert (cfg.model.depth, cfg.a, cfg.b) == (18, 18, "run-18")


def test_a_variable_of_a_base_reference_can_be_used_again(on_disk):
    """It stands for the value wherever it goes."""
    cfg = Config.fromfile(
        on_disk(base_py=BASE, child_py="_base_ = 'base.py'\nd = {{_base_.model.depth}}\ne = dict(d=d)\n")
    )
    assert (cfg.d, cfg.e.d) == (50, 50)


def test_base_in_code(on_disk):
    """`_base_` is the merged base: it is read by item and attribute, and changed in place."""
    cfg = Config.fromfile(
        on_disk(
            base_py=BASE,
            child_py="""
            _base_ = ['./base.py']
            depth = _base_.model['depth'] * 2
            width = _base_.model.stages[0].width
            _base_.model.stages.append(6)
            _base_.model.depth = 1
            """,
        )
    )
    assert (cfg.depth, cfg.width, cfg.model.stages[-1], cfg.model.depth) == (100, 64, 6, 1)
