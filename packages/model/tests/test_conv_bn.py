"""A convolution that does the work of the normalisation behind it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eng_model import turn_on_efficient_conv_bn_eval


class Net(nn.Module):
    """Pairs, and three things that look like pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.depthwise = nn.Conv2d(4, 4, 3, stride=2, groups=4, bias=False, padding_mode="reflect", padding=1)
        self.bn = nn.BatchNorm2d(4, affine=False)
        self.twice = nn.Conv2d(4, 4, 1)
        self.twice_bn = nn.BatchNorm2d(4)
        self.shared = nn.Conv2d(4, 4, 1)
        self.shared_bn = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.depthwise(self.stem(x)))
        x = self.twice_bn(self.twice(x)) + self.twice_bn(self.twice(x + 1))
        y = self.shared(x)
        return self.shared_bn(y) + y


def _trained(net: Any) -> Any:
    """With statistics that are not those of the beginning, in double precision."""
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            for parameter in module.parameters():
                nn.init.normal_(parameter)
    return net.double().eval()


def _numbers(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Result and gradients."""
    x = x.clone().requires_grad_()
    net.zero_grad()
    result = net(x)
    result.square().sum().backward()
    assert x.grad is not None
    return [result, x.grad, *(p.grad for p in net.parameters() if p.grad is not None), *net.buffers()]


def _equal(net: nn.Module, other: nn.Module, x: Tensor) -> bool:
    pairs = zip(_numbers(net, x), _numbers(other, x), strict=True)
    return all(torch.allclose(one, two, rtol=1e-10, atol=1e-10) for one, two in pairs)


def test_results_and_gradients_are_the_same() -> None:
    """In evaluation, fused; in training, as ever, with the statistics moving."""
    plain = _trained(Net())
    fused = copy.deepcopy(plain)
    assert turn_on_efficient_conv_bn_eval(fused, "") == [("stem.0", "stem.1"), ("depthwise", "bn")]
    x = torch.randn(2, 2, 8, 8, dtype=torch.double)
    assert _equal(plain, fused, x)
    assert _equal(plain.train(), fused.train(), x)
    assert _equal(plain.eval(), fused.eval(), x)
    assert [*plain.state_dict()] == [*fused.state_dict()]


@pytest.mark.parametrize(
    ("conv", "bn", "shape"),
    [
        (nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), (2, 2, 7)),
        (nn.Conv3d(2, 4, 1, bias=False), nn.BatchNorm3d(4), (2, 2, 3, 3, 3)),
        (nn.ConvTranspose1d(2, 4, 3, stride=2), nn.BatchNorm1d(4), (2, 2, 7)),
        (nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1), nn.BatchNorm2d(4), (2, 2, 5, 5)),
    ],
)
def test_every_dimension_and_both_directions(conv: nn.Module, bn: nn.Module, shape: tuple[int, ...]) -> None:
    """Also transposed convolutions, whose weights are the other way around."""
    plain = _trained(nn.Sequential(conv, bn))
    fused = copy.deepcopy(plain)
    assert turn_on_efficient_conv_bn_eval(fused, "") == [("0", "1")]
    assert _equal(plain, fused, torch.randn(shape, dtype=torch.double))


def test_less_is_kept_for_backward() -> None:
    """The result of the convolution is not."""
    plain = _trained(nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8)))
    fused = copy.deepcopy(plain)
    turn_on_efficient_conv_bn_eval(fused, "")
    x = torch.randn(2, 2, 32, 32, dtype=torch.double)

    def kept(net: nn.Module) -> int:
        sizes: dict[int, int] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.setdefault(t.data_ptr(), t.numel()) and t, lambda t: t
        ):
            net(x)
        return sum(sizes.values())

    assert kept(fused) < kept(plain) / 3


def test_what_cannot_be_fused_is_left() -> None:
    """A transposed convolution of groups, a normalisation without statistics in evaluation."""
    grouped = nn.Sequential(nn.ConvTranspose2d(4, 4, 1, groups=2), nn.BatchNorm2d(4))
    assert turn_on_efficient_conv_bn_eval(grouped, "") == []
    forgetful = nn.Sequential(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    plain = copy.deepcopy(forgetful)
    turn_on_efficient_conv_bn_eval(forgetful, "")
    x = torch.randn(2, 2, 3, 3)
    assert torch.equal(plain(x), forgetful(x))


def test_only_the_named_modules_are_looked_at() -> None:
    """By path or by class; a second time nothing is left to do."""
    net = _trained(Net())
    assert turn_on_efficient_conv_bn_eval(net, ["stem"]) == [("stem.0", "stem.1")]
    assert turn_on_efficient_conv_bn_eval(net, "Sequential") == []


def test_a_copy_uses_its_own_weights() -> None:
    """As an average of the model does."""
    net = _trained(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)))
    turn_on_efficient_conv_bn_eval(net, "")
    other = copy.deepcopy(net)
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    assert other(torch.ones(1, 1, 1, 1, dtype=torch.double)).item() != 0.0
