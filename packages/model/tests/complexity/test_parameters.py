"""How many, and where."""

from torch import nn

from eng_model import parameter_count, parameter_count_table


def _net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.ModuleDict({"fc": nn.Linear(8, 2)}), nn.ReLU())


def test_every_prefix_has_its_sum() -> None:
    """In the order of the model."""
    assert parameter_count(_net()) == {
        "": 234,
        "0": 216,
        "0.weight": 216,
        "1": 18,
        "1.fc": 18,
        "1.fc.weight": 16,
        "1.fc.bias": 2,
    }
    assert parameter_count(nn.ReLU()) == {"": 0}


def test_what_is_shared_counts_once() -> None:
    """Under its first name."""
    net = nn.Sequential(nn.Linear(2, 2, bias=False))
    net.append(net[0])
    assert parameter_count(net) == {"": 4, "0": 4, "0.weight": 4}


def test_the_table_is_as_deep_as_asked_for() -> None:
    """Names indented by depth, parameters with their shapes."""
    assert parameter_count_table(_net(), max_depth=2).splitlines() == [
        "name       | elements or shape",
        "-----------+------------------",
        "model      |            0.234K",
        " 0         |            0.216K",
        "  0.weight |      (8, 3, 3, 3)",
        " 1         |                18",
        "  1.fc     |                18",
    ]
