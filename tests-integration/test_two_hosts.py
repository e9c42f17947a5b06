"""Two hosts with two processes each: network namespaces that see each other through one cable.

Needs root and `ip` (Debian: iproute2). Where namespaces are not permitted the tests skip.
"""

import os
import shutil
import subprocess
import sys
import time

import pytest
import torch
from road import environment

from eng_checkpoint import entries, load_file

PROGRAM = '''
import os, random, signal, sys
import numpy as np
import torch
from torch.nn import functional as F
from eng_model import BaseModel
from eng_runner import Hook, Runner

WORK_DIR, KILL_AT = sys.argv[1], int(sys.argv[2])


class Points(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        x = torch.tensor([index / 32 - 1]) + 0.01 * (random.random() + np.random.rand() + torch.rand(1)).float()
        return x, 3 * x + 1


class Net(BaseModel):
    def __init__(self):
        super().__init__()
        self.up, self.norm = torch.nn.Linear(1, 8), torch.nn.BatchNorm1d(8)
        self.dropout, self.down = torch.nn.Dropout(0.2), torch.nn.Linear(8, 1)

    def forward(self, x, y, mode):
        return {"loss": F.mse_loss(self.down(self.dropout(self.norm(self.up(x)).relu())), y)}


class DieOnce(Hook):
    """The last process dies without a word in its first life."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        first_life = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
        if first_life and runner.rank == 3 and runner.clock.iter == KILL_AT:
            os.kill(os.getpid(), signal.SIGKILL)


torch.manual_seed(0)
Runner(
    model=Net(),
    work_dir=WORK_DIR,
    train_dataloader={
        "dataset": Points(), "batch_size": 4, "num_workers": 1, "collate_fn": {"type": "default_collate"},
        "sampler": {"type": "DefaultSampler", "shuffle": True},
    },
    train_cfg={"by_epoch": True, "max_epochs": 6},
    optim_wrapper={"optimizer": {"type": "AdamW", "lr": 0.05}, "accumulative_counts": 3},
    param_scheduler={"type": "CosineAnnealingLR", "by_epoch": False},
    default_hooks={"checkpoint": {"interval": 5, "by_epoch": False}, "progress": None},
    custom_hooks=[{"type": "EMAHook"}, DieOnce()],
    randomness={"seed": 1, "diff_rank_seed": True},
    launcher="pytorch",
    resume=True,
).train()
'''


def ip(*arguments):
    """Run `ip`, quietly; its failure is an error."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts():
    """Two namespaces joined by a cable: their names, addresses and the names of the cable's ends."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("two hosts are network namespaces: they need root and `ip` (apt-get install iproute2)")
    mark = f"eng{os.getpid() % 100_000}"
    names = [f"{mark}a", f"{mark}b"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            names[0],
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            names[1],
            "netns",
            names[1],
        )
        for number, name in enumerate(names, start=1):
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", name)
            ip("-n", name, "link", "set", name, "up")
            ip("-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError as error:
        remove(names)
        pytest.skip(f"this machine does not permit network namespaces: {error.stderr.strip()}")
    yield [(name, f"10.77.0.{number}") for number, name in enumerate(names, start=1)]
    remove(names)


def remove(names):
    """The namespaces, and with them the cable."""
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def train(hosts, tmp_path, work_dir, *, kill_at=0):
    """The whole training on both hosts, with restarts; what each of them said."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    processes = []
    for name, address in hosts:
        command = [
            "ip", "netns", "exec", name, sys.executable, "-m", "torch.distributed.run",
            "--nnodes", "2", "--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-id", "eng",
            "--rdzv-endpoint", f"{hosts[0][1]}:29400", "--local-addr", address,
            "--rdzv-conf", f"is_host={int(address == hosts[0][1])}",  # both hosts have the same name
            "--max-restarts", "2", "--monitor-interval", "0.5",
            str(program), str(tmp_path / work_dir), str(kill_at),
        ]  # fmt: skip
        log = open(tmp_path / f"{work_dir}_{name}.log", "w+")  # noqa: SIM115 - closed below
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment(GLOO_SOCKET_IFNAME=name), text=True
        )
        processes.append((process, log))
    deadline = time.monotonic() + 240
    said = []
    try:
        for process, log in processes:
            process.wait(max(1, deadline - time.monotonic()))
            log.seek(0)
            said.append(log.read())
            assert process.returncode == 0, said[-1][-6000:]
    finally:
        for process, log in processes:
            process.kill()
            process.wait()
            log.close()
    return said


@pytest.mark.slow
def test_the_death_of_one_process_changes_nothing(hosts, tmp_path):
    """Killed in the middle of an accumulation, all start again, resume, and end with bitwise the same state."""
    train(hosts, tmp_path, "whole")
    said = "".join(train(hosts, tmp_path, "killed", kill_at=13))
    assert "Signal 9 (SIGKILL)" in said or "exitcode: -9" in said or "exitcode  : -9" in said
    assert "Resumed from" in said
    assert "iter_10.pth" in said
    assert entries(tmp_path / "killed")[-1].iter == 24
    whole, killed = (load_file(tmp_path / name / "iter_24.pth") for name in ("whole", "killed"))
    assert same(whole, killed) == []


def same(left, right, path=""):
    """Where two states differ, by everything that decides how a training would go on."""
    if isinstance(left, torch.Tensor):
        return [] if torch.equal(left, right) else [path]
    if isinstance(left, dict):
        keys = {*left, *right} - {"meta", "message_hub"}
        return [
            place for key in sorted(keys, key=str) for place in same(left[key], right[key], f"{path}.{key}")
        ]
    if isinstance(left, (list, tuple)):
        pairs = zip(left, right, strict=True)
        return [place for number, (a, b) in enumerate(pairs) for place in same(a, b, f"{path}[{number}]")]
    return [] if left == right else [path]
