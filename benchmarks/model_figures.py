"""What eng-model costs and saves, each figure as a ratio measured in one process.

    OMP_NUM_THREADS=1 python benchmarks/model_figures.py

- step: `BaseModel.train_step` of a small network on the CPU over the raw loop with the same network and optimizer,
  where the engine's share is largest.
- average: one `ExponentialMovingAverage.update_parameters` over torch's own `AveragedModel` with its fused function.
- checkpointing: numbers that are kept for backward, with over without, for eight blocks; with, these are their inputs.
- frozen normalisation: time of forward and backward, and numbers kept, with over without the fused pair.
- images: one `ImgDataPreprocessor` call over the same written out by hand.
"""

import copy
from contextlib import nullcontext

import torch
from interleaved import ratio
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from eng_model import (
    BaseModel,
    ExponentialMovingAverage,
    ImgDataPreprocessor,
    turn_on_activation_checkpointing,
    turn_on_efficient_conv_bn_eval,
)


class Net(BaseModel):
    """Two linear layers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x, y, mode="tensor"):
        return {"loss": F.cross_entropy(self.layers(x), y)}


class Wrapper:
    """The raw loop's three lines behind two methods."""

    def __init__(self, model):
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        self.nothing = nullcontext()

    def optim_context(self, model):
        return self.nothing

    def update_params(self, loss):
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def kept(net, x, inputs_of=()):
    """Numbers that one forward pass keeps for backward, and the inputs of modules that are computed again there."""
    sizes = {}

    def note_input(module, inputs):
        keep(inputs[0])

    handles = [module.register_forward_pre_hook(note_input) for module in inputs_of]

    def keep(tensor):
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x)
    for handle in handles:
        handle.remove()
    return sum(sizes.values())


def step():
    model = Net()
    wrapper = Wrapper(model)
    x, y = torch.randn(16, 16), torch.randint(4, (16,))

    def raw():
        loss = model(x, y)["loss"]
        loss.backward()
        wrapper.optimizer.step()
        wrapper.optimizer.zero_grad()

    return ratio(lambda: model.train_step((x, y), wrapper), raw)


def average():
    net = nn.Sequential(*(nn.Linear(64, 64) for _ in range(50)))
    ours = ExponentialMovingAverage(net, momentum=0.001)
    theirs = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    return ratio(lambda: ours.update_parameters(net), lambda: theirs.update_parameters(net))


def checkpointing():
    block = [nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 64), nn.Dropout()]
    plain = nn.Sequential(*(nn.Sequential(*copy.deepcopy(block)) for _ in range(8)))
    recomputed = copy.deepcopy(plain)
    turn_on_activation_checkpointing(recomputed, [str(place) for place in range(8)])
    x = torch.randn(256, 64, requires_grad=True)
    return kept(recomputed, x, inputs_of=recomputed) / kept(plain, x)


def frozen_normalisation():
    plain = nn.Sequential(
        *(layer for _ in range(4) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)))
    )
    fused = copy.deepcopy(plain.eval())
    turn_on_efficient_conv_bn_eval(fused, "")
    x = torch.randn(4, 16, 32, 32, requires_grad=True)
    return ratio(lambda: fused(x).sum().backward(), lambda: plain(x).sum().backward()), kept(fused, x) / kept(
        plain, x
    )


def images():
    batch = {"inputs": [torch.randint(256, (3, 224, 224), dtype=torch.uint8) for _ in range(8)]}
    preprocess = ImgDataPreprocessor(mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4])
    mean, std = preprocess.mean, preprocess.std
    return ratio(
        lambda: preprocess(batch), lambda: torch.stack([(i.float() - mean) / std for i in batch["inputs"]])
    )


def main():
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)")
    print(f"step            {step():.3f} x raw loop")
    print(f"average         {average():.3f} x torch's AveragedModel")
    print(f"checkpointing   {checkpointing():.3f} x numbers kept")
    seconds, numbers = frozen_normalisation()
    print(f"frozen norm     {seconds:.3f} x time, {numbers:.3f} x numbers kept")
    print(f"images          {images():.3f} x by hand")


if __name__ == "__main__":
    main()
