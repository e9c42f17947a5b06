import io
import re
from typing import Any

import numpy as np
import pytest
import torch

from eng_structures import BaseDataElement, InstanceData, from_plain, to_plain


def through_a_file(plain: dict[str, Any]) -> Any:
    file = io.BytesIO()
    torch.save(plain, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_an_element_survives_a_file_that_runs_no_code() -> None:
    """Class, kinds, order, tuples, arrays and nested elements come back."""
    found = InstanceData(
        metainfo={"classes": ("cat", "dog")}, boxes=torch.ones(2, 4), masks=np.eye(2, dtype=np.uint8)
    )
    element = BaseDataElement(
        metainfo={"shape": (4, 6), "flip": None}, found=found, table={"ids": [1, 2.5, "x"]}
    )
    back = from_plain(through_a_file(to_plain(element)))
    assert type(back) is BaseDataElement
    assert back.metainfo == {"shape": (4, 6), "flip": None}
    assert (back.keys(), back.table) == (["found", "table"], {"ids": [1, 2.5, "x"]})
    assert type(back.found) is InstanceData
    assert back.found.metainfo == {"classes": ("cat", "dog")}
    assert (back.found.boxes.tolist(), back.found.masks.dtype) == ([[1.0] * 4] * 2, np.uint8)
    assert back.found.masks.tolist() == [[1, 0], [0, 1]]


def test_subclasses_of_numbers_and_tensors_become_plain() -> None:
    """numpy's scalars become Python's, parameters become tensors."""
    element = BaseDataElement(weight=torch.nn.Parameter(torch.ones(1)), score=np.float32(0.5))
    data = to_plain(element)["data"]
    assert (type(data["weight"]), data["score"], type(data["score"])) == (torch.Tensor, 0.5, float)


@pytest.mark.parametrize(
    "value", [{1, 2}, print, np.array([object()]), {1: "a"}, {"__element__": 1}], ids=str
)
def test_what_is_not_plain_is_named_with_its_path(value: Any) -> None:
    """Nothing is pickled by the way."""
    with pytest.raises(TypeError, match=re.escape("InstanceData.tracks[1].at: a ")):
        to_plain(InstanceData(tracks=[0, {"at": value}]))


def test_a_class_that_is_not_known_is_not_imported() -> None:
    """The file names a class; only those that the process has loaded are made."""
    plain = to_plain(BaseDataElement())
    plain["__element__"] = "os.system"
    with pytest.raises(ValueError, match=r"no element class 'os.system' is known here.*BaseDataElement"):
        from_plain(plain)
    with pytest.raises(ValueError, match="not what to_plain gave"):
        from_plain({"a": 1})
