"""An inferencer predicts what its model predicts, a batch at a time, and says what it does not understand."""

import logging
from pathlib import Path

import pytest
import torch

from eng_checkpoint import save_file
from eng_model import BaseModel
from eng_registry import INFERENCERS, MODELS, NotRegisteredError
from eng_runner import BaseInferencer
from eng_runner.infer.base import KeywordsError


@MODELS.register_module()
class Scale(BaseModel):
    """Multiplies by its only weight."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(float(factor)))

    def forward(self, inputs, mode="tensor"):
        return [one * self.factor for one in inputs]


class ScaleInferencer(BaseInferencer):
    """Numbers, or files that hold one."""

    preprocess_kwargs = {"offset"}  # noqa: RUF012 - read, never written
    visualize_kwargs = {"mark"}  # noqa: RUF012
    postprocess_kwargs = {"digits"}  # noqa: RUF012

    def _init_pipeline(self, cfg):
        def pipeline(value, offset=0.0):
            number = float(Path(value).read_text()) if isinstance(value, str) else float(value)
            return {"inputs": torch.tensor(number + offset)}

        return pipeline

    def visualize(self, inputs, preds, show=False, mark=None):
        return None if mark is None else [f"{mark}{pred.item():g}" for pred in preds]

    def postprocess(self, preds, visualization, return_datasamples=False, digits=3):
        values = preds if return_datasamples else [round(pred.item(), digits) for pred in preds]
        return {"predictions": values, "visualization": visualization}


CFG = {"model": {"type": "Scale", "factor": 2.0}}


@pytest.fixture(autouse=True)
def quiet(caplog):
    """The warning about initial weights is tested once."""
    caplog.set_level(logging.WARNING)


def test_every_input_gets_its_prediction_in_order():
    """The last batch may be smaller; the size of a batch changes nothing."""
    infer = ScaleInferencer(CFG, device="cpu")
    for batch_size in (1, 2, 5):
        assert infer([1, 2, 3], batch_size=batch_size)["predictions"] == [2.0, 4.0, 6.0]


def test_batches_are_collated_chunks():
    """Three inputs by two are a batch of two and one of one."""
    infer = ScaleInferencer(CFG, device="cpu")
    sizes = [len(batch["inputs"]) for batch in infer.preprocess([1, 2, 3], batch_size=2)]
    assert sizes == [2, 1]


def test_one_input_needs_no_list():
    """What is no list is one input."""
    assert ScaleInferencer(CFG, device="cpu")(5)["predictions"] == [10.0]


def test_a_folder_stands_for_its_files(tmp_path):
    """In the order of their names."""
    for name, value in (("b.txt", "2"), ("a.txt", "1")):
        (tmp_path / name).write_text(value)
    assert ScaleInferencer(CFG, device="cpu")(str(tmp_path))["predictions"] == [2.0, 4.0]


def test_arguments_reach_their_stage():
    """Each argument of a call goes to the stage that lists it."""
    results = ScaleInferencer(CFG, device="cpu")([1.04], offset=1.0, mark="x", digits=1)
    assert results == {"predictions": [4.1], "visualization": ["x4.08"]}


def test_data_samples_come_as_they_are():
    """With `return_datasamples` nothing is converted."""
    (prediction,) = ScaleInferencer(CFG, device="cpu")(1, return_datasamples=True)["predictions"]
    assert prediction.equal(torch.tensor(2.0))


def test_an_unknown_argument_is_named():
    """With the nearest known one."""
    with pytest.raises(ValueError, match=r"no argument `digit`.*`digits`"):
        ScaleInferencer(CFG, device="cpu")(1, digit=1)


@pytest.mark.parametrize(
    "sets", [{"forward_kwargs": ["a"]}, {"forward_kwargs": {"a"}, "visualize_kwargs": {"a"}}]
)
def test_the_sets_of_arguments_are_checked_when_the_class_is_made(sets):
    """No sets, or one name in two of them."""
    with pytest.raises(AssertionError) as caught:
        type("Wrong", (ScaleInferencer,), sets)
    assert isinstance(caught.value, KeywordsError)


def test_without_weights_there_is_a_warning(caplog):
    """A model with random weights predicts as readily as a trained one."""
    ScaleInferencer(CFG, device="cpu")
    assert "Scale predicts with its initial ones" in caplog.text


def test_weights_and_classes_come_from_the_checkpoint(tmp_path):
    """The facts of the data set travel with the weights."""
    path = tmp_path / "scale.pth"
    state = {"state_dict": {"factor": torch.tensor(7.0)}, "meta": {"dataset_meta": {"classes": ["cat"]}}}
    save_file(state, path)
    infer = ScaleInferencer(CFG, weights=path, device="cpu")
    assert infer(1)["predictions"] == [7.0]
    assert infer.dataset_meta == {"classes": ["cat"]}
    assert not infer.model.training


@pytest.mark.parametrize("place", ["meta", "message_hub"])
def test_a_checkpoint_alone_is_enough(tmp_path, place):
    """Its configuration is found at both documented places."""
    text = "model = dict(type='Scale')\n"
    where = {
        "meta": {"meta": {"cfg": text}},
        "message_hub": {"message_hub": {"runtime_info": {"cfg": text}}},
    }
    path = tmp_path / "scale.pth"
    save_file({"state_dict": {"factor": torch.tensor(3.0)}, **where[place]}, path)
    assert ScaleInferencer(weights=str(path), device="cpu")(2)["predictions"] == [6.0]


def test_a_checkpoint_runs_no_code(tmp_path):
    """Neither imports nor dotted paths of its configuration do anything; the message says what to do."""
    path = tmp_path / "foreign.pth"
    text = "custom_imports = dict(imports=['antigravity_of_theirs'])\nmodel = dict(type='TheirNet')\n"
    save_file({"state_dict": {}, "meta": {"cfg": text}}, path)
    with pytest.raises(NotRegisteredError) as caught:
        ScaleInferencer(weights=str(path), device="cpu")
    assert "import antigravity_of_theirs" in caught.value.__notes__[-1]
    text = "model = dict(type='torch.nn.Linear', in_features=1, out_features=1)\n"
    save_file({"state_dict": {}, "meta": {"cfg": text}}, path)
    with pytest.raises(NotRegisteredError):
        ScaleInferencer(weights=str(path), device="cpu")


def test_a_pipeline_of_the_configuration_collates_as_the_test_does():
    """`test_dataloader.collate_fn` is used, with its arguments."""
    infer = ScaleInferencer(
        {**CFG, "test_dataloader": {"collate_fn": {"type": "default_collate"}}}, device="cpu"
    )
    (batch,) = infer.preprocess([1, 2], batch_size=2)
    assert batch["inputs"].equal(torch.tensor([1.0, 2.0]))


def test_the_configuration_stays_the_callers():
    """What the inferencer changes is a copy."""
    cfg = {"model": {"type": "Scale", "factor": 2.0, "pretrained": "somewhere.pth"}, "visualizer": {}}
    infer = ScaleInferencer(cfg, device="cpu")
    infer.cfg["model"]["factor"] = 0
    assert cfg["model"] == {"type": "Scale", "factor": 2.0, "pretrained": "somewhere.pth"}
    assert infer.visualizer is not None
    assert infer.visualizer.instance_name.startswith("inferencer_")


def test_the_registry_has_it():
    """The door that other packages use for theirs."""
    assert INFERENCERS.get("BaseInferencer") is BaseInferencer


def test_a_batch_of_nothing_is_refused():
    """By its name, not by a division."""
    with pytest.raises(ValueError, match="`batch_size` is at least 1, not 0"):
        ScaleInferencer(CFG, device="cpu")([1, 2], batch_size=0)
