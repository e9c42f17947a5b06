"""Small data sets, drawn from a fixed seed: an ImageNet folder, a COCO file, a file of words.

Images are saved without loss, in the size in which the models get them, so that no resampling takes part.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("bar", "square")
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


def image_folder(root: Path, per_class: int = 4, side: int = 32) -> Path:
    """Return a folder `train/bar/0.png`, ... with `per_class` images of `side` pixels for each class."""
    random = np.random.default_rng(0)
    for name in CLASSES:
        (root / "train" / name).mkdir(parents=True)
        for number in range(per_class):
            low, high = (0, 160) if name == "bar" else (96, 256)
            save(random.integers(low, high, (side, side, 3)), root / "train" / name / f"{number}.png")
    return root


def coco(root: Path, images: int = 4, side: int = 96) -> Path:
    """Return a folder with `boxes.json` and images of `side` pixels, one to three filled boxes in each."""
    random = np.random.default_rng(1)
    document: dict[str, list[object]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
    }
    (root / "images").mkdir(parents=True)
    for number in range(images):
        pixels = random.integers(0, 64, (side, side, 3))
        for _ in range(1 + number % 3):
            kind = int(random.integers(2))
            x, y = random.integers(0, side // 2, 2).tolist()
            width, height = (side // 2 - 8, side // 8) if kind == 0 else (side // 3, side // 3)
            pixels[y : y + height, x : x + width] += 64 + 128 * kind
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": number,
                    "category_id": kind,
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
        save(pixels, root / "images" / f"{number}.png")
        document["images"].append({"id": number, "file_name": f"{number}.png", "width": side, "height": side})
    (root / "boxes.json").write_text(json.dumps(document))
    return root


def words(root: Path, images: int = 8) -> Path:
    """Return a folder with `words.json` and gray images of 32 x 96 pixels, one stripe of its own for each letter."""
    random = np.random.default_rng(2)
    (root / "images").mkdir(parents=True)
    samples = []
    for number, word in enumerate(WORDS[:images]):
        pixels = random.integers(0, 32, (32, 96))
        for position, letter in enumerate(word):
            pixels[4:28, 4 + 16 * position : 16 + 16 * position] += 8 * (ord(letter) - ord("a"))
        save(pixels, root / "images" / f"{number}.png")
        samples.append({"img_path": f"images/{number}.png", "instances": [{"text": word}]})
    about = {"dataset_type": "TextRecogDataset", "task_name": "textrecog"}
    (root / "words.json").write_text(json.dumps({"metainfo": about, "data_list": samples}))
    return root


def save(pixels: NDArray[np.int64], path: Path) -> None:
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
