"""What `mmengine.utils.dl_utils` has: layers, images, times, processes, names of torch."""

import logging
import multiprocessing
import os
import re

import numpy as np
import pytest
import torch
from mmengine.utils.dl_utils import (
    TORCH_VERSION,
    TimeCounter,
    collect_env,
    has_batch_norm,
    is_jit_tracing,
    is_norm,
    load_url,
    mmcv_full_available,
    set_multi_processing,
    tensor2imgs,
    torch_meshgrid,
)
from mmengine.utils.dl_utils.parrots_wrapper import (
    SyncBatchNorm,
    _BatchNorm,
    _ConvNd,
    _ConvTransposeMixin,
    _InstanceNorm,
    get_build_config,
    is_rocm_pytorch,
)
from torch import nn

NORMS = [
    nn.BatchNorm1d(2),
    nn.BatchNorm3d(2),
    nn.SyncBatchNorm(2),
    nn.InstanceNorm2d(2),
    nn.GroupNorm(1, 2),
    nn.LayerNorm(2),
]


def test_layers_that_normalise():
    """Over the batch, an instance, groups, dimensions; not those that are excluded."""
    assert [is_norm(layer) for layer in NORMS] == [True] * 6
    assert not is_norm(nn.Linear(2, 2))
    assert [is_norm(nn.BatchNorm1d(2), kinds) for kinds in (nn.BatchNorm1d, _BatchNorm, (nn.LayerNorm,))] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("wrong", ["BN", [nn.LayerNorm], ("BN",)])
def test_what_is_excluded_is_a_class(wrong):
    """Or a tuple of classes."""
    with pytest.raises(TypeError, match='"exclude" must be either None or type or a tuple of types'):
        is_norm(nn.Linear(1, 1), exclude=wrong)


def test_batch_norm_anywhere():
    """However deep; other norms are none."""
    assert has_batch_norm(nn.Sequential(nn.Sequential(nn.BatchNorm2d(1))))
    assert has_batch_norm(nn.SyncBatchNorm(1))
    assert not has_batch_norm(nn.Sequential(nn.LayerNorm(1), nn.InstanceNorm1d(1)))


def test_images_of_a_batch():
    """`x * std + mean` per channel, channels last, colours turned around."""
    batch = torch.arange(24.0).reshape(2, 3, 2, 2)
    first, second = tensor2imgs(batch, mean=(1, 2, 3), std=(2, 2, 2))
    assert first.tolist() == [[[19, 10, 1], [21, 12, 3]], [[23, 14, 5], [25, 16, 7]]]
    assert second[1, 1].tolist() == [49, 40, 31]
    assert [first.dtype, first.flags["C_CONTIGUOUS"]] == [np.float32, True]
    assert tensor2imgs(batch, to_bgr=False)[0][0].tolist() == [[0, 4, 8], [1, 5, 9]]
    assert batch[0, 0, 0, 0] == 0  # the batch is left as it was


def test_images_of_one_channel():
    """They have no order of colours."""
    batch = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert tensor2imgs(batch, to_bgr=False)[0].tolist() == [[[0], [1]], [[2], [3]]]
    with pytest.raises(AssertionError, match="to_bgr=False"):
        tensor2imgs(batch)


@pytest.mark.parametrize("wrong", [torch.ones(1, 2, 2, 2), torch.ones(3, 2, 2), np.ones((1, 3, 2, 2))])
def test_what_is_no_batch_of_images(wrong):
    """Another number of channels or dimensions, or no tensor."""
    with pytest.raises(AssertionError):
        tensor2imgs(wrong)
    with pytest.raises(AssertionError, match="1 numbers for 3 channels"):
        tensor2imgs(torch.ones(1, 3, 2, 2), mean=(1,))


@pytest.fixture
def counters():
    """No counter of another test."""
    TimeCounter.instance_dict.clear()
    yield
    TimeCounter.instance_dict.clear()


LINE = r"\[{}\]-time per run averaged in the past {} runs: \d+\.\d ms"


def test_runs_are_counted(counters, capsys):
    """The line comes every `log_interval` runs, from the first that counts on."""

    @TimeCounter()
    def fun_a():
        return 5

    @TimeCounter(log_interval=2, warmup_interval=3, tag="b")
    def fun_b():
        return 6

    assert [fun_a(), fun_a(), *(fun_b() for _ in range(6))] == [5, 5, *[6] * 6]
    lines = capsys.readouterr().out.splitlines()
    expected = [LINE.format("fun_a", 1), LINE.format("fun_a", 2), LINE.format("b", 4), LINE.format("b", 6)]
    assert len(lines) == 4
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, lines, strict=True))


def test_a_block_is_counted_by_its_tag(counters, caplog):
    """The same tag is the same counter, and it may log."""
    log = logging.getLogger("of this test")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            with TimeCounter(tag="block", logger=log):
                pass
    assert [re.sub(r"\d+\.\d ms", "", text) for text in caplog.messages] == [
        "[block]-time per run averaged in the past 1 runs: ",
        "[block]-time per run averaged in the past 2 runs: ",
    ]
    assert TimeCounter(tag="block") is TimeCounter(tag="block")
    with pytest.raises(AssertionError, match="give `TimeCounter"), TimeCounter():
        pass


@pytest.mark.parametrize(
    "wrong", [{"log_interval": 1.5}, {"log_interval": 0}, {"warmup_interval": 0}, {"warmup_interval": "a"}]
)
def test_intervals_are_positive_numbers(counters, wrong):
    """Anything else is refused."""
    with pytest.raises(AssertionError, match="is a positive whole number"):
        TimeCounter(**wrong)


@pytest.fixture
def start_method():
    """The start method of processes is as before after the test."""
    before = multiprocessing.get_start_method(allow_none=True)
    yield
    multiprocessing.set_start_method(before, force=True)


def test_processes_are_set_up(start_method, monkeypatch):
    """One thread each if distributed, unless the environment says otherwise."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    multiprocessing.set_start_method("fork", force=True)
    set_multi_processing("fork")
    assert "OMP_NUM_THREADS" not in os.environ
    with pytest.warns(UserWarning, match="changes from `fork` to `spawn`"):
        set_multi_processing("spawn", distributed=True)
    assert multiprocessing.get_start_method() == "spawn"
    assert [os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]] == ["1", "4"]


def test_the_environment_is_described():
    """In the order of a report, with the versions that count."""
    facts = collect_env()
    assert list(facts)[:3] == ["sys.platform", "Python", "CUDA available"]
    assert facts["PyTorch"] == torch.__version__
    assert {"GCC", "PyTorch compiling details", "MMEngine"} <= facts.keys()
    assert facts["CUDA available"] is torch.cuda.is_available()


def test_names_of_torch():
    """They are torch's own."""
    assert torch.__version__ == TORCH_VERSION
    assert [_BatchNorm, _InstanceNorm, SyncBatchNorm] == [
        nn.modules.batchnorm._BatchNorm,
        nn.modules.instancenorm._InstanceNorm,
        nn.SyncBatchNorm,
    ]
    assert isinstance(nn.Conv2d(1, 1, 1), _ConvNd)
    assert isinstance(nn.ConvTranspose2d(1, 1, 1), _ConvTransposeMixin)
    assert not is_rocm_pytorch()
    assert "PyTorch" in get_build_config()
    assert not mmcv_full_available()


def test_a_grid_of_rows_and_columns():
    """The first runs along the rows."""
    rows, columns = torch_meshgrid(torch.arange(2), torch.arange(3))
    assert [rows.tolist(), columns.tolist()] == [[[0, 0, 0], [1, 1, 1]], [[0, 1, 2], [0, 1, 2]]]


@pytest.mark.filterwarnings("ignore")
def test_tracing_is_seen():
    """Only while torch traces."""
    seen = []

    class Asks(nn.Module):
        def forward(self, x):
            seen.append(is_jit_tracing())
            return x + 1

    torch.jit.trace(Asks(), torch.ones(1))
    assert True in seen
    assert not is_jit_tracing()


def test_files_of_the_web_run_no_code():
    """The loader of URLs refuses pickles unless it is told otherwise."""
    assert load_url.keywords == {"weights_only": True}
