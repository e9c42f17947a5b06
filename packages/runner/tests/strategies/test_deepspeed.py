"""Training through a DeepSpeed engine, the real one; without the package only what it says then."""

import importlib.util
import json

import pytest
import torch
from toy_training import Net, toy_runner

from eng_checkpoint import entries, load_file
from eng_runner import DeepSpeedStrategy, Hook, Interrupted

HAS_DEEPSPEED = importlib.util.find_spec("deepspeed") is not None
needs_deepspeed = pytest.mark.skipif(not HAS_DEEPSPEED, reason="DeepSpeed is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of another package

ZERO_1 = {"zero_optimization": {"stage": 1}}
ZERO_2 = {"zero_optimization": {"stage": 2}}


class BreakAfter(Hook):
    """Saves after an iteration and goes no further."""

    priority = "LOWEST"

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.clock.iter == self.iteration:
            runner.save_checkpoint(runner.work_dir, f"iter_{self.iteration}.pth")
            raise Interrupted(0)


def train(work_dir, strategy, *, hooks=(), **options):
    """The weights after 3 epochs, and the validation's metrics."""
    torch.manual_seed(0)
    runner = toy_runner(
        work_dir,
        model=Net(),
        strategy=strategy,
        custom_hooks=[{"type": "EMAHook"}, *hooks],
        **{"optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.05}}, **options},
    )
    runner.train()
    weights = {name: value.float().tolist() for name, value in runner.bare_model.state_dict().items()}
    return weights, runner.optim_wrapper.step_count


def of(**options):
    return {"type": "DeepSpeedStrategy", **options}


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")


@pytest.mark.slow
@needs_deepspeed
@pytest.mark.parametrize("options", [{}, ZERO_1, ZERO_2])
def test_it_computes_what_torch_does(tmp_path, ranks, on_cpu, options):
    """Accumulation and clipping of the engine are those of our own wrapper, up to rounding."""
    wrapper = {
        "optimizer": {"type": "AdamW", "lr": 0.05}, "accumulative_counts": 2, "clip_grad": {"max_norm": 0.1},
    }  # fmt: skip
    expected, steps = train(tmp_path / "torch", None, optim_wrapper=wrapper)
    strategy = of(gradient_accumulation_steps=2, gradient_clipping=0.1, **options)
    ((weights, engine_steps),) = ranks(1, lambda: train(tmp_path / "engine", strategy))
    assert (engine_steps, steps) == (12, 12)
    for name, value in expected.items():
        torch.testing.assert_close(torch.tensor(weights[name]), torch.tensor(value), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@needs_deepspeed
@pytest.mark.parametrize(
    "options",
    [{}, ZERO_1, ZERO_2 | {"bf16": {"enabled": True}}],
    ids=["plain", "zero1", "zero2-bf16"],
)
@pytest.mark.parametrize("world_size", [1, 2])
def test_it_resumes_exactly(tmp_path, ranks, on_cpu, options, world_size):
    """Stopped in the middle of an epoch and resumed, the weights are bitwise those of a run in one piece."""
    strategy = of(gradient_accumulation_steps=2, **options)

    def body():
        whole = train(tmp_path / "whole", strategy)
        train(tmp_path / "part", strategy, hooks=[BreakAfter(6)])
        return train(tmp_path / "part", strategy, resume=True) == whole

    assert ranks(world_size, body) == [True] * world_size
    state = load_file(
        tmp_path / "part" / entries(tmp_path / "part")[-1].name
    )  # plain data, nothing else loads
    assert len(state["optimizer"]["deepspeed"]) == world_size


@pytest.mark.slow
@needs_deepspeed
def test_weights_alone_reach_the_engine(tmp_path, ranks, on_cpu):
    """What `load_from` brings is not lost to the copies that the engine made before."""
    train(tmp_path / "torch", None)
    path = str(tmp_path / "torch" / "epoch_3.pth")
    still = {"optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.0}}, "param_scheduler": None}

    def body():
        strategy = of(bf16={"enabled": True}, zero_allow_untested_optimizer=True, **ZERO_1)
        return train(tmp_path / "engine", strategy, load_from=path, **still)[0]

    saved = load_file(path)["state_dict"]
    (weights,) = ranks(1, body)
    assert weights == {name: value.bfloat16().float().tolist() for name, value in saved.items()}


def test_a_configuration_is_a_mapping_or_a_file(tmp_path):
    """Arguments replace entries of the same name."""
    path = tmp_path / "engine.json"
    path.write_text(json.dumps({"gradient_clipping": 1.0, "steps_per_print": 7}))
    strategy = DeepSpeedStrategy(str(path), gradient_clipping=2.0, bf16={"enabled": True})
    assert strategy.config == {
        "gradient_clipping": 2.0,
        "steps_per_print": 7,
        "bf16": {"enabled": True},
        "train_micro_batch_size_per_gpu": 1,
    }
    with pytest.raises(ValueError, match="FSDPStrategy"):
        DeepSpeedStrategy(zero_optimization={"stage": 3})


@pytest.mark.skipif(HAS_DEEPSPEED, reason="DeepSpeed is installed")
def test_without_the_package_it_says_what_to_install(tmp_path):
    """One line to copy."""
    with pytest.raises(ImportError, match=r'pip install "eng-runner\[deepspeed\]"'):
        toy_runner(tmp_path, strategy=of())
