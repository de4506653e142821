"""Writes what Pillow, transformers and timm make of made images, a line each, as CRC-32 of the bytes:

pixels/resized.txt   width height channels new_width new_height filter crc32
pixels/prepared.txt  transformers|timm width height channels new_width new_height crc32 preprocessor_config.json

Sample i of an image, row by row, is bits 13 to 20 of i * 2654435761.

Needs the reference stack: python tests/data/make_pixels.py
"""

import json
import pathlib
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402,F401

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data import create_transform  # noqa: E402
from transformers import AutoImageProcessor  # noqa: E402

NAMES = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
SIZES = [  # width, height, new width, new height
    (40, 30, 20, 15), (37, 53, 11, 17), (9, 7, 31, 40), (60, 20, 20, 60), (24, 24, 24, 12), (24, 24, 12, 24), (5, 5, 5, 5),
    (1, 1, 8, 8), (8, 8, 1, 1), (1, 200, 3, 2), (200, 1, 2, 3), (30, 61, 20, 41), (30, 62, 20, 40), (20, 100, 19, 30), (300, 2, 299, 1),
]
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
HALF = dict(image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])
PREPARED = [  # width, height, channels, settings
    (300, 421, 3, dict(size=224, crop_pct=0.95, resample=3) | IMAGENET),
    (421, 300, 3, dict(size=224, crop_pct=0.875, resample=2) | IMAGENET),
    (91, 64, 3, dict(size=160, crop_pct=0.95, resample=3) | IMAGENET),
    (100, 203, 3, dict(size=224, crop_pct=0.9, resample=3) | HALF),
    (203, 100, 3, dict(size=176, crop_pct=0.9, resample=3) | IMAGENET),
    (64, 64, 3, dict(size=176, crop_pct=0.875, resample=2) | IMAGENET),
    (90, 45, 3, dict(size=384, crop_pct=1.0, resample=3) | IMAGENET),
    (33, 57, 3, dict(size=20, crop_pct=1.25, resample=4) | IMAGENET),
    (57, 33, 3, dict(size=21, crop_pct=1.2, resample=1) | IMAGENET),
    (20, 31, 3, dict(size=10, crop_pct=0.7, resample=0) | IMAGENET),
    (20, 31, 3, dict(size=10, crop_pct=0.7, resample=5) | IMAGENET),
    (40, 40, 1, dict(size=28, crop_pct=0.93, resample=2, image_mean=[0.449], image_std=[0.226])),
]
TRANSFORMERS_ONLY = [
    (30, 20, 3, dict(do_resize=False) | IMAGENET),
    (30, 20, 3, dict(size=16, do_rescale=False) | IMAGENET),
    (30, 20, 3, dict(size=16, do_normalize=False) | IMAGENET),
    (30, 20, 3, dict(size=16, do_rescale=False, do_normalize=False) | IMAGENET),
    (30, 20, 3, dict(size=16, rescale_factor=0.01) | IMAGENET),
    (30, 20, 3, dict(size=16, image_mean=0.25, image_std=0.75)),
    (30, 20, 3, dict(size=16, do_center_crop=True, crop_size=dict(height=9, width=23)) | IMAGENET),
    (30, 20, 3, dict()),
]
BIT = [
    (300, 421, 3, dict(size=404, crop_size=384) | IMAGENET),
    (57, 33, 3, dict(size=20, crop_size=dict(height=30, width=17), resample=2)),
    (33, 57, 3, dict(size=21, do_center_crop=False)),
    (30, 20, 3, dict(do_resize=False, crop_size=25)),
    (30, 20, 3, dict()),
]


def image(width, height, channels):
    samples = np.arange(width * height * channels, dtype=np.uint64) * 2654435761 >> 13
    pixels = samples.astype(np.uint8).reshape(height, width, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def by_transformers(image, config):
    with tempfile.TemporaryDirectory() as saved:
        pathlib.Path(saved, "preprocessor_config.json").write_text(config)
        processor = AutoImageProcessor.from_pretrained(saved, backend="pil")
        return processor(image, return_tensors="np")["pixel_values"][0].astype(np.float32)


def by_timm(image, config):
    config = json.loads(config)
    transform = create_transform(
        config["size"], crop_pct=config["crop_pct"], interpolation=NAMES[config["resample"]], mean=config["image_mean"],
        std=config["image_std"])
    return transform(image).numpy()


def line(preparation, width, height, channels, settings):
    config = json.dumps({"image_processor_type": "ConvNextImageProcessor"} | settings)
    prepare = by_timm if preparation == "timm" else by_transformers
    values = np.ascontiguousarray(prepare(image(width, height, channels), config))
    return f"{preparation} {width} {height} {channels} {values.shape[2]} {values.shape[1]} {zlib.crc32(values)} {config}\n"


if __name__ == "__main__":
    folder = HERE / "pixels"
    folder.mkdir(exist_ok=True)
    with open(folder / "resized.txt", "w") as out:
        for width, height, *size in SIZES:
            for channels in (1, 3):
                for resample in range(len(NAMES)):
                    resized = image(width, height, channels).resize(size, resample)
                    print(width, height, channels, *size, resample, zlib.crc32(resized.tobytes()), file=out)
    with open(folder / "prepared.txt", "w") as out:
        for case in PREPARED:
            out.write(line("transformers", *case) + line("timm", *case))
        for case in TRANSFORMERS_ONLY:
            out.write(line("transformers", *case))
        for *size, settings in BIT:
            out.write(line("transformers", *size, {"image_processor_type": "BitImageProcessor"} | settings))
