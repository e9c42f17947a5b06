"""Files from anybody: whatever they hold, reading them runs nothing, reaches nothing, and ends soon."""

import json
import os
import sys
import time

import pytest

from eng_config import Config, ConfigError

PYTHON = {
    "import": "import os\nos.system('touch owned')",
    "from import": "from os import system\nsystem('touch owned')",
    "dunder import": "a = __import__('os').system('touch owned')",
    "eval": "a = eval('1')",
    "exec": "exec('a = 1')",
    "open": "a = open('owned', 'w')",
    "compile": "a = compile('1', '', 'eval')",
    "getattr": "a = getattr({}, '__class__')",
    "type": "a = type('X', (), {})",
    "globals": "a = globals()",
    "vars": "a = vars()",
    "breakpoint": "breakpoint()",
    "input": "a = input()",
    "print": "print(1)",
    "class escape": "a = ().__class__.__bases__[0].__subclasses__()",
    "text escape": "a = ''.__class__.__mro__",
    "dictionary escape": "a = dict(b=1).__class__",
    "item escape": "a = {}['__class__']",
    "base escape": "a = _base_.__class__",
    "base method escape": "a = _base_.to_dict.__globals__",
    "base init": "_base_.__init__(x=1)",
    "base place": "a = _base_._place",
    "format escape": "a = '{0.__class__}'.format(1)",
    "format map escape": "a = '{x.__class__}'.format_map(dict(x=1))",
    "percent": "a = '%1000000000d' % 1",
    "f-string escape": "a = f'{(1).__class__}'",
    "f-string width": "a = f'{1:1000000000}'",
    "f-string nested width": "n = 10 ** 9\na = f'{1:{n}}'",
    "lambda": "a = (lambda: 1)()",
    "def": "def f(): pass",
    "class": "class A: pass",
    "decorator": "@print\nclass A: pass",
    "with": "with open('x') as f: pass",
    "try": "try:\n    a = 1 / 0\nexcept BaseException as e:\n    a = e.__traceback__",
    "while": "while True: pass",
    "walrus": "a = [(b := 1)]",
    "await": "async def f(): await g()",
    "yield": "a = (yield)",
    "global": "global a",
    "assert": "assert False, open('x')",
    "raise": "raise SystemExit",
    "match": "match 1:\n    case int(): a = 1",
    "starred call of a method": "a = dict.fromkeys(*[[1]])",
    "function as value": "a = [dict][0]()",
    "shadowed function": "len = dict\na = len()",
    "star import": "from os import *",
    "attribute assignment": "a = 'x'\na.b = 1",
    "huge power": "a = 10 ** 10 ** 10",
    "huge shift": "a = 1 << 10 ** 12",
    "power by products": "a = 9 ** 3000\nb = a * a * a * a * a * a",
    "huge text": "a = 'x' * 10 ** 12",
    "doubling text": "a = 'x' * 1000000\nb = [a + a + a for i in range(10 ** 6)]",
    "huge list": "a = [0] * 10 ** 12",
    "huge range": "a = list(range(10 ** 12))",
    "range in a display": "a = [*range(10 ** 12)]",
    "sum of a range": "a = sum(range(10 ** 12))",
    "max of a range": "a = max(range(10 ** 12))",
    "sorted range": "a = sorted(range(10 ** 12))",
    "in a range of floats": "a = 0.5 in range(10 ** 12)",
    "comprehension bomb": "a = [1 for a in range(9999) for b in range(9999) for c in range(9999)]",
    "generator bomb": "a = sum(1 for a in range(9999) for b in range(9999))",
    "nested lists": "a = [1]\n" + "a = [a, a, a, a, a, a, a, a, a, a]\n" * 20,
    "list of itself": "a = []\na.append(a)",
    "dictionary of itself": "a = dict()\na['a'] = a",
    "extend by itself": "a = [1, 2]\nfor i in range(60):\n    a.extend(a)",
    "growing while walked": "a = [1]\nfor x in a:\n    a.append(x)",
    "join bomb": "a = ('x' * 1000).join(['y'] * 100000)",
    "replace bomb": "a = ('a' * 10000).replace('a', 'b' * 10000)",
    "zfill bomb": "a = '1'.zfill(10 ** 10)",
    "expandtabs bomb": "a = '\\t'.expandtabs(10 ** 10)",
    "splitting": "a = ('a ' * 400000).split() * 100",
    "int of a text": "a = int('9' * 1000000)",
    "text of an int": "a = str(2 ** 9999)",
    "hash of tuples": "a = ()\nfor i in range(40):\n    a = (a, a)\nb = {a: 1}",
    "hashes of a comprehension": "a = {n * (2 ** 61 - 1): 0 for n in range(30000)}",
    "hashes of a set": "a = set(range(0, 30000 * (2 ** 61 - 1), 2 ** 61 - 1))",
    "hashes of tuples": "a = frozenset([(n,) for n in range(0, 30000 * (2 ** 61 - 1), 2 ** 61 - 1)])",
    "hashes of pairs": "a = dict([(n, 1) for n in range(0, 30000 * (2 ** 61 - 1), 2 ** 61 - 1)])",
    "hashes by item": "a = {}\nfor n in range(30000):\n    a[n * (2 ** 61 - 1)] = 1",
    "hashes by method": "a = {0}\nfor n in range(30000):\n    a.add(n * (2 ** 61 - 1))",
    "hashes by update": "a = {}\na.update([(n, 1) for n in range(0, 30000 * (2 ** 61 - 1), 2 ** 61 - 1)])",
    "hashes of a star": "b = [n * (2 ** 61 - 1) for n in range(30000)]\nc = {*b}",
    "repr of nested": "a = [[]] * 1000\nb = [a] * 1000\nc = str([b] * 1000)",
    "comparison of nested": "a = [[]]\nb = [[]]\nfor i in range(40):\n    a = [a, a]\n    b = [b, b]\nc = a == b",
    "deep brackets": "a = " + "[" * 5000 + "]" * 5000,
    "deep operators": "a = " + "-" * 50000 + "1",
    "deep sums": "a = " + "1+" * 50000 + "1",
    "deep attributes": "a = _base_" + ".a" * 50000,
    "null byte": "a = 1\0",
    "encoding": "# coding: rot13\nvzcbeg bf",
    "custom imports": "custom_imports = dict(imports=['antigravity'])",
    "base outside": "_base_ = '../outside.py'",
    "base absolute": "_base_ = '/etc/passwd'",
    "base by link": "_base_ = './link.py'",
    "base of a package": "_base_ = 'json::decoder.py'",
    "base with a null byte": "_base_ = './a\\0.py'",
    "base of a name that is too long": f"_base_ = './{'a' * 5000}.py'",
    "base of an odd letter": "_base_ = './\\ud800.py'",
    "base that is a pipe": "_base_ = './pipe.py'",
    "base that is a folder": "_base_ = './folder.py'",
    "bases without end": f"_base_ = [{'./empty.py, ' * 5000!r}".replace(", ", "', '") + "]",
    "bases that double": "_base_ = ['./tree0.py', './tree0.py']",
    "base in the home": "_base_ = '~/.bashrc'",
    "base remote": "_base_ = 'http://127.0.0.1:9/x.py'",
    "base that imports": "_base_ = './code.py'",
    "import style": "from eng_config import read_base\nwith read_base():\n    from .code import *",
}
DATA = {
    "yaml object": ("yaml", "a: !!python/object/apply:os.system ['touch owned']"),
    "yaml new": ("yaml", "a: !!python/object/new:os.system ['touch owned']"),
    "yaml name": ("yaml", "a: !!python/name:os.system"),
    "yaml module": ("yaml", "a: !!python/module:antigravity"),
    "yaml object in a key": ("yaml", "? !!python/object/apply:os.system ['touch owned']\n: 1"),
    "yaml tuple of an object": ("yaml", "a: !!python/tuple [!!python/name:os.system ]"),
    "yaml laughs": (
        "yaml",
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(12)),
    ),
    "yaml merge bomb": (
        "yaml",
        "a0: &a0 {k0: 1, k1: 1, k2: 1}\n"
        + "".join(f"a{i + 1}: &a{i + 1} {{<<: [{', '.join([f'*a{i}'] * 10)}]}}\n" for i in range(12)),
    ),
    "yaml of itself": ("yaml", "a: &a [*a]"),
    "yaml key of itself": ("yaml", "a: &a {b: *a}"),
    "yaml deep flow": ("yaml", "a: " + "[" * 100000),
    "yaml deep flow mappings": ("yaml", "a: " + "{a: " * 100000),
    "yaml deep block": ("yaml", "".join(" " * i + "a:\n" for i in range(1500))),
    "yaml deep dashes": ("yaml", "a:\n" + " -" * 100000),
    "yaml huge number": ("yaml", "a: " + "9" * 1000000),
    "yaml sexagesimal": ("yaml", "a: 1" + ":1" * 200000),
    "yaml sexagesimal float": ("yaml", "a: 1" + ":1" * 2000 + ".5"),
    "yaml empty int": ("yaml", "a: !!int ''"),
    "yaml empty float": ("yaml", "? !!float ''\n: 1"),
    "yaml empty timestamp": ("yaml", "a: !!timestamp ''"),
    "yaml hashes": ("yaml", "a:\n" + "".join(f" {n * (2**61 - 1)}: 0\n" for n in range(18000))),
    "yaml deep indentation": ("yaml", "".join(" " * i + "- a:\n" for i in range(0, 400, 2))),
    "yaml reference and blanks": ("yaml", 'x: "{{$A:' + " " * 400000 + "\n"),
    "yaml references unclosed": ("yaml", 'x: "' + "{{$A:" * 80000 + "\n"),
    "yaml reference and quotes": ("yaml", "x: \"{{'$A:" + "'" * 400000 + "\n"),
    "yaml references that grow": ("yaml", 'x: "' + "{{$ENG_LONG}}" * 30000 + '"'),
    "yaml names that grow": ("yaml", 'x: "' + "{{fileDirname}}" * 30000 + '"'),
    "yaml custom imports": ("yaml", "custom_imports: {imports: [antigravity]}"),
    "yaml base is code": ("yaml", "_base_: ./code.py"),
    "yaml base outside": ("yaml", "_base_: [../outside.py]"),
    "json base is code": ("json", '{"_base_": "./code.py"}'),
    "json base outside": ("json", '{"_base_": "../outside.py"}'),
    "json deep": ("json", '{"a": ' * 100000),
    "json huge number": ("json", '{"a": ' + "9" * 1000000 + "}"),
    "json marked nonsense": ("json", '{"a": {"__complex__": "x"}}'),
    "json set of lists": ("json", '{"a": {"__set__": [[1]]}}'),
    "json pairs of lists": ("json", '{"a": {"__pairs__": [[[1], 2]]}}'),
    "json hashes of a set": ("json", json.dumps({"a": {"__set__": [n * (2**61 - 1) for n in range(18000)]}})),
    "json hashes of pairs": (
        "json",
        json.dumps({"a": {"__pairs__": [[n * (2**61 - 1), 0] for n in range(18000)]}}),
    ),
    "json bytes": ("json", '{"a": {"__bytes__": "zz"}}'),
    "toml deep": ("toml", "a = " + "[" * 100000),
    "toml deep keys": ("toml", "[a" + ".b" * 5000 + "]"),
    "toml dotted key": ("toml", "a" + ".a" * 200000 + " = 1"),
    "toml dotted key with blanks": ("toml", "x = {a" + " . a" * 100000 + " = 1}"),
    "toml quoted keys": ("toml", "['a'" + ".'a'" * 100000 + "]"),
    "toml base is code": ("toml", "_base_ = './code.py'"),
    "toml custom imports": ("toml", "custom_imports = {imports = ['antigravity']}"),
}
CASES = {**{name: ("py", text) for name, text in PYTHON.items()}, **DATA}

# What reading may do: parse, and open files of its own folder. What it may never do starts with one of these.
FORBIDDEN = (
    *("exec", "import", "os.", "subprocess.", "shutil.", "socket."),
    *("ctypes.", "code.", "pty.", "urllib.", "webbrowser."),
)
HARMLESS = ("os.listdir", "os.scandir")


class Watch:
    """Everything that the interpreter reports while it is on; hooks cannot be removed, so there is one."""

    def __init__(self):
        self.on = False
        self.events = []
        sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        if not self.on:
            return
        if event == "open" or (event.startswith(FORBIDDEN) and event not in HARMLESS):
            self.events.append((event, arguments))


@pytest.fixture(scope="module")
def watch():
    """Switched on by the tests; what the package itself imports on first use is there already."""
    made = Watch()
    for suffix, text in (("yaml", "a: 1"), ("toml", "a = 1"), ("json", "{}"), ("py", "a = len('x')")):
        Config.fromstring(text, f".{suffix}", trust=False).origin("a")
    return made


@pytest.fixture
def folder(tmp_path):
    """A folder with code in it, and code outside of it."""
    inside = tmp_path / "configs"
    inside.mkdir()
    code = "import os\nos.system('touch owned')\nx = 1\n"
    (inside / "code.py").write_text(code)
    (tmp_path / "outside.py").write_text("secret = 1\n")
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    os.mkfifo(inside / "pipe.py")
    (inside / "folder.py").mkdir()
    (inside / "empty.py").write_text("")
    for number in range(40):
        (inside / f"tree{number}.py").write_text(
            f"_base_ = ['./tree{number + 1}.py', './tree{number + 1}.py']\n"
        )
    (inside / "tree40.py").write_text("")
    return inside


@pytest.mark.parametrize("name", CASES)
def test_nothing_runs(name, folder, watch, monkeypatch):
    """It is refused, with a file and a line; only files of the folder were opened, for reading."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ENG_LONG", "x" * 1000)
    before = sorted(os.listdir(folder))
    suffix, text = CASES[name]
    file = folder / f"cfg.{suffix}"
    file.write_text(text)
    watch.events.clear()
    started = time.monotonic()
    watch.on = True
    try:
        with pytest.raises(ConfigError) as caught:
            Config.fromfile(file, trust=False)
    finally:
        watch.on = False
    assert time.monotonic() - started < 10
    assert caught.value.origin is not None
    assert str(folder) in str(caught.value)
    opened = [arguments for event, arguments in watch.events if event == "open"]
    assert [event for event in watch.events if event[0] != "open"] == []
    assert all(str(path).startswith(str(folder)) and mode in ("r", "rb") for path, mode, _ in opened), opened
    assert sorted({*os.listdir(folder)} - {file.name}) == before
    assert "antigravity" not in sys.modules


def test_there_are_enough_of_them():
    """Tags, escapes, ranges, bombs, traversal, imports."""
    assert len(CASES) >= 40


def test_an_allowed_base_below_the_folder(folder):
    """Data files may have Python bases, which are read as data too."""
    (folder / "base.py").write_text("sizes = [32 * n for n in range(3)]\n")
    (folder / "cfg.json").write_text('{"_base_": "base.py"}')
    assert Config.fromfile(folder / "cfg.json").sizes == [0, 32, 64]


@pytest.mark.parametrize("suffix", ["py", "yaml", "json", "toml"])
def test_a_file_that_is_too_large_is_not_read(tmp_path, suffix, watch):
    """It is refused by its size; a trusted one is read."""
    file = tmp_path / f"cfg.{suffix}"
    file.write_text((" \n" if suffix == "json" else "# blank\n") * 300_000)
    watch.events.clear()
    watch.on = True
    try:
        with pytest.raises(PermissionError, match=r"more than 500,000 bytes or 1,000 files.*`trust=True`"):
            Config.fromfile(file, trust=False)
    finally:
        watch.on = False
    assert watch.events == []
    assert Config.fromfile(file, trust=True) is not None


def test_what_a_reader_gives_is_bounded():
    """A remote text that is not trusted is as large as a file may be."""
    with pytest.raises(PermissionError, match="more than 500,000 bytes"):
        Config.fromfile("s3://bucket/cfg.yaml", reader=lambda _: "#" * 600_000)


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_opened(tmp_path, kind, trust, watch):
    """Reading a pipe waits until somebody writes, and a device may have no end."""
    file = tmp_path / "cfg.py"
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    watch.events.clear()
    watch.on = True
    try:
        with pytest.raises(FileNotFoundError, match="is a pipe or a device"):
            Config.fromfile(file, trust=trust)
    finally:
        watch.on = False
    assert watch.events == []
