"""The commands that only show something: hooks, environment, report, completion."""

import subprocess

import pytest

from eng_runner.cli.table import plain_lines


def test_hook_list_with_where_they_come_from(said, project):
    """The place in the file is named where a hook was changed."""
    more = project / "more_hooks.py"
    more.write_text("_base_ = ['line_config.py']\ncustom_hooks = [dict(type='GarbageCollectionHook')]\n")
    code, out, _ = said("hooks", more)
    assert code == 0
    names = [line.split()[2] for line in out.splitlines()[1:]]
    assert names.index("RuntimeInfoHook") == 0
    assert names.index("LoggerHook") < names.index("ParamSchedulerHook") < names.index("CheckpointHook")
    assert "line_config.py:25)" in next(line for line in out.splitlines() if "LoggerHook" in line)
    assert "custom_hooks.0 (" in next(line for line in out.splitlines() if "GarbageCollectionHook" in line)


def test_a_removed_hook_is_told(said, config):
    """None in `default_hooks` takes one away."""
    _, out, _ = said("hooks", config, "--cfg-options", "default_hooks.timer=None")
    assert "removed: default_hooks.timer" in out
    assert "IterTimerHook" not in out


def test_points(said, config):
    """Which hooks each point calls."""
    _, out, _ = said("hooks", config, "--points")
    lines = out.splitlines()
    at = lines.index("after_train_epoch:")
    assert [line.split()[1] for line in lines[at + 1 : at + 3]] == ["ParamSchedulerHook", "CheckpointHook"]


def test_cost_is_measured(said, config, tmp_path, monkeypatch):
    """A short training in a temporary folder; nothing is left here."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = said("hooks", config, "--cost", "6")
    assert code == 0
    calls = {tuple(line.split()[:2]): int(line.split()[2]) for line in out.splitlines() if "Hook " in line}
    assert calls["IterTimerHook", "after_train_iter"] == 6
    assert "an iteration takes" in out
    assert list(tmp_path.iterdir()) == []
    assert said("hooks", config, "--cost", "1")[0] == 2


def test_env(said):
    """Versions of what runs here."""
    code, out, _ = said("env")
    assert code == 0
    assert {"Python", "PyTorch", "eng-runner"} <= {line.split()[0] for line in out.splitlines()}


def test_report(said, trained, tmp_path):
    """A page about a run, or about several."""
    code, out, _ = said("report", trained, "--out", tmp_path / "one.html")
    assert code == 0
    assert str(tmp_path / "one.html") in out
    assert "line/error" in (tmp_path / "one.html").read_text()
    assert said("report", trained, trained, "--out", tmp_path / "two.html", "--no-verify")[0] == 0
    code, _, err = said("report", tmp_path)
    assert code == 2
    assert "is not the folder of a run" in err
    (tmp_path / "file").touch()
    code, _, err = said("report", trained, "--out", tmp_path / "file" / "page.html")
    assert (code, err.startswith("error: "), "Traceback" in err) == (2, True, False)


COMPLETIONS = {
    "eng ck": ["ckpt"],
    "eng ckpt ": ["ls", "verify", "inspect", "convert", "publish", "average", "--help"],
    "eng ckpt inspect --we": ["--weights"],
    "eng train config.py --res": ["--resume"],
    "eng completion ": ["bash", "zsh", "fish", "--help"],
}


@pytest.mark.parametrize("typed", COMPLETIONS)
def test_bash_completes(typed, said):
    """In a real bash."""
    script = said("completion", "bash")[1]
    words = typed.split(" ")
    typed_words = " ".join(map(repr, words))
    ask = f'COMP_WORDS=({typed_words}); COMP_CWORD={len(words) - 1}; _eng; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script + ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == COMPLETIONS[typed]


def test_other_shells(said):
    """zsh takes bash's script, fish has lines of its own."""
    assert "bashcompinit" in said("completion", "zsh")[1]
    fish = said("completion", "fish")[1].splitlines()
    assert "complete -c eng -n '__fish_seen_subcommand_from train' -l resume" in fish
    assert said("completion", "tcsh")[0] == 2


def test_plain_lines_have_no_blanks_at_their_ends():
    """Tables in files stay clean."""
    assert plain_lines(["a", "b"], [["1", ""], ["22", "x"]]) == ["a   b", "1", "22  x"]
