# ruff: noqa: C408 - a configuration is written like this
custom_imports = dict(imports=["line_parts"])
model = dict(type="LineModel")
train_dataloader = dict(
    dataset=dict(type="LinePoints", count=32),
    batch_size=4,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
)
train_cfg = dict(by_epoch=True, max_epochs=3)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1))
param_scheduler = dict(type="LinearLR", start_factor=0.5, end=3)
val_dataloader = dict(
    dataset=dict(type="LinePoints", count=10),
    batch_size=4,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
)
val_cfg = dict()
val_evaluator = dict(type="LineError")
test_dataloader = val_dataloader
test_cfg = dict()
test_evaluator = val_evaluator
default_hooks = dict(
    logger=dict(interval=4), checkpoint=dict(interval=1, save_best="line/error", rule="less")
)
visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
randomness = dict(seed=0)
