"""torch.compile in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, fx, nn

from eng_model import compile_model


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).relu()


class Counting:
    """A compiler that changes nothing and counts the graphs it is given."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Tensor]:
        self.graphs += 1
        return graph.forward


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("modules", "graphs"), [("", 1), ("Block", 1), ("Linear", 2), (["0.fc", "1"], 2), (["Block", "4"], 2)]
)
def test_what_is_compiled(modules: str | list[str], graphs: int) -> None:
    """The whole is one graph; equal blocks share theirs, of torch's own classes too; results and names stay."""
    net, compiler = nn.Sequential(*(Block() for _ in range(4)), nn.Linear(2, 1)), Counting()
    x = torch.ones(3, 2)
    with torch.no_grad():
        expected, names = net(x), [*net.state_dict()]
        assert compile_model(net, modules, backend=compiler) is net
        assert torch.equal(net(x), expected)
    assert compiler.graphs == graphs
    assert [*net.state_dict()] == names


def test_an_unknown_module_is_refused() -> None:
    """Before anything is compiled."""
    with pytest.raises(AttributeError, match="no module `Blok`"):
        compile_model(nn.Sequential(Block()), "Blok")
