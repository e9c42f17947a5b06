"""A hundred broken configurations: each is told with its file, its line and a way out, and the way out works."""

from pathlib import Path
from typing import Literal

import pytest
import yaml

from eng_config import Config, ConfigError, Part, parse_overrides

CASES = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text(encoding="utf-8"))


class Head:
    """Needs one argument."""

    def __init__(self, classes: int): ...


class Net:
    """Needs none."""

    def __init__(self, depth: int = 18, head: dict | None = None): ...


class Deep(Net):
    """Hands on what it does not know."""

    def __init__(self, classes: int, **kwargs):
        super().__init__(**kwargs)


class SGD:
    """Gets its parameters from its builder."""

    def __init__(self, params, lr: float = 0.1): ...


class Hook:
    """Is asked for a list and a choice."""

    def __init__(self, steps: list[int] | None = None, mode: Literal["slow", "exact"] = "slow"): ...


def train(epochs: int, interval: int = 1):
    """Is built without a type."""


REGISTRIES = {
    "model": {"Net": Net, "Head": Head, "Deep": Deep},
    "optimizer": Part({"SGD": SGD}, given=["params"]),
    "hooks": {"Hook": Hook},
    "train": Part(target=train),
}


def problems(folder, case, options):
    """What is said about a case: the one error that is raised, or all that a check finds."""
    try:
        cfg = Config.fromfile(
            folder / case.get("load", "cfg.py"), trust=case.get("trust"), lazy_import=case.get("lazy_import")
        )
        if options:
            cfg.merge_from_dict(parse_overrides(options), recompute=True)
    except ConfigError as error:
        return [str(error)]
    return [str(problem) for problem in cfg.check(REGISTRIES, keys=REGISTRIES)] if case.get("check") else []


def mend(folder, case):
    """Apply the change that the case suggests."""
    for change in case.get("fix", ()):
        if "rename" in change:
            (folder / change["rename"]).rename(folder / change["to"])
        else:
            path = folder / change["file"]
            text = path.read_text(encoding="utf-8")
            assert change["replace"] in text
            path.write_text(text.replace(change["replace"], change["by"]), encoding="utf-8")


def says(told, expected):
    """Whether a message is the expected one, as far as that is ours."""
    head, dots, tail = expected.partition("...")
    return told.startswith(head) and told.endswith(tail) if dots else told == expected


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_mistake_is_told_and_can_be_mended(case, tmp_path, monkeypatch):
    """The messages are these, and after the change there are none."""
    monkeypatch.delenv("ENG_TEST_UNSET", raising=False)
    folder = tmp_path / "configs"
    for name, text in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    told = problems(folder, case, case.get("options"))
    expected = [message.replace("{folder}", str(folder)) for message in case["messages"]]
    assert len(told) == len(expected)
    for one, other in zip(told, expected, strict=True):
        assert says(one, other), one
    mend(folder, case)
    mended = {**case, "load": "cfg.py"} if case.get("load") == "cfg.txt" else case
    assert problems(folder, mended, case.get("fixed_options", case.get("options"))) == []


def test_there_are_enough_of_them():
    """Of every kind, each with a place and a way out."""
    assert len(CASES) >= 80
    assert len({case["name"] for case in CASES}) == len(CASES)
    without_line = [case["name"] for case in CASES if ":" not in case["messages"][0]]
    assert without_line == ["unknown format", "missing file"]
