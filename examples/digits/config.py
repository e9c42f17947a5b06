# A small CNN on handwritten digits:  eng train examples/digits/config.py

custom_imports = dict(imports=["digits"])

epochs = 15
batch_size = 64

model = dict(type="DigitsNet", channels=32, dropout=0.1)

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="Digits", split="train", pipeline=[dict(type="ToTensor"), dict(type="RandomShift", pixels=1)]
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)

val_dataloader = dict(
    batch_size=256,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(type="Digits", split="val", pipeline=[dict(type="ToTensor")]),
)
val_cfg = dict()
val_evaluator = dict(type="Accuracy")

test_dataloader = val_dataloader
test_cfg = dict()
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(type="AdamW", lr=5e-3, weight_decay=0.01), clip_grad=dict(max_norm=5.0))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", begin=1, eta_min_ratio=0.01, convert_to_iter_based=True),
]

default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(interval=1, max_keep_ckpts=3, save_best="accuracy")
)
visualizer = dict(
    type="Visualizer", vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")]
)

randomness = dict(seed=0)
work_dir = "work_dirs/digits"
