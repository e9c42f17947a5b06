"""What it costs to import the engine, and how long a training takes from the start of the process to its first step.

    python benchmarks/startup.py [ROUNDS]

Two ratios, each within one run and interleaved, the least of all rounds:

- CPU time of `from eng_runner import Runner` over `import torch` (budget 1.10; `import eng_runner` alone opens nothing
  and costs nothing);
- wall and CPU time from the start of the process to the end of the first iteration, the runner with its default hooks
  over a raw script of the same model, data and optimizer, each in a process of its own (budget 1.10).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time

PARTS = """
import os
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.set_num_threads(1)
data = TensorDataset(torch.randn(256, 64), torch.randint(0, 10, (256,)))
def layers():
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
"""

RAW = f"""{PARTS}
torch.manual_seed(0)
model = layers()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)
for x, y in DataLoader(data, batch_size=32, shuffle=True):
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(loss.item(), flush=True)
    os._exit(0)  # as in the other script: how long Python takes to end is not asked
"""

OURS = f"""{PARTS}
from eng_model import BaseModel
from eng_runner import Hook, Runner

class Net(BaseModel):
    def __init__(self):
        super().__init__()
        self.layers = layers()
    def forward(self, x, y, mode):
        return {{"loss": F.cross_entropy(self.layers(x), y)}}

class First(Hook):
    priority = "LOWEST"
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        print(outputs["loss"].item(), flush=True)
        os._exit(0)

Runner(
    model=Net(), work_dir="run",
    train_dataloader=DataLoader(data, batch_size=32, shuffle=True),
    train_cfg=dict(by_epoch=True, max_epochs=10),
    optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
    param_scheduler=dict(type="StepLR", step_size=10),
    custom_hooks=[First()], randomness=dict(seed=0), log_level="WARNING",
).train()
"""

SCRIPTS = {
    "import torch": "import torch",
    "import eng_runner": "import torch, eng_runner",
    "from eng_runner import Runner": "import torch\nfrom eng_runner import Runner",
    "raw script to the first step": RAW,
    "Runner to the first step": OURS,
}


def measure(script: str, folder: str) -> tuple[float, float]:
    """Wall and CPU seconds of a process that runs a script."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the least times and both ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in SCRIPTS}
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS.values():  # files into the cache
            measure(script, folder)
        for _ in range(rounds):
            for name, script in SCRIPTS.items():
                times[name].append(measure(script, folder))
    wall = {name: min(pair[0] for pair in pairs) for name, pairs in times.items()}
    cpu = {name: min(pair[1] for pair in pairs) for name, pairs in times.items()}
    print(f"{'process':<32} wall s   CPU s   (least of {rounds})")
    for name in SCRIPTS:
        print(f"{name:<32} {wall[name]:6.2f}  {cpu[name]:6.2f}")
    print(
        f"\nimport ratio, CPU: {cpu['from eng_runner import Runner'] / cpu['import torch']:.2f} (budget 1.10)"
    )
    ours, raw = "Runner to the first step", "raw script to the first step"
    print(f"first step, wall:  {wall[ours] / wall[raw]:.2f} (budget 1.10), CPU: {cpu[ours] / cpu[raw]:.2f}")


if __name__ == "__main__":
    main()
