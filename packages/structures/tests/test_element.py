import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data._utils.pin_memory import pin_memory

from eng_structures import BaseDataElement


class Sample(BaseDataElement):
    """An element with one typed field, declared by a property."""

    @property
    def label(self) -> Tensor:
        return self._label  # type: ignore[no-any-return, attr-defined]

    @label.setter
    def label(self, value: Tensor) -> None:
        self.set_field(value, "_label", dtype=Tensor)

    @label.deleter
    def label(self) -> None:
        del self._label  # type: ignore[attr-defined]


def sample() -> BaseDataElement:
    return BaseDataElement(
        metainfo={"path": "a.jpg", "shape": (4, 6)}, boxes=torch.ones(2, 4), names=["cat", "dog"]
    )


def test_the_two_kinds_are_listed_apart_and_together() -> None:
    """Metainfo and data in the order in which they were set; both, metainfo first."""
    element = sample()
    assert element.metainfo_keys() == ["path", "shape"]
    assert element.keys() == ["boxes", "names"]
    assert element.all_keys() == ["path", "shape", "boxes", "names"]
    assert element.metainfo_values() == ["a.jpg", (4, 6)]
    assert element.values()[1] == ["cat", "dog"]
    assert element.all_values()[::3] == ["a.jpg", ["cat", "dog"]]
    assert dict(element.metainfo_items()) == element.metainfo == {"path": "a.jpg", "shape": (4, 6)}
    assert [name for name, _ in element.items()] == ["boxes", "names"]
    assert [name for name, _ in element.all_items()] == element.all_keys()
    assert ("path" in element, "boxes" in element, "masks" in element) == (True, True, False)


def test_metainfo_is_the_elements_own_copy() -> None:
    """What is done to the given dict afterwards does not reach the element."""
    given = {"scale": [1.0, 2.0], "corner": ([0], 1)}
    element = BaseDataElement(metainfo=given)
    given["scale"][0] = 9.0  # type: ignore[index]
    given["corner"][0].append(7)  # type: ignore[union-attr]
    assert element.metainfo == {"scale": [1.0, 2.0], "corner": ([0], 1)}


def test_data_is_kept_by_reference() -> None:
    """Tensors are not copied on their way in."""
    boxes = torch.zeros(1, 4)
    assert BaseDataElement(boxes=boxes).boxes is boxes


def test_a_name_has_one_kind() -> None:
    """Metainfo is not set by attribute, and neither kind takes a name of the other."""
    element = sample()
    with pytest.raises(
        AttributeError, match="'path' of BaseDataElement is metainfo already; a name has one kind"
    ):
        element.path = "b.jpg"
    with pytest.raises(AttributeError, match="'boxes' of BaseDataElement is a data field already"):
        element.set_metainfo({"boxes": 1})
    with pytest.raises(AttributeError, match="'shape'"):
        element.set_data({"shape": 1})
    with pytest.raises(AttributeError, match="'shape'"):
        element.set_field(1, "shape")
    element.set_metainfo({"path": "b.jpg"})
    assert element.metainfo["path"] == "b.jpg"


@pytest.mark.parametrize("name", ["_metainfo_fields", "_data_fields"])
def test_the_books_are_not_for_writing(name: str) -> None:
    """The two bookkeeping attributes can be neither set nor deleted."""
    element = sample()
    with pytest.raises(AttributeError, match="keeps the books"):
        setattr(element, name, {})
    with pytest.raises(AttributeError, match="keeps the books"):
        delattr(element, name)


@pytest.mark.parametrize(
    "call", [BaseDataElement().set_metainfo, BaseDataElement().set_data, BaseDataElement().update]
)
def test_other_things_than_mappings_are_refused(call: Any) -> None:
    """An AssertionError, which MMEngine's users expect, and a TypeError, which it is."""
    with pytest.raises(AssertionError):
        call([1])
    with pytest.raises(TypeError):
        call([1])


def test_set_field_checks_the_type_and_the_kind() -> None:
    """A wrong type is named with the expected one; a third kind does not exist."""
    element = BaseDataElement()
    with pytest.raises(AssertionError, match="score of BaseDataElement is a int or float, got a str"):
        element.set_field("high", "score", dtype=(int, float))
    with pytest.raises(AssertionError, match="field_type is 'data' or 'metainfo', not 'both'"):
        element.set_field(1, "score", field_type="both")  # type: ignore[arg-type]
    element.set_field(1, "score", dtype=int, field_type="metainfo")
    assert element.metainfo_keys() == ["score"]


def test_update_takes_both_kinds_over() -> None:
    """Fields of the other element are added or replaced."""
    element = sample()
    element.update(BaseDataElement(metainfo={"path": "b.jpg", "id": 3}, names=["cow"]))
    assert element.metainfo == {"path": "b.jpg", "shape": (4, 6), "id": 3}
    assert (element.keys(), element.names) == (["boxes", "names"], ["cow"])


def test_a_field_is_deleted_under_both_spellings() -> None:
    """Deleted fields leave the lists; a field that is not there is an AttributeError."""
    element = sample()
    del element.names
    element.__delitem__("path")
    assert element.all_keys() == ["shape", "boxes"]
    with pytest.raises(AttributeError):
        del element.names


def test_pop_removes_either_kind() -> None:
    """With a default it never raises; without, a missing name is a KeyError."""
    element = sample()
    assert (element.pop("path"), element.pop("names"), element.pop("masks", 0)) == (
        "a.jpg",
        ["cat", "dog"],
        0,
    )
    assert element.all_keys() == ["shape", "boxes"]
    with pytest.raises(KeyError, match="masks"):
        element.pop("masks")
    with pytest.raises(AssertionError):
        element.pop("masks", 0, 1)


def test_get_is_an_attribute_with_a_default() -> None:
    """Both kinds can be asked for; there is no index by name on the base class."""
    element = sample()
    assert (element.get("path"), element.get("masks"), element.get("masks", 2)) == ("a.jpg", None, 2)
    with pytest.raises(TypeError):
        element["path"]  # type: ignore[index]


def test_a_property_stands_for_its_private_field() -> None:
    """The property's name is listed, its private name hidden; the setter checks the type."""
    element = Sample(label=torch.tensor(3))
    assert element.keys() == ["label"]
    assert "label" in element
    assert list(element.to_dict()) == ["label"]
    assert element.new().label is element.label
    with pytest.raises(AssertionError, match="_label of Sample is a Tensor, got a str"):
        element.label = "three"  # type: ignore[assignment]
    del element.label
    assert (element.keys(), "label" in element) == ([], False)
    assert Sample(label=torch.tensor(3)).pop("label") == 3


def test_new_replaces_what_is_given_and_shares_the_rest() -> None:
    """Metainfo is copied deeply, data is shared; clone is new without arguments."""
    element = Sample(metainfo={"sizes": [1]}, label=torch.tensor(1), other=2)
    twin = element.clone()
    assert isinstance(twin, Sample)
    assert twin.label is element.label
    twin.sizes.append(2)
    assert element.metainfo == {"sizes": [1]}
    assert element.new(metainfo={"id": 4}).metainfo == {"id": 4}
    assert element.new(other=5).to_dict() == {"sizes": [1], "other": 5}


def test_a_copy_keeps_its_own_books() -> None:
    """A field that is set on a copy does not appear in the original."""
    element = sample()
    for twin in (copy.copy(element), copy.deepcopy(element), pickle.loads(pickle.dumps(element))):
        twin.scores = torch.ones(2)
        assert twin.keys() == ["boxes", "names", "scores"]
    assert copy.copy(element).boxes is element.boxes
    assert element.keys() == ["boxes", "names"]


def test_conversions_reach_nested_elements_and_pass_the_rest_on() -> None:
    """Each conversion gives a new element; what cannot be converted is carried over."""
    leaf = torch.ones(2, requires_grad=True)
    element = BaseDataElement(metainfo={"id": 1}, inner=BaseDataElement(x=leaf * 2), y=leaf, names=["cat"])
    detached = element.detach()
    assert (detached.inner.x.requires_grad, detached.y.requires_grad) == (False, False)
    arrays = element.numpy()
    assert (type(arrays.inner.x), type(arrays.y), arrays.names) == (np.ndarray, np.ndarray, ["cat"])
    tensors = arrays.to_tensor()
    assert tensors.inner.x.tolist() == [2.0, 2.0]
    assert tensors.metainfo == {"id": 1}
    assert element.to(torch.float64).inner.x.dtype == torch.float64
    assert element.to("cpu").cpu().y.device.type == "cpu"
    assert element.y is leaf


def test_numpy_takes_bfloat16_and_torch_takes_arrays_that_are_read_only() -> None:
    """The two gaps between the libraries are bridged without a warning."""
    assert BaseDataElement(x=torch.ones(2, dtype=torch.bfloat16)).numpy().x.dtype == np.float32
    frozen = np.ones(2)
    frozen.flags.writeable = False
    tensor = BaseDataElement(x=frozen).to_tensor().x
    tensor += 1
    assert frozen.tolist() == [1.0, 1.0]


def test_to_dict_opens_nested_elements() -> None:
    """Metainfo first, then data; elements become dicts."""
    element = BaseDataElement(metainfo={"id": 1}, inner=BaseDataElement(metainfo={"of": "x"}, n=2))
    assert element.to_dict() == {"id": 1, "inner": {"of": "x", "n": 2}}


def test_repr_has_the_documented_layout() -> None:
    """Two titles, a line per field, nested elements and dicts indented under their names."""
    inner = BaseDataElement(metainfo={"k": 1}, x=torch.zeros(2, 2))
    element = BaseDataElement(metainfo={"shape": (4, 4)}, inner=inner, named={"n": 3})
    assert repr(element) == (
        "<BaseDataElement(\n\n    META INFORMATION\n    shape: (4, 4)\n\n    DATA FIELDS\n"
        "    inner: <BaseDataElement(\n        \n            META INFORMATION\n            k: 1\n"
        "        \n            DATA FIELDS\n            x: tensor([[0., 0.],\n                        [0., 0.]])\n"
        f"        ) at {hex(id(inner))}>\n    named: \n        n: 3\n) at {hex(id(element))}>"
    )
    empty = BaseDataElement()
    assert (
        repr(empty) == f"<BaseDataElement(\n\n    META INFORMATION\n\n    DATA FIELDS\n) at {hex(id(empty))}>"
    )


def test_elements_are_equal_only_to_themselves() -> None:
    """Comparing tensors is the caller's affair."""
    assert sample() != sample()


class Pinnable(Tensor):
    """A tensor that says that it was pinned: on a machine without an accelerator no memory can be."""

    pins = 0

    def pin_memory(self, *_: Any) -> Tensor:  # type: ignore[override]
        pinned = self.clone()
        pinned.pins = self.pins + 1
        return pinned


def test_a_loader_pins_the_tensors_of_a_sample() -> None:
    """By torch's own function; elements in elements too, and what is on a device or no tensor stays."""
    inner = BaseDataElement(masks=torch.ones(2).as_subclass(Pinnable))
    there = torch.ones(1, device="meta")
    element = BaseDataElement(
        metainfo={"path": "a.jpg"},
        boxes=torch.ones(4).as_subclass(Pinnable),
        inner=inner,
        there=there,
        names=["cat"],
    )
    pinned = pin_memory([element, 7])[0]
    assert type(pinned) is BaseDataElement
    assert (pinned.boxes.pins, pinned.inner.masks.pins) == (1, 1)
    assert (element.boxes.pins, inner.masks.pins) == (0, 0)
    assert pinned.there is there
    assert (pinned.path, pinned.names) == ("a.jpg", ["cat"])
