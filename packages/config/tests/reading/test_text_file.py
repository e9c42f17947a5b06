"""Files in the text style: substitution, bases, evaluation."""

import sys

import pytest

from eng_config import Config, DerivedValuesWarning

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


def test_several_and_nested_bases(on_disk):
    """Relative to the file that names them."""
    cfg = Config.fromfile(
        on_disk(
            base__a_py="a = 1\n",
            base__deep__b_yaml="b: {c: 2}\n",
            base__deep__c_py="_base_ = './b.yaml'\nc = 3\n",
            child_py="_base_ = ['base/a.py', './base/deep/c.py']\nb = dict(d=4)\n",
        )
    )
    assert cfg.to_dict() == {"a": 1, "b": {"c": 2, "d": 4}, "c": 3}


def test_bases_may_not_set_the_same_key(on_disk):
    """Even to the same value."""
    with pytest.raises(KeyError, match=r"child.py:1: a: two bases set the key `a`"):
        Config.fromfile(on_disk(x_py="a = 1\n", y_py="a = 1\n", child_py="_base_ = ['x.py', 'y.py']\n"))


def test_what_is_no_setting_is_left_out(on_disk):
    """Dunders, functions of the file and modules; classes and builtin functions stay."""
    cfg = Config.fromfile(
        on_disk(
            cfg_py="""
            import os
            __hidden__ = 1
            _shown_ = 2
            def double(x):
                return factor * x
            factor = 3
            six = double(2)
            kind = dict
            count = len
            """
        )
    )
    assert cfg.to_dict() == {"_shown_": 2, "factor": 3, "six": 6, "kind": dict, "count": len}


def test_values_are_not_retroactive(on_disk):
    """The base was computed with its own variable."""
    cfg = Config.fromfile(
        on_disk(
            base_py="item = dict(a=1)\nfirst = dict(item=item)\n",
            child_py="_base_ = 'base.py'\nitem = dict(b=2)\n",
        )
    )
    assert (cfg.item, cfg.first.item) == ({"a": 1, "b": 2}, {"a": 1})


def test_deprecation(on_disk):
    """A base that is old says so too."""
    old = "_deprecation_ = dict(expected='new.py', reference='https://example.org')\na = 1\n"
    with pytest.warns(
        DeprecationWarning, match=r"old.py` is deprecated; use `new.py` instead; see https://example.org"
    ):
        assert Config.fromfile(on_disk(old_py=old)).to_dict() == {"a": 1}
    with pytest.warns(DeprecationWarning, match="old.py"):
        assert Config.fromfile(on_disk(child_py="_base_ = 'old.py'\nb = 1\n")).to_dict() == {"a": 1, "b": 1}


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


def test_the_folder_may_have_dots(on_disk):
    """The suffix is that of the file."""
    assert Config.fromfile(on_disk(**{"some.dir.v1__cfg_py": "a = 1\n"})).a == 1


def test_home_is_expanded(on_disk, monkeypatch, tmp_path):
    """In names of files."""
    on_disk(cfg_py="a = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config.fromfile("~/cfg.py").a == 1


@pytest.mark.parametrize("text", ["a = dict()\na['b'] = a\n", "a = []\na.append(a)\n"])
def test_a_trusted_file_whose_values_hold_themselves(on_disk, text):
    """It is an error of the configuration, not of Python's stack."""
    with pytest.raises(ValueError, match=r"cfg.py:1: the values are nested deeper than 100 levels"):
        Config.fromfile(on_disk(cfg_py=text))
