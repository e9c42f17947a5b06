"""Optimizer classes under their names in the registry `OPTIMIZERS`.

Every optimizer of the installed torch is found by looking, so those of a newer torch are there too. torch's
`Adafactor` is `TorchAdafactor`: the plain name belongs to the one of transformers.
"""

from torch import optim

from eng_registry import OPTIMIZERS


def _names_in_torch() -> dict[str, type[optim.Optimizer]]:
    found = {
        name: value
        for name, value in vars(optim).items()
        if isinstance(value, type) and issubclass(value, optim.Optimizer)
    }
    if "Adafactor" in found:
        found["TorchAdafactor"] = found.pop("Adafactor")
    return found


TORCH_OPTIMIZERS = sorted(_names_in_torch())

for _name, _optimizer in _names_in_torch().items():
    OPTIMIZERS.register_module(name=_name, module=_optimizer)
