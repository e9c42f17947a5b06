import logging
import re
from logging.handlers import RotatingFileHandler, TimedRotatingFileHandler, WatchedFileHandler

import pytest

from eng_logging import MMLogger, print_log


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """The environment of a run without a launcher, and no logger from another test."""
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(MMLogger, "_instance_dict", type(MMLogger._instance_dict)())


def test_it_stands_outside_the_tree():
    """No parent, no level of its own, handlers with the level."""
    logger = MMLogger.get_instance("run", log_level="WARNING")
    assert (logger.name, logger.instance_name, logger.parent, logger.level) == ("eng", "run", None, 0)
    assert [handler.level for handler in logger.handlers] == [logging.WARNING]
    assert MMLogger.get_instance("other", logger_name="mine").name == "mine"


def test_lines_reach_the_console_and_the_file(tmp_path, capsys):
    """Both have the same parts; the file has the year."""
    logger = MMLogger("run", log_file=tmp_path / "deep" / "run.log")
    logger.info("hello")
    logger.debug("too quiet")
    logger.close()
    assert re.fullmatch(r"\d\d/\d\d \d\d:\d\d:\d\d - eng - INFO - hello\n", capsys.readouterr().out)
    text = (tmp_path / "deep" / "run.log").read_text()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d - eng - INFO - hello\n", text)
    assert logger.log_file == str(tmp_path / "deep" / "run.log")


def test_the_file_is_begun_anew_or_continued(tmp_path):
    """As `file_mode` says."""
    path = tmp_path / "run.log"
    for mode in ("w", "w", "a"):
        logger = MMLogger("run", log_file=path, file_mode=mode)
        logger.warning("line")
        logger.close()
    assert path.read_text().count("line") == 2


def test_an_error_says_where(tmp_path):
    """File, function and line are those of the caller."""
    logger = MMLogger("run", log_file=tmp_path / "run.log")
    logger.error("broken")
    logger.close()
    assert re.search(r"ERROR - .*test_logger\.py - test_an_error_says_where - \d+ - broken", _text(tmp_path))


def test_the_same_warning_is_said_once(capsys):
    """Other levels may repeat themselves."""
    logger = MMLogger("run")
    for _ in range(3):
        logger.warning("no GPU")
        logger.info("step")
    assert capsys.readouterr().out.count("no GPU") == 1
    logger.info("step")
    assert capsys.readouterr().out.count("step") == 1


def test_other_ranks_are_silent(tmp_path, monkeypatch):
    """Their console shows errors only and they write no file."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    logger = MMLogger("run", log_file=tmp_path / "run.log")
    assert [handler.level for handler in logger.handlers] == [logging.ERROR]
    assert logger.log_file is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", [{"distributed": True}, {"log_level": "DEBUG"}])
def test_each_rank_may_have_a_file(tmp_path, monkeypatch, how):
    """When asked for, or when debugging, the name says user, host, device and rank."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    for rank in (0, 1):
        monkeypatch.setenv("RANK", str(rank))
        MMLogger(f"run{rank}", log_file=tmp_path / "run.log", **how).close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [re.sub(r"run_(.*@.*_)?device", "run_device", name) for name in names] == [
        "run_device5_rank0.log",
        "run_device5_rank1.log",
    ]


@pytest.mark.parametrize(
    ("visible", "local_rank", "device"),
    [
        ("", "0", "0"),
        ("", "3", "3"),
        ("4,7", "1", "7"),
        ("GPU-8f2a,GPU-11b0", "1", "GPU-11b0"),
        ("4", "2", "2"),
    ],
)
def test_the_device_is_the_visible_one(tmp_path, monkeypatch, visible, local_rank, device):
    """The number, or the UUID, of the device of this local rank."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("LOCAL_RANK", local_rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    logger = MMLogger("run", log_file=tmp_path / "run.log", distributed=True)
    logger.close()
    assert logger.log_file.endswith(f"device{device}_rank0.log")


@pytest.mark.parametrize(
    ("cfg", "kind"),
    [
        ({"type": "RotatingFileHandler", "maxBytes": 1000}, RotatingFileHandler),
        ({"type": "TimedRotatingFileHandler", "when": "D"}, TimedRotatingFileHandler),
        ({"type": "WatchedFileHandler"}, WatchedFileHandler),
        ({"type": "FileHandler"}, logging.FileHandler),
    ],
)
def test_other_file_handlers_can_be_named(tmp_path, cfg, kind):
    """Any file handler of the standard library; its file is the log file unless it says another."""
    logger = MMLogger("run", log_file=tmp_path / "run.log", file_handler_cfg=cfg)
    assert isinstance(logger.handlers[1], kind)
    assert logger.handlers[1].baseFilename == str(tmp_path / "run.log")
    logger.close()


def test_a_full_disk_is_said_once_by_any_file_handler(capsys):
    """Neither a line nor the end raises."""
    logger = MMLogger("run", log_file="/dev/full", file_handler_cfg={"type": "FileHandler"})
    logger.info("one")
    logger.info("two")
    logger.close()
    assert capsys.readouterr().err.count("/dev/full cannot be written, lines are lost") == 1


def test_a_file_handler_makes_the_folder_of_its_own_file(tmp_path):
    """Also where that is another one than `log_file`."""
    cfg = {"type": "FileHandler", "filename": str(tmp_path / "deep" / "own.log")}
    logger = MMLogger("run", log_file=tmp_path / "run.log", file_handler_cfg=cfg)
    logger.info("zwölf \udcff")
    logger.close()
    assert (tmp_path / "deep" / "own.log").read_bytes().endswith("zwölf \\udcff\n".encode())


def test_a_file_handler_must_be_one(tmp_path):
    """A missing or wrong type is refused."""
    with pytest.raises(ValueError, match="`SMTPHandler` is no file handler"):
        MMLogger("run", log_file=tmp_path / "a", file_handler_cfg={"type": "SMTPHandler"})
    with pytest.raises(AssertionError, match="needs a `type`"):
        MMLogger("run", log_file=tmp_path / "a", file_handler_cfg={"maxBytes": 1})


def test_a_new_level_holds_at_once(capsys):
    """What was decided about a level before is forgotten."""
    logger = MMLogger("run", log_level="DEBUG")
    logger.debug("one")
    logger.setLevel("ERROR")
    logger.debug("two")
    logger.setLevel(logging.DEBUG)
    logger.debug("three")
    out = capsys.readouterr().out
    assert "one" in out
    assert "two" not in out
    assert "three" in out


def test_a_full_disk_is_said_once(capsys):
    """Training goes on; stderr has one line."""
    logger = MMLogger("run", log_file="/dev/full")
    for i in range(5):
        logger.info("line %d", i)
    logger.close()
    out, err = capsys.readouterr()
    assert out.count("line") == 5
    assert err.count("\n") == 1
    assert "/dev/full cannot be written, lines are lost" in err


def test_the_current_logger_is_made_when_there_is_none():
    """Code that only wants to say something needs no set-up."""
    assert MMLogger.get_current_instance().instance_name == "eng"
    mine = MMLogger.get_instance("mine")
    assert MMLogger.get_current_instance() is mine


def test_print_log_prints_or_logs(capsys):
    """Each of the ways to name a logger."""
    print_log("printed")
    print_log("nothing", logger="silent")
    assert capsys.readouterr().out == "printed\n"
    logger = MMLogger.get_instance("run")
    for name in (logger, "current", "run"):
        print_log("logged", logger=name, level=logging.ERROR)
        out = capsys.readouterr().out
        assert "test_logger.py - test_print_log_prints_or_logs" in out
        assert out.endswith("- logged\n")


def test_print_log_knows_no_other_loggers():
    """An unknown name and another object are errors."""
    MMLogger.get_instance("run")
    with pytest.raises(ValueError, match="no MMLogger named 'ran'; there are: run"):
        print_log("x", logger="ran")
    with pytest.raises(TypeError, match="Logger, a str or None"):
        print_log("x", logger=3)


def _text(folder):
    return (folder / "run.log").read_text()
