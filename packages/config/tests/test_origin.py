"""The line that is told is the line that holds the value, in every format."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eng_config import Config, ConfigError, Origin, parse_overrides
from eng_config.origin import split_path

PYTHON = """a = 1
model = dict(
    type='Net',
    stages=[
        dict(width=64),
        dict(width=128, sizes=[
            1,
            2])],
)
model['extra'] = dict(
    x=5)
model['stages'][0]['width'] = 65
pair = left, right = 3, \\
    4
merged = {**dict(one=1),
    'two': 2}
"""
TOML = """a = 1
b.c = 2.5
[t.u]
x = 'y' # z
list = [
  1,
  {k = 2}]
[[t.arr]]
q = 1
[[t.arr]]
q = 2
r = '''
'''
s = 3
"""
FILES = {
    ".py": (
        PYTHON,
        {
            "a": 1,
            "model.type": 3,
            "model.stages.0.width": 12,
            "model.stages.1.width": 6,
            "model.stages.1.sizes.1": 8,
            "model.extra.x": 11,
            "left": 13,
            "right": 14,
            "merged.one": 15,
            "merged.two": 16,
        },
    ),
    ".json": (
        '{\n"a": 1, "b":\n[1,\n{"c": 2}],\n"d": {"e": {"f":\n3}}}\n',
        {"a": 2, "b.0": 3, "b.1.c": 4, "d.e.f": 6},
    ),
    ".yaml": (
        "a: 1\nbase: &x\n  y: 2\n  z: 3\nb:\n  <<: *x\n  z:\n    - 4\n    - c: 5\nd: {e: 6,\n  f: 7}\n",
        {"a": 1, "base.y": 3, "b.y": 3, "b.z.0": 8, "b.z.1.c": 9, "d.e": 10, "d.f": 11},
    ),
    ".toml": (
        TOML,
        {
            "a": 1,
            "b.c": 2,
            "t.u.x": 4,
            "t.u.list.0": 6,
            "t.u.list.1.k": 7,
            "t.arr.0.q": 9,
            "t.arr.1.q": 11,
            "t.arr.1.s": 14,
        },
    ),
}


@pytest.mark.parametrize("suffix", FILES)
def test_lines(suffix):
    """Of keys, elements, merged and computed values."""
    text, lines = FILES[suffix]
    cfg = Config.fromstring(text, suffix)
    assert lines == {path: cfg.origin(path).line for path in lines}


def test_a_value_that_is_computed_has_the_line_of_its_statement():
    """Where it cannot be told better."""
    cfg = Config.fromstring("a = 1\nb = [n * n\n  for n in range(3)]\nc = {str(n): n for n in b}\n", ".py")
    assert (cfg.origin("b.1").line, cfg.origin("c.4").line) == (2, 4)


def test_the_chain_of_a_merged_value(on_disk):
    """First to last, and `_delete_` does not hide that there was one."""
    on_disk(one_yaml="a: {x: 1, y: 1}\nb: {z: 1}\n", two_py="_base_ = './one.yaml'\na = dict(\n    x=2)\n")
    text = '{"_base_": "two.py",\n"a": {"x": 3}, "b":\n{"_delete_": true, "w": 4}}'
    cfg = Config.fromfile(on_disk(three_json=text), trust=True)
    told = [f"{os.path.basename(origin.file)}:{origin.line}" for origin in cfg.origins("a.x")]
    assert told == ["one.yaml:1", "two.py:3", "three.json:2"]
    assert [o.file.rsplit("/")[-1] for o in cfg.origins("a.y")] == ["one.yaml"]
    assert [o.line for o in cfg.origins("b.w")] == [3]


def test_origins_are_told_when_a_node_is_handed_on():
    """A part of a configuration tells its own lines."""
    cfg = Config.fromstring("hooks = [\n dict(type='A'),\n dict(type='B', n=3),\n]\n", ".py")
    assert cfg.hooks[1].__origin__("n") == Origin("<string>", 3, "hooks.1.n")
    assert str(cfg.hooks[1].__origin__()) == "<string>:3"


def test_keys_with_dots_and_digits():
    """Paths are found through integers too."""
    cfg = Config.fromstring("a = {1: dict(b=2),\n'2': 3}\n", ".py")
    assert (cfg.origin("a.1.b").line, cfg.origin("a.2").line) == (1, 2)
    assert split_path("a[0].b") == ("a", "0", "b")


keys = st.text("abcde", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(0, 9),
    lambda inner: (
        st.dictionaries(keys, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)
tables = st.dictionaries(keys, trees, min_size=1, max_size=4)


def leaves(value, path=()):
    """Paths of the numbers in a tree, in order."""
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in leaves(part, (*path, key))]
    if isinstance(value, list):
        return [leaf for step, part in enumerate(value) for leaf in leaves(part, (*path, step))]
    return [path]


class Writer:
    """Writes a tree with a number of its own for each leaf, on lines that are remembered."""

    def __init__(self, breaks):
        self.breaks = breaks
        self.count = 0
        self.line = 1
        self.lines = {}

    def newline(self):
        """A line end, or none, as the data says."""
        self.count += 1
        number = self.breaks[self.count % len(self.breaks)]
        self.line += number
        return "\n" * number

    def write(self, value, path, quoted):
        if isinstance(value, (dict, list)):
            parts = []
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for step, part in items:
                start = self.newline()
                if isinstance(value, dict):
                    start += f"{json.dumps(step)}: " + self.newline()
                parts.append(start + self.write(part, (*path, step), quoted))
            body = ",".join(parts) + self.newline()
            return f"{{{body}}}" if isinstance(value, dict) else f"[{body}]"
        self.lines[path] = self.line
        return str(value)


@given(tables, st.lists(st.integers(0, 2), min_size=1, max_size=7))
@settings(max_examples=40, deadline=None)
def test_whatever_the_layout_the_line_holds_the_value(data, breaks):
    """In JSON, in YAML's flow style, and in Python."""
    writer = Writer(breaks)
    text = writer.write(data, (), True)
    for suffix in (".json", ".yaml"):
        cfg = Config.fromstring(text, suffix)
        assert writer.lines == {path: cfg.origin(".".join(map(str, path))).line for path in leaves(data)}
    python = Writer(breaks)
    lines = []
    for key, value in data.items():
        lines.append(f"{key} = ({python.write(value, (key,), False)})")
        python.line += 1
    cfg = Config.fromstring("\n".join(lines) + "\n", ".py")
    assert python.lines == {path: cfg.origin(".".join(map(str, path))).line for path in leaves(data)}


@given(tables, tables, st.data())
@settings(max_examples=40, deadline=None)
def test_after_a_merge_the_file_and_line_hold_the_value(tmp_path_factory, base, child, data):
    """Mutate any number of either file: the reported line is where it is read from."""
    folder = tmp_path_factory.mktemp("merge")
    base = {f"b{key}": value for key, value in base.items()}
    child = {f"b{key}": value for key, value in child.items()}
    numbers = iter(range(1000, 9999))

    def numbered(value):
        if isinstance(value, dict):
            return {key: numbered(part) for key, part in value.items()}
        return [numbered(part) for part in value] if isinstance(value, list) else next(numbers)

    base, child = numbered(base), numbered(child)
    (folder / "base.json").write_text(json.dumps(base, indent=1))
    (folder / "child.json").write_text(json.dumps({"_base_": "base.json", **child}, indent=1))
    try:
        cfg = Config.fromfile(folder / "child.json")
    except TypeError:  # a dictionary over something else
        return
    for path in leaves(cfg.to_dict()):
        spelled = ".".join(map(str, path))
        origin = cfg.origin(spelled)
        value = cfg
        for step in path:
            value = value[step]
        with open(origin.file) as stream:
            assert str(value) in stream.read().splitlines()[origin.line - 1]


@pytest.mark.parametrize("recompute", [True, False])
def test_a_key_that_no_file_has_is_of_the_command_line_alone(on_disk, recompute):
    """No line of the file is named for it."""
    cfg = Config.fromfile(on_disk(cfg_py="lr = 1\n"))
    cfg.merge_from_dict(parse_overrides(["tag='a'", "more.depth=2"]), recompute=recompute)
    cfg.by_code = 3
    assert cfg.explain("tag") == "tag = 'a'\n  <command line>:1  tag=a"
    assert cfg.explain("more") == "more = dict(depth=2)\n  <command line>:2  more.depth"
    assert [origin.how for origin in cfg.origins("by_code")] == ["code"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("stages.7", "no position `7`; there are 2, from 0 to 1"),
        ("stages.x", "no position `x`; there are 2, from 0 to 1"),
        ("none.0", "no position `0`; there are 0"),
        ("lr.x", "no key `x`; `lr` is 1, with nothing inside"),
    ],
)
def test_a_path_to_nothing(on_disk, path, said):
    """What is there instead, and the line that says so."""
    cfg = Config.fromfile(on_disk(cfg_py="lr = 1\nstages = [1, 2]\nnone = []\n"))
    with pytest.raises(ConfigError) as caught:
        cfg.explain(path)
    name = path.partition(".")[0]
    line = 1 + ["lr", "stages", "none"].index(name)
    assert str(caught.value) == f"{cfg.filename}:{line}: {name}: {said}"


@pytest.mark.parametrize("text", ["a = 1\n#[b", "a = 1 # [[c", 'a = 1\n# """'])
def test_a_comment_at_the_end_of_toml(text):
    """It is not taken for values, with no line end after it either."""
    cfg = Config.fromstring(text, ".toml")
    assert (cfg.origin("a").line, cfg.to_dict()) == (1, {"a": 1})
