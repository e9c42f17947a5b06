"""What each launcher says about this process, read from its environment variables. Nothing is started here.

A variable that is missing or makes no sense is named before anybody waits for it, all of them at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_PORT = 29500


class LaunchError(RuntimeError):
    """The launcher's variables, or what they lead to, cannot start a job; the message names them."""


class MissingVariableError(LaunchError, KeyError):
    """A variable that the launcher should have set is not there."""

    __str__ = Exception.__str__  # a KeyError would show the message in quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchInfo:
    """What a launcher says about this process: its rank, the size of the job, and where rank 0 is reached."""

    rank: int
    world_size: int
    local_rank: int
    master_addr: str
    master_port: int

    def variables(self) -> dict[str, str]:
        """The same, as the variables that torch and its users read."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.world_size),
            "LOCAL_RANK": str(self.local_rank),
            "MASTER_ADDR": self.master_addr,
            "MASTER_PORT": str(self.master_port),
        }


def infer_launcher(environ: Mapping[str, str]) -> str:
    """The launcher that has started this process.

    >>> infer_launcher({'SLURM_NTASKS': '8'})
    'slurm'
    """
    for variable, launcher in (
        ("WORLD_SIZE", "pytorch"),
        ("SLURM_NTASKS", "slurm"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "mpi"),
    ):
        if variable in environ:
            return launcher
    return "none"


def read_pytorch(environ: Mapping[str, str]) -> LaunchInfo:
    """The launch information that torchrun (or anybody who sets the same variables) gives."""
    read = _Reader(environ, "torchrun")
    return read.launch_info(
        rank=read.count("RANK"),
        world_size=read.count("WORLD_SIZE", least=1),
        local_rank=read.count("LOCAL_RANK"),
        master_addr=read.text("MASTER_ADDR"),
        master_port=read.port(None),
    )


def read_mpi(environ: Mapping[str, str]) -> LaunchInfo:
    """The launch information that Open MPI's mpirun gives; MASTER_ADDR is to be set by the user."""
    read = _Reader(environ, "mpirun")
    return read.launch_info(
        rank=read.count("OMPI_COMM_WORLD_RANK"),
        world_size=read.count("OMPI_COMM_WORLD_SIZE", least=1),
        local_rank=read.count("OMPI_COMM_WORLD_LOCAL_RANK"),
        master_addr=read.text("MASTER_ADDR"),
        master_port=read.port(DEFAULT_PORT),
    )


def read_slurm(environ: Mapping[str, str], port: int | None = None, devices: int = 0) -> LaunchInfo:
    """The launch information that srun gives. `port` wins over MASTER_PORT.

    `devices`, the number of this machine's accelerators, is for a srun that sets no SLURM_LOCALID.
    """
    read = _Reader(environ, "srun")
    rank = read.count("SLURM_PROCID")
    if "SLURM_LOCALID" in environ:
        local_rank = read.count("SLURM_LOCALID")
    else:
        local_rank = rank % max(devices, 1)
    return read.launch_info(
        rank=rank,
        world_size=read.count("SLURM_NTASKS", least=1),
        local_rank=local_rank,
        master_addr=environ.get("MASTER_ADDR") or first_host(read.text("SLURM_NODELIST")),
        master_port=read.port(DEFAULT_PORT) if port is None else port,
    )


def first_host(nodelist: str) -> str:
    """The first host of SLURM's short form.

    >>> first_host('gpu[007-012,20],cpu1')
    'gpu007'
    """
    return re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", nodelist).split(",")[0]


@dataclass(slots=True)
class _Reader:
    """Reads variables, and keeps what is wrong with them until all were read."""

    environ: Mapping[str, str]
    launcher: str
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        value = self.environ.get(name, "")
        if not value.strip():
            self.missing.append(name)
        return value.strip()

    def count(self, name: str, least: int = 0) -> int:
        value = self.text(name)
        if value and not (value.isdecimal() and int(value) >= least):
            self.wrong.append(f"{name}={value!r} is not a whole number from {least} up")
        return int(value) if value.isdecimal() else least

    def port(self, default: int | None) -> int:
        if default is not None and not self.environ.get("MASTER_PORT"):
            return default
        port = self.count("MASTER_PORT", least=1)
        if port > 65535:
            self.wrong.append(f"MASTER_PORT={port} is not a port (1 .. 65535)")
        return port

    def launch_info(
        self, *, rank: int, world_size: int, local_rank: int, master_addr: str, master_port: int
    ) -> LaunchInfo:
        if not self.missing and not self.wrong and rank >= world_size:
            self.wrong.append(
                f"rank {rank} does not exist in a world of {world_size} (ranks 0 .. {world_size - 1})"
            )
        if self.missing or self.wrong:
            absent = [f"{name} is not set" for name in self.missing]
            kind = MissingVariableError if self.missing else LaunchError
            raise kind(f"the variables of {self.launcher} are not right: {'; '.join(absent + self.wrong)}")
        return LaunchInfo(
            rank=rank,
            world_size=world_size,
            local_rank=local_rank,
            master_addr=master_addr,
            master_port=master_port,
        )
