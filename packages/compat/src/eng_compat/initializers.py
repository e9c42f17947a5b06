"""The one initializer of torch that code took from MMEngine."""

from torch.nn.init import trunc_normal_

__all__ = ["trunc_normal_"]
