"""What loading leaves behind: nothing; and what importing the package loads: little."""

import os
import pickle
import subprocess
import sys
import threading
import time

import pytest

from eng_config import Config, ConfigError


def test_a_folder_is_no_file(on_disk):
    """The files in it are told."""
    folder = os.path.dirname(on_disk(cfg_py="a = 1\n"))
    with pytest.raises(ConfigError) as caught:
        Config.fromfile(folder)
    assert str(caught.value) == f"`{folder}` is a folder; name a file in it, which has cfg.py"


def test_threads_do_not_meet(on_disk):
    """Several configurations are loaded at once, in both styles."""
    files = []
    for number in range(6):
        on_disk(**{f"base{number}_py": f"a = {number}\nb = dict(c=a)\n"})
        head = (
            f"_base_ = './base{number}.py'\n"
            if number % 2
            else (f"from eng_config import read_base\nwith read_base():\n    from .base{number} import *\n")
        )
        files.append(on_disk(**{f"cfg{number}_py": f"{head}d = [{number}] * 3\n"}))
    found = {}

    def load(number):
        found[number] = [Config.fromfile(files[number]).to_dict() for _ in range(20)]

    threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [{"a": n, "b": {"c": n}, "d": [n] * 3}] * 20 for n in range(6)}


def surroundings(folder):
    """What loading could change."""
    return set(sys.modules), list(sys.path), os.getcwd(), sorted(os.listdir(folder))


def test_nothing_is_left_behind(on_disk):
    """No module, no file, no change of the search path or the working folder."""
    on_disk(base_py="a = 1\n")
    text = on_disk(text_py="_base_ = 'base.py'\nimport json\n")
    head = "from eng_config import read_base\nwith read_base():\n    from .base import *\n"
    lazy = on_disk(lazy_py=f"{head}import torch.nn\n")
    before = surroundings(text.parent)
    Config.fromfile(text)
    Config.fromfile(lazy)
    Config.fromstring("a = 1", ".py")
    assert surroundings(text.parent) == before


def test_a_spawned_process_gets_an_equal_configuration(on_disk):
    """With its origins."""
    cfg = Config.fromfile(on_disk(cfg_py="model = dict(\n    depth=3)\n"))
    script = (
        "import pickle, sys\ncfg = pickle.load(sys.stdin.buffer)\n"
        "sys.stdout.write(repr((2 * cfg.model.depth, str(cfg.origin('model.depth')), cfg.pretty_text)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(cfg), capture_output=True, check=True
    )
    assert done.stdout.decode() == repr((6, str(cfg.origin("model.depth")), cfg.pretty_text))


def test_importing_is_light():
    """Neither torch nor numpy, nor what only some need."""
    heavy = "{'torch', 'numpy', 'yaml', 'tomllib', 'inspect', 'rich', 'eng_config.check', 'eng_config.restricted'}"
    script = f"import sys, eng_config\nassert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("suffix", "text"), [("py", "a = 1\n"), ("yaml", "a: 1\n"), ("json", '{"a": 1}'), ("toml", "a = 1\n")]
)
@pytest.mark.parametrize("trust", [True, False])
def test_a_byte_order_mark(tmp_path, suffix, text, trust):
    """It is no part of the text, of a file, of a base and of what a reader gives."""
    (tmp_path / f"base.{suffix}").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "cfg.py").write_bytes(b"\xef\xbb\xbf_base_ = './base." + suffix.encode() + b"'\nb = 2\n")
    cfg = Config.fromfile(tmp_path / "cfg.py", trust=trust)
    assert cfg.to_dict() == {"a": 1, "b": 2}
    assert cfg.origin("a").line == 1
    read = Config.fromfile(f"s3://bucket/cfg.{suffix}", reader=lambda _: "\ufeff" + text)
    assert read.to_dict() == {"a": 1}


def test_a_file_without_permission(on_disk, monkeypatch):
    """Is an error of this package, with the line that names it."""
    file = on_disk(base_py="a = 1\n", cfg_py="_base_ = './base.py'\n")
    opened = open

    def refuse(name, *arguments, **options):
        if str(name).endswith("base.py"):
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(
        ConfigError, match=r"cfg.py:1: _base_: `.*base.py` cannot be read: .*Permission denied"
    ):
        Config.fromfile(file)


def test_many_keys_take_linear_time(tmp_path):
    """Sixteen times as many dictionaries take nowhere near 256 times as long."""

    def seconds(count):
        text = "".join(f"a{i} = dict(b={i})\n" for i in range(count))
        started = time.process_time()
        Config.fromstring(text, ".py")
        return time.process_time() - started

    assert seconds(8000) < 100 * max(seconds(500), 0.005)
