"""Repairs of what is broken in the wheels of downstream projects themselves, whatever engine runs them.

`import shims` before anything else installs two import hooks and loads nothing; each repair happens when the module
that needs it is imported. `python shims.py SCRIPT ARGUMENTS` runs a script of a project with the repairs in force.
"""

import runpy
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any


def define_torchvision_schemas() -> None:
    """Define the operators that torchvision only registers fakes for where its own library did not load.

    torchvision on PyPI is linked against CUDA, so that its library does not load beside the CPU build of torch.
    """
    import torch

    torch.library.define("torchvision::nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torch.library.define("torchvision::qnms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def lower_reported_versions() -> None:
    """Report versions of mmcv and mmdet below the upper bounds that mmocr 1.0.1 and mmyolo 0.6.0 assert."""
    import mmcv
    import mmdet

    mmcv.__version__ = "2.0.1"
    mmdet.__version__ = "3.1.0"


BEFORE: dict[str, Callable[[], None]] = {
    "torchvision": define_torchvision_schemas,
    "mmocr": lower_reported_versions,
    "mmyolo": lower_reported_versions,
}
"""Module -> what happens just before it is imported."""


def compiled_operators(module: ModuleType) -> None:
    """Fill `mmcv._ext`, which mmcv-lite lacks: a few operators in plain torch, the others raise when called."""
    import operators

    def missing(name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError(f"mmcv-lite has no compiled operator {name!r}")

        return refuse

    vars(module).update(vars(operators), __getattr__=missing)


def dense_regression_network(module: ModuleType) -> None:
    """Fill `mmaction.models.localizers.drn.drn`, a folder which the wheel of mmaction2 1.2.0 lacks."""
    module.DRN = type("DRN", (), {"__module__": module.__name__})  # type: ignore[attr-defined]  # a made module


def coco_tools(module: ModuleType) -> None:
    """Fill `xtcocotools`, which has no build for numpy 2, from pycocotools."""
    name = module.__name__.replace("xtcocotools", "pycocotools")
    vars(module).update({k: v for k, v in vars(import_module(name)).items() if not k.startswith("__")})
    if name == "pycocotools.cocoeval":
        module.COCOeval = _evaluation_with_sigmas(module.COCOeval)  # type: ignore[attr-defined]  # a made module


def _evaluation_with_sigmas(base: type) -> type:
    class COCOeval(base):  # type: ignore[valid-type, misc]  # the class of pycocotools, which has no types
        """pycocotools' evaluation with the two arguments that xtcocotools added."""

        def __init__(self, gt: Any, dt: Any, kind: str = "segm", sigmas: Any = None, use_area: bool = True):
            super().__init__(gt, dt, kind)
            if sigmas is not None:
                self.params.kpt_oks_sigmas = sigmas
            self.sigmas = sigmas
            self.use_area = use_area

    return COCOeval


def image_augmenters(module: ModuleType) -> None:
    """Leave `imgaug` empty: it fails at import under numpy 2, and only a transform that nothing here uses needs it."""
    # annotations of mmocr name this class when its modules are imported
    module.meta = SimpleNamespace(Augmenter=object)  # type: ignore[attr-defined]  # a made module


INSTEAD: dict[str, Callable[[ModuleType], None]] = {
    "mmcv._ext": compiled_operators,
    "mmaction.models.localizers.drn": lambda module: None,
    "mmaction.models.localizers.drn.drn": dense_regression_network,
    "xtcocotools": coco_tools,
    "xtcocotools.coco": coco_tools,
    "xtcocotools.cocoeval": coco_tools,
    "xtcocotools.mask": coco_tools,
    "imgaug": lambda module: None,
    "imgaug.augmenters": image_augmenters,
}
"""Module -> what fills it where no installed distribution has it."""


class Before(MetaPathFinder):
    """Runs the repairs of `BEFORE`, each once, and finds nothing itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        repair = BEFORE.pop(fullname, None)
        if repair is not None:
            repair()
        return None


class Instead(MetaPathFinder, Loader):
    """Makes the modules of `INSTEAD`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname in INSTEAD else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        INSTEAD[module.__name__](module)


sys.meta_path.insert(0, Before())
sys.meta_path.append(Instead())

if __name__ == "__main__":
    sys.modules["shims"] = sys.modules["__main__"]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
