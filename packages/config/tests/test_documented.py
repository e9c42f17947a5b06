"""The configuration of the runner's chapter, as it is printed there: saved, read, changed, and written back."""

import json

import pytest

from eng_config import Config, parse_overrides

EXAMPLE = """
# Save the following codes in example_config.py
# Almost copied from the above example, with some commas removed
model = dict(type='MyAwesomeModel',
    layers=2,
    activation='relu')
work_dir = 'exp/my_awesome_model'

train_dataloader = dict(
    dataset=dict(type='MyDataset',
        is_train=True,
        size=10000),
    sampler=dict(
        type='DefaultSampler',
        shuffle=True),
    collate_fn=dict(type='default_collate'),
    batch_size=64,
    pin_memory=True,
    num_workers=2)
train_cfg = dict(
    by_epoch=True,
    max_epochs=10,
    val_begin=2,
    val_interval=1)
optim_wrapper = dict(
    optimizer=dict(
        type='Adam',
        lr=0.001))
param_scheduler = dict(
    type='MultiStepLR',
    by_epoch=True,
    milestones=[4, 8],
    gamma=0.1)

val_dataloader = dict(
    dataset=dict(type='MyDataset',
        is_train=False,
        size=1000),
    sampler=dict(
        type='DefaultSampler',
        shuffle=False),
    collate_fn=dict(type='default_collate'),
    batch_size=1000,
    pin_memory=True,
    num_workers=2)
val_cfg = dict()
val_evaluator = dict(type='Accuracy')

default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1))
launcher = 'none'
env_cfg = dict(
    cudnn_benchmark=False,
    backend='nccl',
    mp_cfg=dict(mp_start_method='fork'))
log_level = 'INFO'
load_from = None
resume = False
"""


@pytest.fixture(params=[None, True, False], ids=["as it is", "trusted", "untrusted"])
def config(request, tmp_path):
    """`Config.fromfile('example_config.py')`; the file only holds data, so it needs no trust."""
    file = tmp_path / "example_config.py"
    file.write_text(EXAMPLE)
    return Config.fromfile(file, trust=request.param)


def test_it_is_read(config):
    """Every value is of a type that Python itself has."""
    assert list(config) == [
        "model", "work_dir", "train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler", "val_dataloader",
        "val_cfg", "val_evaluator", "default_hooks", "launcher", "env_cfg", "log_level", "load_from", "resume",
    ]  # fmt: skip
    assert config.model == {"type": "MyAwesomeModel", "layers": 2, "activation": "relu"}
    assert config.train_dataloader.dataset.size == 10000
    assert config["param_scheduler"]["milestones"] == [4, 8]
    assert (config.val_cfg, config.load_from, config.resume) == ({}, None, False)
    assert json.loads(json.dumps(config.to_dict())) == config.to_dict()


@pytest.mark.parametrize("suffix", [".py", ".yaml", ".json", ".toml"])
def test_it_is_written_and_read_again(config, tmp_path, suffix):
    """In every format as the same settings."""
    config.dump(tmp_path / f"written{suffix}")
    assert Config.fromfile(tmp_path / f"written{suffix}") == config


def test_another_optimizer_from_the_command_line(config):
    """And where every value comes from."""
    config.merge_from_dict(
        parse_overrides(["optim_wrapper.optimizer.lr=0.01", "param_scheduler.milestones=[2,4]"])
    )
    assert (config.optim_wrapper.optimizer, config.param_scheduler.milestones) == (
        {"type": "Adam", "lr": 0.01},
        [2, 4],
    )
    assert [str(origin).rpartition("/")[2] for origin in config.origins("optim_wrapper.optimizer.lr")] == [
        "example_config.py:28",
        "<command line>:1",
    ]


def test_a_child_that_inherits_it(config, tmp_path):
    """Says only what is different."""
    child = tmp_path / "child.py"
    child.write_text(
        "_base_ = 'example_config.py'\nmodel = dict(layers=4)\n"
        "optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.1))\n"
    )
    cfg = Config.fromfile(child)
    assert cfg.model == {"type": "MyAwesomeModel", "layers": 4, "activation": "relu"}
    assert cfg.optim_wrapper == {"optimizer": {"type": "SGD", "lr": 0.1}}
    assert cfg.train_dataloader == config.train_dataloader
