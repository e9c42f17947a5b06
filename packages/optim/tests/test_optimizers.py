"""Optimizers by name: those of torch, those of others, and those that are missing."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn, optim

from eng_optim import TORCH_OPTIMIZERS, build_optim_wrapper
from eng_optim.third_party import SOURCES, Source, late, registered_names
from eng_registry import OPTIMIZERS


def test_every_optimizer_of_torch() -> None:
    """Whatever torch.optim has is there under its name, but `Adafactor`, which belongs to transformers."""
    of_torch = {
        name
        for name, kind in vars(optim).items()
        if isinstance(kind, type) and issubclass(kind, optim.Optimizer)
    }
    assert {*TORCH_OPTIMIZERS} == {*of_torch, "TorchAdafactor"} - {"Adafactor"}
    for name in of_torch - {"Adafactor"}:
        assert OPTIMIZERS.get(name) is getattr(optim, name)
    assert OPTIMIZERS.get("TorchAdafactor") is optim.Adafactor


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.extra)
def test_optimizers_of_others(source: Source) -> None:
    """What is installed can be built by name; what is not names the command that installs it."""
    if source.is_installed:
        for registered, name in registered_names(source):
            found = OPTIMIZERS.get(registered)
            assert found is not None
            assert found.__name__ == name
        return
    registered, _ = next(registered_names(source))
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'eng-optim\[{source.extra}\]'"):
        build_optim_wrapper(nn.Linear(1, 1), {"optimizer": {"type": registered, "lr": 0.1}})


@pytest.mark.parametrize("name", ["AdamW8bit", "Lion", "DAdaptAdam", "SophiaG", "Adafactor"])
def test_others_step(name: str) -> None:
    """An installed optimizer of another distribution moves a parameter."""
    if OPTIMIZERS.get(name) is None:
        pytest.skip(f"{name} is not installed")
    model = nn.Linear(64, 64, bias=False)  # large enough for a state of 8 bits
    before = model.weight.detach().clone()
    wrapper = build_optim_wrapper(model, {"optimizer": {"type": name}})
    wrapper.update_params(model(torch.ones(1, 64)).sum())
    assert not torch.equal(before, model.weight)


def test_no_name_is_taken_twice() -> None:
    """Over all distributions, every name means one optimizer."""
    names = [name for source in SOURCES for name, _ in registered_names(source)]
    assert len(names) == len({*names, *TORCH_OPTIMIZERS}) - len(TORCH_OPTIMIZERS)
    assert "bnb_AdamW" in names
    assert "AdamW8bit" in names


def test_import_waits_for_the_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module of an optional optimizer is imported when one is built, not before."""
    (tmp_path / "late_optimizer.py").write_text("from torch.optim import SGD as Slow\n")
    monkeypatch.syspath_prepend(tmp_path)
    build = late("late_optimizer", "Slow")
    assert "late_optimizer" not in sys.modules
    assert isinstance(build([nn.Parameter(torch.zeros(1))], lr=0.1), optim.SGD)
    assert "late_optimizer" in sys.modules


def test_fused_by_configuration() -> None:
    """Arguments such as `fused` and `foreach` arrive at the optimizer."""
    for flag in ("fused", "foreach"):
        wrapper = build_optim_wrapper(
            nn.Linear(1, 1), {"optimizer": {"type": "AdamW", "lr": 0.1, flag: True}}
        )
        assert wrapper.optimizer.param_groups[0][flag] is True
