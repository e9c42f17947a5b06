"""What the documentation shows of models and preprocessors, snippet by snippet.

Each snippet is as it is documented but for its names, its size, and two slips of the documentation: `parse_losses`
takes the losses, and a preprocessor that is a module calls `super().__init__()`.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eng_model import BaseDataPreprocessor, BaseModel


class Residual(nn.Module):
    """What a ResNet is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.conv(x)))


class MMResNet(BaseModel):
    """The model of the fifteen minutes, in small."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = nn.Sequential(
            nn.Conv2d(3, 4, 3), Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )

    def forward(self, imgs: Tensor, labels: Tensor, mode: str) -> Any:
        x = self.resnet(imgs)
        if mode == "loss":
            return {"loss": F.cross_entropy(x, labels)}
        elif mode == "predict":
            return x, labels
        return x


class WrittenOut(MMResNet):
    """The equivalent code: all three steps."""

    def train_step(self, data: Any, optim_wrapper: Any) -> Any:
        data = self.data_preprocessor(data)
        loss = self(*data, mode="loss")
        parsed_losses, log_vars = self.parse_losses(loss)
        optim_wrapper.update_params(parsed_losses)
        return log_vars

    def val_step(self, data: Any, optim_wrapper: Any = None) -> Any:
        data = self.data_preprocessor(data)
        return self(*data, mode="predict")

    def test_step(self, data: Any, optim_wrapper: Any = None) -> Any:
        data = self.data_preprocessor(data)
        return self(*data, mode="predict")


def batches(kind: type) -> list[Any]:
    """Two batches of four images, as a loader that gives `kind` would."""
    generator = torch.Generator().manual_seed(0)
    pairs = [(torch.randn(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 0])) for _ in range(2)]
    return [{"imgs": x, "labels": y} if kind is dict else kind((x, y)) for x, y in pairs]


def test_what_happens_in_training_and_validation(sgd: Any) -> None:
    """The loops that the documentation writes out do what the steps do, for dicts, tuples and lists."""
    for kind in (dict, tuple, list):
        model = MMResNet()
        twin = copy.deepcopy(model)
        optim_wrapper, twin_wrapper = sgd(model), sgd(twin)
        for data_batch in batches(kind):
            log_vars = model.train_step(data_batch, optim_wrapper)

            data_batch = twin.data_preprocessor(data_batch, training=True)
            if isinstance(data_batch, dict):
                losses = twin(**data_batch, mode="loss")
            elif isinstance(data_batch, (list, tuple)):
                losses = twin(*data_batch, mode="loss")
            else:
                raise TypeError()
            twin_wrapper.update_params(losses["loss"])
            assert log_vars["loss"] == losses["loss"]
        model.eval()
        twin.eval()
        for data_batch in batches(kind):
            scores, _ = model.val_step(data_batch)
            data_batch = twin.data_preprocessor(data_batch, training=False)
            if isinstance(data_batch, dict):
                outputs = twin(**data_batch, mode="predict")
            else:
                outputs = twin(*data_batch, mode="predict")
            assert torch.equal(scores, outputs[0])
            assert torch.equal(scores, model.test_step(data_batch)[0])


def test_the_equivalent_code(sgd: Any) -> None:
    """A model with the three steps written out trains and predicts like one that inherits them."""
    inherited, written = MMResNet(), WrittenOut()
    written.load_state_dict(inherited.state_dict())
    optim_wrapper, written_wrapper = sgd(inherited), sgd(written)
    for data in batches(tuple):
        assert inherited.train_step(data, optim_wrapper) == written.train_step(data, written_wrapper)
    for step in ("val_step", "test_step"):
        ours, _ = getattr(inherited.eval(), step)(data, optim_wrapper)
        theirs, _ = getattr(written.eval(), step)(data, written_wrapper)
        assert torch.equal(ours, theirs)


def test_the_default_preprocessor() -> None:
    """A model that defines none has one; it moves tuples and more to where the model is, in training and outside."""
    model = MMResNet()
    assert type(model.data_preprocessor) is BaseDataPreprocessor
    data = batches(tuple)[0]
    for training in (True, False):
        moved = model.data_preprocessor(data, training)
        assert isinstance(moved, tuple)
        assert all(torch.equal(a, b) for a, b in zip(moved, data, strict=True))
    meta = model.to("meta").data_preprocessor(data)
    assert {tensor.device.type for tensor in meta} == {"meta"}


class MixUpDataPreprocessor(nn.Module):
    """Blends each image with another one, only in training; labels become one-hot."""

    def __init__(self, num_class: int, alpha: float) -> None:
        super().__init__()
        self.num_class = num_class
        self.alpha = alpha

    def forward(self, data: Any, training: bool = True) -> Any:
        data = tuple(_data.to("cpu") for _data in data)
        # Only perform MixUp in training mode
        if not training:
            return data

        img, label = data
        label = F.one_hot(label, self.num_class)  # label to OneHot
        batch_size = len(label)
        index = torch.randperm(batch_size)  # Get the index of fused image
        lam = np.random.beta(self.alpha, self.alpha)  # Fusion factor

        # MixUp
        img = lam * img + (1 - lam) * img[index, :]
        label = lam * label + (1 - lam) * label[index, :]
        # Since the returned label is onehot encoded, the `forward` of the
        # model should also be adjusted.
        return img, label


class SoftClassifier(MMResNet):
    """Its loss takes probabilities for labels."""

    def __init__(self) -> None:
        super().__init__()
        self.data_preprocessor = MixUpDataPreprocessor(num_class=3, alpha=0.4)


def test_augmenting_whole_batches(sgd: Any) -> None:
    """MixUp is a preprocessor: it sees many images at once, and knows whether this is training."""
    model = SoftClassifier()
    data = batches(tuple)[0]
    images, labels = model.data_preprocessor(data, training=True)
    assert images.shape == data[0].shape
    assert torch.allclose(labels.sum(1), torch.ones(4, dtype=labels.dtype))
    optim_wrapper = sgd(model)
    assert model.train_step(data, optim_wrapper)["loss"] > 0
    assert torch.equal(model.val_step(data)[1], data[1])


class Adapter(BaseDataPreprocessor):
    """Between a loader and a model that do not fit, without changing either."""

    def forward(self, data: Any, training: bool = False) -> Any:
        data = super().forward(data, training)
        return {"imgs": data["picture"], "labels": data["category"]}


def test_adapting_a_loader_to_a_model(sgd: Any) -> None:
    """The preprocessor converts what comes in to what the model takes."""
    model, plain = MMResNet(), MMResNet()
    plain.load_state_dict(model.state_dict())
    model.data_preprocessor = Adapter()
    images, labels = batches(tuple)[0]
    adapted = model.train_step({"picture": images, "category": labels}, sgd(model))
    assert adapted == plain.train_step((images, labels), sgd(plain))


def test_validation_can_have_a_loss() -> None:
    """`val_step` may be customised: a loss of the validation."""

    class WithLoss(MMResNet):
        def val_step(self, data: Any, optim_wrapper: Any = None) -> Any:
            data = self.data_preprocessor(data, False)
            _, log_vars = self.parse_losses(self(*data, mode="loss"))
            return log_vars

    model = WithLoss().eval()
    data = batches(tuple)[0]
    assert list(model.val_step(data)) == ["loss"]
    assert torch.equal(model.test_step(data)[0], model(*data, mode="tensor"))


class Gan(BaseModel):
    """A training step of one's own: two optimizers, two losses."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(2, 4)
        self.discriminator = nn.Linear(4, 1)

    def forward(self, noise: Tensor, mode: str = "tensor") -> Tensor:
        return self.generator(noise)

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        (noise,) = self.data_preprocessor(data, True)
        fake = self.generator(noise)
        loss_d, log_vars_d = self.parse_losses({"loss_d": self.discriminator(fake.detach()).square()})
        optim_wrapper["discriminator"].update_params(loss_d)
        loss_g, log_vars_g = self.parse_losses({"loss_g": (self.discriminator(fake) - 1).square()})
        optim_wrapper["generator"].update_params(loss_g)
        return log_vars_d | log_vars_g


def test_a_training_step_of_ones_own(sgd: Any) -> None:
    """Returns what is to be logged, of both parts."""
    model = Gan()
    optim_wrapper = {name: sgd(getattr(model, name)) for name in ("generator", "discriminator")}
    log_vars = model.train_step((torch.ones(3, 2),), optim_wrapper)
    assert log_vars.keys() == {"loss", "loss_d", "loss_g"}
    assert not any(value.requires_grad for value in log_vars.values())


def test_a_model_needs_a_forward() -> None:
    """There is no default."""
    with pytest.raises(TypeError, match="forward"):
        BaseModel()  # type: ignore[abstract]
