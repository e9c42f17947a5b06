import pytest

from eng_dist import LaunchError, MissingVariableError
from eng_dist.launchers import LaunchInfo, first_host, infer_launcher, read_mpi, read_pytorch, read_slurm

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "node", "MASTER_PORT": "1234"}
SLURM = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_NODELIST": "gpu[07-09,12]"}
MPI = {
    "OMPI_COMM_WORLD_RANK": "2",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    "MASTER_ADDR": "node",
}


@pytest.mark.parametrize(
    ("environ", "launcher"),
    [
        ({}, "none"),
        (TORCHRUN, "pytorch"),
        (SLURM, "slurm"),
        (MPI, "mpi"),
        (TORCHRUN | SLURM | MPI, "pytorch"),
        (SLURM | MPI, "slurm"),
    ],
)
def test_the_launcher_is_known_by_its_variables(environ: dict[str, str], launcher: str) -> None:
    """torchrun inside of a SLURM job is torchrun."""
    assert infer_launcher(environ) == launcher


def test_each_launcher_gives_its_launch_info() -> None:
    """Ports and hosts have defaults where the launcher knows them."""
    assert read_pytorch(TORCHRUN) == LaunchInfo(
        rank=3, world_size=4, local_rank=1, master_addr="node", master_port=1234
    )
    assert read_mpi(MPI) == LaunchInfo(
        rank=2, world_size=4, local_rank=0, master_addr="node", master_port=29500
    )
    assert read_slurm(SLURM) == LaunchInfo(
        rank=5, world_size=8, local_rank=1, master_addr="gpu07", master_port=29500
    )


def test_slurm_takes_the_port_that_it_is_given_first() -> None:
    """The argument, then MASTER_PORT, then 29500; MASTER_ADDR wins over the list of nodes."""
    environ = SLURM | {"MASTER_PORT": "1", "MASTER_ADDR": "here"}
    assert read_slurm(environ).master_port == 1
    assert read_slurm(environ, port=2).master_port == 2
    assert read_slurm(environ).master_addr == "here"


def test_an_srun_without_local_ids_deals_out_the_devices() -> None:
    """Rank 5 of machines with 4 devices has the second."""
    environ = {name: value for name, value in SLURM.items() if name != "SLURM_LOCALID"}
    assert read_slurm(environ, devices=4).local_rank == 1


@pytest.mark.parametrize(
    ("nodelist", "host"),
    [("node1", "node1"), ("a,b", "a"), ("gpu[007-012,20],cpu1", "gpu007"), ("r[1-2]n[3,4]", "r1n3")],
)
def test_the_first_host_is_read_from_slurms_short_form(nodelist: str, host: str) -> None:
    """Without asking scontrol, which a container may lack."""
    assert first_host(nodelist) == host


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Who fixes one variable should not be told of the next on the next try."""
    with pytest.raises(MissingVariableError) as caught:
        read_pytorch({"WORLD_SIZE": "two", "LOCAL_RANK": "0", "MASTER_ADDR": "node", "MASTER_PORT": "70000"})
    assert isinstance(caught.value, KeyError)
    assert str(caught.value) == (
        "the variables of torchrun are not right: RANK is not set; "
        "WORLD_SIZE='two' is not a whole number from 1 up; MASTER_PORT=70000 is not a port (1 .. 65535)"
    )


def test_a_rank_outside_of_the_world_is_refused() -> None:
    """It would wait for the time-out, and the others for it."""
    with pytest.raises(LaunchError, match="rank 4 does not exist in a world of 4"):
        read_pytorch(TORCHRUN | {"RANK": "4"})
