"""What the documentation promises to those who write models, as they would write it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from eng_model import BaseDataPreprocessor, BaseModel


class Classifier(BaseModel):
    """For batches that are tuples of images and labels."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fc = nn.Linear(4, 3)

    def forward(self, imgs: Tensor, labels: Tensor, mode: str) -> Any:
        x = self.fc(imgs)
        if mode == "loss":
            return {"loss": functional.cross_entropy(x, labels)}
        if mode == "predict":
            return x, labels
        return x


class WrittenOut(Classifier):
    """The same with all three steps by hand."""

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        data = self.data_preprocessor(data)
        loss = self(*data, mode="loss")
        parsed_losses, log_vars = self.parse_losses(loss)
        optim_wrapper.update_params(parsed_losses)
        return log_vars

    def val_step(self, data: Any, optim_wrapper: Any = None) -> Any:
        data = self.data_preprocessor(data)
        return self(*data, mode="predict")

    test_step = val_step


class MixUp(nn.Module):
    """A preprocessor that is no subclass of ours, blends images in training and makes labels one-hot."""

    def __init__(self, num_class: int, share: float) -> None:
        super().__init__()
        self.num_class = num_class
        self.share = share

    def forward(self, data: Any, training: bool = True) -> Any:
        img, label = data
        if not training:
            return img, label
        label = functional.one_hot(label, self.num_class).float()
        index = torch.arange(len(label)).flip(0)
        img = self.share * img + (1 - self.share) * img[index, :]
        return img, self.share * label + (1 - self.share) * label[index, :]


class Renaming(BaseDataPreprocessor):
    """Between what a dataset offers and what a model wants."""

    def forward(self, data: Any, training: bool = False) -> Any:
        data = super().forward(data, training)
        return {"imgs": data["picture"], "labels": data["category"]}


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


BATCH = (torch.linspace(-1, 1, 8).view(2, 4), torch.tensor([0, 2]))


def test_the_steps_written_out_do_the_same(sgd: Any) -> None:
    """What is inherited is nothing but this."""
    torch.manual_seed(0)
    inherited = Classifier()
    written = WrittenOut()
    written.load_state_dict(inherited.state_dict())
    assert inherited.train_step(BATCH, sgd(inherited)) == written.train_step(BATCH, sgd(written))
    assert torch.equal(inherited.fc.weight, written.fc.weight)
    for step in ("val_step", "test_step"):
        for one, other in zip(getattr(inherited, step)(BATCH), getattr(written, step)(BATCH), strict=True):
            assert torch.equal(one, other)


def test_any_module_can_be_the_preprocessor(sgd: Any) -> None:
    """It is told whether this is training."""
    model = Classifier(data_preprocessor=MixUp(num_class=3, share=0.75))
    images, labels = model.data_preprocessor(BATCH, training=True)
    assert labels.tolist() == [[0.75, 0.0, 0.25], [0.25, 0.0, 0.75]]
    assert torch.equal(images[0], 0.75 * BATCH[0][0] + 0.25 * BATCH[0][1])
    assert model.train_step(BATCH, sgd(model))["loss"] > 0
    assert torch.equal(model.val_step(BATCH)[1], BATCH[1])


def test_a_preprocessor_can_rename() -> None:
    """Neither the dataset nor the model has to change."""
    model = Classifier(data_preprocessor=Renaming())
    scores, labels = model.test_step({"picture": BATCH[0], "category": BATCH[1]})
    assert torch.equal(scores, model(*BATCH, mode="tensor"))
    assert labels is BATCH[1]


def test_a_training_step_of_ones_own(sgd: Any) -> None:
    """Returns what is to be logged, of both parts."""
    model = Gan()
    optim_wrapper = {name: sgd(getattr(model, name)) for name in ("generator", "discriminator")}
    log_vars = model.train_step((torch.ones(3, 2),), optim_wrapper)
    assert log_vars.keys() == {"loss", "loss_d", "loss_g"}
    assert not any(value.requires_grad for value in log_vars.values())


def test_validation_can_return_losses() -> None:
    """A step may run another mode."""

    class WithLoss(Classifier):
        def val_step(self, data: Any, optim_wrapper: Any = None) -> Any:
            data = self.data_preprocessor(data, False)
            return self._run_forward(data, mode="loss")

    assert WithLoss().val_step(BATCH)["loss"].ndim == 0


def test_a_model_needs_a_forward() -> None:
    """There is no default."""
    with pytest.raises(TypeError, match="forward"):
        BaseModel()  # type: ignore[abstract]
