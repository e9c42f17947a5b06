default_scope = "mmengine"
model = dict(
    type="Classifier",
    data_preprocessor=dict(type="BaseDataPreprocessor"),
    backbone=dict(type="Body", width=8),
    num_classes=2,
)
dataset = dict(type="Points", pipeline=[dict(type="PackPoints")])
train_dataloader = dict(
    batch_size=6,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dataset,
    collate_fn=dict(type="pseudo_collate"),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="Points", pipeline=[dict(type="PackPoints")], test_mode=True),
    collate_fn=dict(type="pseudo_collate"),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="ShareFound")
test_evaluator = val_evaluator
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=4, val_interval=1)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    loss_scale="dynamic",
    optimizer=dict(type="AdamW", lr=0.05, weight_decay=0.01),
    clip_grad=dict(max_norm=10, norm_type=2),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys=dict(head=dict(lr_mult=2.0))),
)
param_scheduler = [
    dict(type="QuadraticWarmUpLR", by_epoch=False, begin=0, end=5),
    dict(type="CosineAnnealingLR", T_max=4, begin=0, end=4, by_epoch=True, convert_to_iter_based=True),
]
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=4),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2, save_best="auto"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [dict(type="EMAHook", momentum=0.1), dict(type="Watch")]
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="gloo"),
)
vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(type="Visualizer", vis_backends=vis_backends, name="visualizer")
log_processor = dict(type="LogProcessor", window_size=10, by_epoch=True)
log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed=7)
