import gc
import io
import json
import logging
import re
import threading

import pytest
from rich.console import Console

from eng_logging import MMLogger, configure, print_log


@pytest.fixture
def library():
    """A logger as the packages have it."""
    return logging.getLogger("eng_runner.loops")


def test_what_packages_log_reaches_the_file_of_the_run(tmp_path, library):
    """With the name of the logger in the line."""
    with configure(file=tmp_path / "run.log", console=False) as handle:
        library.info("epoch %d", 1)
        handle.logger.info("own words")
        print_log("printed words", logger="current")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.split(" - ", 1)[1] for line in lines] == [
        "eng_runner.loops - INFO - epoch 1",
        "eng - INFO - own words",
        "eng - INFO - printed words",
    ]
    assert handle.log_file == str(tmp_path / "run.log")


def test_close_leaves_everything_as_it_was(tmp_path, library):
    """Handlers, levels, propagation, the root logger and the registered name."""

    def state():
        tops = [logging.getLogger(name) for name in (None, "eng", "eng_runner", "eng_dist")]
        return [(top.level, top.propagate, list(top.handlers)) for top in tops]

    before = state()
    handle = configure(name="run 7", file=tmp_path / "run.log", console=False)
    assert MMLogger.check_instance_created("run 7")
    assert state()[0] == before[0]
    assert state()[1:] != before[1:]
    handle.close()
    handle.close()
    library.warning("nobody listens")
    assert state() == before
    assert not MMLogger.check_instance_created("run 7")
    assert (tmp_path / "run.log").read_text() == ""


def test_two_runs_do_not_mix(tmp_path, library):
    """Each line goes to the run in force where it is logged, also from threads."""
    a = configure(name="a", file=tmp_path / "a.log", console=False)
    b = configure(name="b", file=tmp_path / "b.log", console=False)

    def work(handle, word):
        with handle.as_current():
            for _ in range(50):
                library.info(word)

    threads = [threading.Thread(target=work, args=pair) for pair in ((a, "of a"), (b, "of b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with a.as_current():
        library.info("of a")
    b.close()
    library.info("of a")
    a.close()
    assert (tmp_path / "a.log").read_text().count("of a") == 52
    assert (tmp_path / "b.log").read_text().count("of b") == 50
    assert "of b" not in (tmp_path / "a.log").read_text()
    assert "of a" not in (tmp_path / "b.log").read_text()


def test_each_run_has_its_level(tmp_path, library):
    """The quieter one stays quiet while the other debugs."""
    quiet = configure(name="quiet", level="WARNING", file=tmp_path / "quiet.log", console=False)
    with configure(name="loud", level="DEBUG", file=tmp_path / "loud.log", console=False):
        library.debug("details")
        with quiet.as_current():
            library.debug("details")
    quiet.close()
    assert (tmp_path / "loud.log").read_text().count("details") == 1
    assert (tmp_path / "quiet.log").read_text() == ""


def test_nothing_is_said_twice(capsys, library):
    """Python's root logger does not get what the console shows, unless it is asked for."""
    seen = []
    root_handler = logging.Handler()
    root_handler.emit = seen.append
    logging.getLogger().addHandler(root_handler)
    try:
        with configure():
            library.info("once")
        assert capsys.readouterr().out.count("once") == 1
        assert seen == []
        with configure(propagate=True):
            library.info("twice")
        assert [record.getMessage() for record in seen] == ["twice"]
    finally:
        logging.getLogger().removeHandler(root_handler)


def test_other_loggers_can_be_listened_to(tmp_path):
    """The tops of the tree are an argument."""
    with configure(file=tmp_path / "run.log", console=False, root_loggers=("my_project",)):
        logging.getLogger("my_project.data").info("mine")
        logging.getLogger("eng_runner").warning("not asked for")
    assert "my_project.data - INFO - mine" in (tmp_path / "run.log").read_text()
    assert "not asked for" not in (tmp_path / "run.log").read_text()


def test_only_rank_zero_speaks(tmp_path, capsys, library):
    """Other ranks show errors and write no file, unless the level is DEBUG."""
    with configure(file=tmp_path / "run.log", json_file=tmp_path / "run.jsonl", rank=1, world_size=2):
        library.info("quiet")
        library.error("loud")
    out = capsys.readouterr().out
    assert "quiet" not in out
    assert "loud" in out
    assert list(tmp_path.iterdir()) == []
    configure(file=tmp_path / "run.log", level="DEBUG", rank=1, world_size=2, console=False).close()
    assert [path.name.endswith("_rank1.log") for path in tmp_path.iterdir()] == [True]


def test_json_lines_are_kept(tmp_path, library):
    """One object per record."""
    with configure(json_file=tmp_path / "deep" / "run.jsonl", console=False):
        library.info("one")
        library.warning("two")
    lines = (tmp_path / "deep" / "run.jsonl").read_text().splitlines()
    assert [(record["level"], record["message"]) for record in map(json.loads, lines)] == [
        ("INFO", "one"),
        ("WARNING", "two"),
    ]


def test_a_rich_console_is_printed_to(library):
    """Text as it is: no markup, no wrapping, colour if the console has it."""
    plain = Console(file=io.StringIO(), width=40)
    text = "[bold]not markup[/bold] " + "x" * 60
    with configure(console=plain):
        library.info(text)
    assert plain.file.getvalue().endswith(f"INFO - {text}\n")
    colourful = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False)
    with configure(console=colourful):
        library.warning("colourful")
    assert "\x1b[4;33mWARNING\x1b[0m" in colourful.file.getvalue()


@pytest.mark.parametrize(
    ("variables", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, library, variables, colour):
    """NO_COLOR and dumb terminals are honoured."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with configure():
        library.info("hello")
    assert ("\x1b[4;37mINFO\x1b[0m" in terminal.getvalue()) is colour
    assert "hello" in terminal.getvalue()


def test_a_broken_console_does_not_stop_anybody(monkeypatch, capsys, library):
    """A closed terminal is said once, on stderr."""

    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError("gone")

    with configure(console=Console(file=Broken())):
        library.info("one")
        library.info("two")
    assert capsys.readouterr().err.count("cannot be written") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"level": "loud"}, "there is no level 'loud'; there are: .*INFO"),
        ({"root_loggers": "eng_runner"}, r"write \['eng_runner'\]"),
        ({"console": "rich"}, "console is True, False or a rich.console.Console, not 'rich'"),
    ],
)
def test_wrong_arguments_leave_nothing_behind(arguments, words):
    """No handler at a logger of the tree, no name, and the next run works."""
    with pytest.raises(ValueError, match=words):
        configure(name="wrong", **{"console": False} | arguments)
    assert not MMLogger.check_instance_created("wrong")
    assert [logging.getLogger(name).handlers for name in ("eng", "eng_runner")] == [[], []]
    configure(name="right", console=False).close()


def test_a_file_that_cannot_be_opened_closes_the_other(tmp_path, recwarn):
    """Nothing is left open."""
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        configure(file=tmp_path / "run.log", json_file=tmp_path, console=False)
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_run_inside_of_another_of_its_name(tmp_path):
    """After the inner one the name is that of the outer one again."""
    with configure(file=tmp_path / "outer.log", console=False) as outer:
        with configure(file=tmp_path / "inner.log", console=False):
            print_log("in", logger="current")
        assert MMLogger.get_current_instance() is outer.logger
        print_log("out", logger="current")
    assert (tmp_path / "outer.log").read_text().endswith(" - out\n")
    assert not MMLogger.check_instance_created("eng")


def test_two_names_of_one_logger(tmp_path):
    """Each line comes once, and the logger is left as it was."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with configure(file=tmp_path / "run.log", console=False, root_loggers=["", "root"], propagate=True):
        root.info("once")
    assert (tmp_path / "run.log").read_text().count("once") == 1
    assert (root.level, list(root.handlers)) == before


def test_a_message_that_its_arguments_do_not_fit(tmp_path, capsys):
    """Whoever logged it is told where; the file is not blamed, and says it when it is full later."""
    with configure(file=tmp_path / "run.log", console=False) as handle:
        handle.logger.info("%d iterations", "many")
        handle.logger.info("next")
    err = capsys.readouterr().err
    assert "Message: '%d iterations'" in err
    assert "During handling" not in err
    assert "cannot be written" not in err
    assert (tmp_path / "run.log").read_text().endswith("next\n")


def test_letters_that_an_encoding_lacks_are_escaped(tmp_path, monkeypatch, capsys):
    """A line is not lost for a path of unknown encoding, or for an umlaut on an ASCII console."""
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    with configure(file=tmp_path / "run.log", json_file=tmp_path / "run.json") as handle:
        handle.logger.info("zwölf \udcff")
    assert written.getvalue().endswith(rb"zw\xf6lf \udcff" + b"\n")
    assert (tmp_path / "run.log").read_bytes().endswith("zwölf \\udcff\n".encode())
    assert capsys.readouterr().err == ""
