"""The golden list of files that one quiet training iteration visits; a new one among them is a decision."""

import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

from eng_model import BaseModel
from eng_runner import Hook, Runner

MODULES = {
    "eng_dataset/loader.py",
    "eng_dataset/reader.py",
    "eng_model/base.py",
    "eng_model/losses.py",
    "eng_model/preprocess/base.py",
    "eng_optim/schedule/rules.py",
    "eng_optim/schedule/rule_scheduler.py",
    "eng_optim/wrapper.py",
    "eng_runner/engine/step.py",
    "eng_runner/hooks/param_scheduler.py",
    "eng_runner/hooks/runtime_info.py",
    "eng_runner/hooks/timer.py",
}
MOST_CALLS = 26
MOST_LINES = 300
PACKAGES = Path(__file__).parents[1] / "packages"


class Net(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)

    def forward(self, x, y, mode):
        return {"loss": torch.nn.functional.cross_entropy(self.linear(x), y)}


class Watch(Hook):
    """Notes the functions of eng that run between the start of iteration 4 and that of iteration 5, by their files."""

    priority = "HIGHEST"

    def __init__(self):
        self.visited = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 4:
            sys.setprofile(self._note)
        elif batch_idx == 5:
            sys.setprofile(None)

    def _note(self, frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and any(part.startswith("eng_") for part in path.parts):
            package = next(index for index, part in enumerate(path.parts) if part.startswith("eng_"))
            self.visited.append("/".join(path.parts[package:]))


def test_a_quiet_iteration_visits_these_files(tmp_path):
    """Default hooks, one optimizer with a by-iteration schedule, no log line in this iteration."""
    data = TensorDataset(torch.randn(64, 2), torch.randint(2, (64,)))
    watch = Watch()
    runner = Runner(
        model=Net(),
        work_dir=str(tmp_path),
        train_dataloader=DataLoader(data, batch_size=8),
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        param_scheduler={"type": "LinearLR", "by_epoch": False, "end": 8},
        custom_hooks=[watch],
    )
    runner.train()
    assert set(watch.visited) == MODULES
    assert len(watch.visited) <= MOST_CALLS


def test_the_files_on_the_road_are_short():
    """Each can be read in one go."""
    lengths = {}
    for module in MODULES:
        package = module.partition("/")[0].removeprefix("eng_")
        lengths[module] = len((PACKAGES / package / "src" / module).read_text().splitlines())
    assert {module: length for module, length in lengths.items() if length > MOST_LINES} == {}
