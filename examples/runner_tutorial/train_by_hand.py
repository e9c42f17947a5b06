"""The same training with every argument of the runner spelled out, parts given as objects where that is shorter.

python examples/runner_tutorial/train_by_hand.py
"""

from parts import Accuracy, MyAwesomeModel, MyDataset
from torch.optim import Adam
from torch.utils.data import DataLoader, default_collate

from eng_runner import Runner


def main():
    runner = Runner(
        # your model
        model=MyAwesomeModel(layers=2, activation="relu"),
        # work directory for saving checkpoints and logs
        work_dir="work_dirs/runner_tutorial_by_hand",
        # training data
        train_dataloader=DataLoader(
            dataset=MyDataset(is_train=True, size=10000),
            shuffle=True,
            collate_fn=default_collate,
            batch_size=64,
            num_workers=2,
        ),
        # training configuration
        train_cfg=dict(
            by_epoch=True,  # count in epochs instead of iterations
            max_epochs=10,
            val_begin=2,  # validate from the 2nd epoch on
            val_interval=1,  # validate every epoch
        ),
        # the optimizer; 'AmpOptimWrapper' as `type` would train in mixed precision
        optim_wrapper=dict(optimizer=dict(type=Adam, lr=0.001)),
        # how the learning rate moves
        param_scheduler=dict(type="MultiStepLR", by_epoch=True, milestones=[4, 8], gamma=0.1),
        # validation data
        val_dataloader=DataLoader(
            dataset=MyDataset(is_train=False, size=1000),
            shuffle=False,
            collate_fn=default_collate,
            batch_size=1000,
            num_workers=2,
        ),
        # validation configuration, usually an empty dict
        val_cfg=dict(),
        val_evaluator=dict(type=Accuracy),
        # change a default hook by its name
        default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
        # the distributed environment
        launcher="none",
        env_cfg=dict(cudnn_benchmark=False, backend="nccl", mp_cfg=dict(mp_start_method="fork")),
        log_level="INFO",
        # weights to start from, or a checkpoint to resume
        load_from=None,
        resume=False,
        randomness=dict(seed=0),
    )
    runner.train()


if __name__ == "__main__":
    main()
