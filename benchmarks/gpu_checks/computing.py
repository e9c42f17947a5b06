"""What an iteration costs on the device, and that it computes what torch's own loop computes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eng_dist import get_device, get_max_memory_mib, rng_state, set_rng_state
from eng_model import ImgDataPreprocessor
from eng_optim import AmpOptimWrapper
from eng_runner.engine.environment import describe_environment

from .check import Device, check, need
from .training import WARM_UP, ConvNet, Images, Tokens, Transformer, Window, are_same, runner, weights

BF16 = {"type": "AmpOptimWrapper", "dtype": "bfloat16"}
ADAMW = {"type": "AdamW", "lr": 1e-3}


@check(40)
def environment(device: Device) -> str:
    """The device is found, its memory is counted, and its random state comes back."""
    need(get_device().type == device.kind, f"get_device() is {get_device()}, not {device.kind}")
    held = torch.ones(2**20, device=device.kind)
    need(
        device.is_dry or get_max_memory_mib() >= 4,
        f"the peak of {held.nbytes / 2**20:.0f} MiB is not counted",
    )
    state = rng_state()
    drawn = torch.rand(3, device=device.kind)
    set_rng_state(state)
    need(torch.equal(drawn, torch.rand(3, device=device.kind)), "the random state did not come back")
    return f"torch {torch.__version__}, {describe_environment().get('Accelerator', 'no accelerator')}"


def _waits(device: Device, make: Callable[[Window], Any], allowed: float) -> str:
    iterations = device.size(100, 8)
    window = Window(device, iterations)
    make(window).train()
    each = window.waits.total() / iterations
    need(
        each <= allowed, f"{each:.2f} waits an iteration, not {allowed}: {dict(window.waits.most_common(4))}"
    )
    return f"{each:.2f} waits an iteration of {window.seconds * 1e3:.2f} ms"


def _iterations(device: Device) -> int:
    return WARM_UP + device.size(100, 8) + 1


@check(60)
def waits_by_default(device: Device) -> str:
    """A run that configures nothing does not wait for the device in a quiet iteration."""
    return _waits(
        device,
        lambda window: runner(device, ConvNet(device), Images(512), _iterations(device), hooks=[window]),
        allowed=0,
    )


@check(60)
def waits_with_everything(device: Device) -> str:
    """Nor does one with clipping, accumulation, an average and a look at what is not finite."""
    hooks = [
        {"type": "EMAHook", "momentum": 0.1},
        {"type": "NonFiniteHook", "action": "skip", "interval": 10**6},
        {"type": "ThroughputHook", "interval": 10, "system": True},
    ]
    wrapper = {"clip_grad": {"max_norm": 1.0}, "accumulative_counts": 2}
    return _waits(
        device,
        lambda window: runner(
            device, ConvNet(device), Images(512), _iterations(device), optimizer=ADAMW, wrapper=wrapper,
            hooks=[*hooks, window],
        ),
        allowed=0,
    )  # fmt: skip


@check(60)
def waits_in_bfloat16(device: Device) -> str:
    """A transformer, clipped."""
    wrapper = {**BF16, "clip_grad": {"max_norm": 1.0}}
    return _waits(
        device,
        lambda window: runner(
            device, Transformer(device), Tokens(512), _iterations(device), optimizer=ADAMW, wrapper=wrapper,
            hooks=[window],
        ),
        allowed=0,
    )  # fmt: skip


@check(80)
def waits_in_float16(device: Device) -> str:
    """One wait: whether the optimizer stepped; also where a fused kernel decides it."""
    lines = []
    for optimizer in (ADAMW, {**ADAMW, "fused": True}):
        wrapper = {"type": "AmpOptimWrapper", "dtype": "float16"}
        lines.append(
            _waits(
                device,
                lambda window, optimizer=optimizer, wrapper=wrapper: runner(
                    device, Transformer(device), Tokens(512), _iterations(device), optimizer=optimizer,
                    wrapper=wrapper, hooks=[window],
                ),
                allowed=1,
            )
        )  # fmt: skip
    return "; fused: ".join(lines)


@check(40)
def waits_of_images(device: Device) -> str:
    """A list of images that are flipped, normalised and padded."""
    prepare = ImgDataPreprocessor([1.0] * 3, [2.0] * 3, bgr_to_rgb=True, pad_size_divisor=32).to(device.kind)
    images = [torch.zeros(3, 64, 48, dtype=torch.uint8) for _ in range(32)]
    images = images if device.is_dry else [each.pin_memory() for each in images]
    prepare({"inputs": images})
    device.wait()
    begin = time.perf_counter()
    with device.counted_waits() as waits:
        prepare({"inputs": images})
    seconds = time.perf_counter() - begin
    need(not waits, f"{waits.total()} waits for a batch of 32: {dict(waits)}")
    return f"0 waits, {seconds * 1e3:.2f} ms of the host for 32 images"


def _raw_loop(device: Device, model: nn.Module, data: Any, optimizer: Any, amp: torch.dtype | None) -> float:
    """Seconds of an iteration of the shortest loop that does the same."""
    model.to(device.kind).train()
    workers = device.size(2, 0)
    batches = torch.utils.data.DataLoader(
        data, device.size(32, 4), shuffle=True, num_workers=workers, pin_memory=not device.is_dry,
        persistent_workers=workers > 0,
    )  # fmt: skip
    measured, done = device.size(100, 8), 0
    while True:
        for batch in batches:
            there = {name: value.to(device.kind, non_blocking=True) for name, value in batch.items()}
            context = torch.autocast(device.kind, dtype=amp) if amp else contextlib.nullcontext()
            with context:
                losses = model(**there, mode="loss")
            losses["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
            done += 1
            if done == WARM_UP:
                device.wait()
                begin = time.perf_counter()
            if done == WARM_UP + measured:
                device.wait()
                return (time.perf_counter() - begin) / measured


@check(120)
def overhead(device: Device) -> str:
    """An iteration costs at most 5 % more than in the raw loop, or 60 microseconds where it is that short."""
    lines, slow = [], []
    for name, model, data, config, amp in (
        ("convolutions", ConvNet, Images(512), {"type": "SGD", "lr": 0.01, "momentum": 0.9}, None),
        ("transformer, bf16", Transformer, Tokens(512), ADAMW, torch.bfloat16),
    ):
        raw, own = [], []
        for _ in range(device.size(3, 1)):
            net = model(device).to(device.kind)
            options = {key: value for key, value in config.items() if key != "type"}
            raw.append(
                _raw_loop(
                    device, net, data, getattr(torch.optim, config["type"])(net.parameters(), **options), amp
                )
            )
            window = Window(device, device.size(100, 8))
            wrapper = BF16 if amp else {}
            runner(
                device, model(device), data, _iterations(device), optimizer=config, wrapper=wrapper, hooks=[window],
                log_every=10,
            ).train()  # fmt: skip
            own.append(window.seconds)
        least, ours = min(raw), min(own)
        lines.append(f"{name}: {least * 1e6:.0f} -> {ours * 1e6:.0f} us ({100 * (ours / least - 1):+.1f} %)")
        if ours > least * 1.05 and ours - least > 60e-6:
            slow.append(name)
    need(device.is_dry or not slow, "; ".join(lines))
    return "; ".join(lines)


def _deterministic() -> None:
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


@check(60)
def float16_overflow(device: Device) -> str:
    """A batch that overflows moves nothing and halves the scale; the rest is bitwise torch's loop with its scaler."""
    _deterministic()
    ours, theirs = nn.Linear(16, 1).to(device.kind), nn.Linear(16, 1).to(device.kind)
    theirs.load_state_dict(ours.state_dict())
    wrapper = AmpOptimWrapper(
        dtype="float16", optimizer=torch.optim.AdamW(ours.parameters(), lr=0.1), clip_grad={"max_norm": 1.0},
        loss_scale={"init_scale": 1024.0},
    )  # fmt: skip
    optimizer, scaler = (
        torch.optim.AdamW(theirs.parameters(), lr=0.1),
        torch.amp.GradScaler(device.kind, 1024.0),
    )

    def loss_of(model: nn.Module, x: Tensor) -> Tensor:
        return model(x).square().mean().float()

    for number in range(6):
        x = torch.full((4, 16), float("inf") if number == 3 else 0.1 * (number + 1), device=device.kind)
        before = weights(ours)
        with wrapper.optim_context(ours):
            loss = loss_of(ours, x)
        wrapper.update_params(loss)
        with torch.autocast(device.kind, dtype=torch.float16):
            loss = loss_of(theirs, x)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        need(number != 3 or are_same(before, weights(ours)), "the batch that overflowed moved the weights")
    need(wrapper.step_count == 5, f"{wrapper.step_count} steps of 6 batches, not 5")
    need(
        wrapper.loss_scaler.get_scale() == scaler.get_scale() == 512.0,
        f"scale {wrapper.loss_scaler.get_scale()}",
    )
    need(are_same(weights(ours), weights(theirs)), "the weights are not those of torch's loop")
    return "5 of 6 batches stepped, scale 512, bitwise torch's loop"


@check(60)
def bfloat16_bitwise(device: Device) -> str:
    """Ten steps are those of torch's loop to the last bit."""
    _deterministic()
    torch.manual_seed(0)
    ours, theirs = Transformer(device).to(device.kind), Transformer(device).to(device.kind)
    theirs.load_state_dict(ours.state_dict())
    wrapper = AmpOptimWrapper(dtype="bfloat16", optimizer=torch.optim.AdamW(ours.parameters(), lr=1e-3))
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=1e-3)
    for number in range(10):
        tokens = torch.randint(64, (4, 32), generator=torch.Generator().manual_seed(number))
        ours.train_step({"tokens": tokens}, wrapper)
        with torch.autocast(device.kind, dtype=torch.bfloat16):
            loss = theirs(tokens.to(device.kind), mode="loss")["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    need(are_same(weights(ours), weights(theirs)), "the weights are not those of torch's loop")
    return "10 steps, bitwise torch's loop"


@check(60)
def products_in_tensorfloat32(device: Device) -> str:
    """`matmul_precision='high'` is in force, and a product differs from that of full precision."""
    x = torch.randn(device.size(4096, 64), device.size(4096, 64), device=device.kind)
    exact = x @ x
    runner(device, ConvNet(device), Images(64), 1, env_cfg={"matmul_precision": "high"}, workers=0)
    need(torch.get_float32_matmul_precision() == "high", torch.get_float32_matmul_precision())
    error = (x @ x - exact).abs().max().item()
    return f"largest difference of a product {error:.2e}"


@check(120)
def compiled_with_cuda_graphs(device: Device) -> str:
    """Log lines read the losses of their own iterations, not those of the last replay."""
    options = {"backend": "eager"} if device.is_dry else {"mode": "reduce-overhead"}
    begin = time.perf_counter()
    run = runner(device, Transformer(device), Tokens(512), 30, log_every=10, compile=options)
    run.train()
    losses = run.message_hub.get_scalar("train/loss").data[0]
    need(len({float(each) for each in losses}) > 20, f"{len(set(losses))} different losses in 30 iterations")
    return f"30 iterations in {time.perf_counter() - begin:.0f} s, compilation included"


@check(60)
def memory_order(device: Device) -> str:
    """`channels_last` stays through the training."""
    seconds = []
    for is_last in (False, True):
        window = Window(device, device.size(100, 8))
        run = runner(
            device, ConvNet(device, width=128), Images(512), _iterations(device), wrapper=BF16, hooks=[window],
            channels_last=is_last,
        )  # fmt: skip
        run.train()
        seconds.append(window.seconds)
    images = [each for each in run.bare_model.parameters() if each.dim() == 4]
    need(
        all(each.is_contiguous(memory_format=torch.channels_last) for each in images),
        "weights are not channels_last",
    )
    return f"{seconds[0] * 1e3:.2f} -> {seconds[1] * 1e3:.2f} ms an iteration"


@check(60)
def out_of_memory(device: Device) -> str:
    """The error says what took the memory and what helps, and the device is usable afterwards."""

    class Hungry(ConvNet):
        def forward(self, inputs: Tensor, labels: Tensor, mode: str) -> Any:
            if run.clock.iter == 3:
                if device.is_dry:
                    raise torch.OutOfMemoryError("dry run")
                torch.empty(2**44, device=device.kind)
            return super().forward(inputs, labels, mode)

    run = runner(device, Hungry(device), Images(512), 8)
    try:
        run.train()
    except torch.OutOfMemoryError as error:
        notes = " ".join(getattr(error, "__notes__", []))
    need("batch_size" in notes and "out of memory" in notes, f"the notes are {notes!r}")
    loss = F.mse_loss(torch.ones(8, device=device.kind), torch.zeros(8, device=device.kind))
    return f"explained; the device computes on ({loss.item():.0f})"
