"""Writes crops.txt: where the evaluation transforms of timm and of transformers (both back ends) begin
their crop, a line per setting: edge, crop_pct, offset in timm, in the torchvision and in the Pillow back end.

The image is a square that the resize leaves as it is, and each of its pixels encodes its column. Offsets
are negative where the image is smaller than the crop.

Needs the reference stack: python tests/data/make_crops.py
"""

import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402,F401

import numpy as np  # noqa: E402
import timm  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data import create_transform  # noqa: E402
from transformers import AutoImageProcessor, ConvNextImageProcessor  # noqa: E402

OTHERS = [(32, 0.875), (96, 0.9), (64, 1.0), (100, 0.99), (100, 0.98), (100, 0.97), (224, 1.0), (50, 1.02), (50, 1.05), (50, 1.1)]


def settings():
    found = set(OTHERS)
    for name in timm.list_pretrained("resnet*"):
        if name.split(".")[0] in ("resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"):
            cfg = timm.get_pretrained_cfg(name)
            found.add((cfg.input_size[-1], cfg.crop_pct))
            if cfg.test_input_size:
                found.add((cfg.test_input_size[-1], cfg.test_crop_pct or cfg.crop_pct))
    return sorted(found)


def image(side):
    columns = np.arange(1, side + 1)
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:, :, 0] = columns % 256
    pixels[:, :, 1] = columns // 256
    return Image.fromarray(pixels)


def offset(row):
    """row: (3, width), 0 where the image was padded."""
    columns = row[0].round().astype(int) + 256 * row[1].round().astype(int)
    first = int(np.flatnonzero(columns)[0])
    return int(columns[first]) - 1 - first


def offset_in_timm(edge, crop_pct, image):
    transform = create_transform(
        (3, edge, edge), crop_pct=crop_pct, interpolation="bicubic", mean=(0, 0, 0), std=(1, 1, 1))
    return offset(transform(image)[:, edge // 2].numpy() * 255)


def offset_in_transformers(edge, crop_pct, image, processor):
    pixels = processor(
        image, size={"shortest_edge": edge}, crop_pct=crop_pct, do_rescale=False, do_normalize=False,
        return_tensors="np")["pixel_values"]
    return offset(pixels[0, :, edge // 2].astype(float))


def processors():
    with tempfile.TemporaryDirectory() as saved:
        ConvNextImageProcessor().save_pretrained(saved)
        return [AutoImageProcessor.from_pretrained(saved, backend=backend) for backend in ("torchvision", "pil")]


if __name__ == "__main__":
    both = processors()
    with open(HERE / "crops.txt", "w") as out:
        for edge, crop_pct in settings():
            image = image(int(edge / crop_pct))
            theirs = [offset_in_transformers(edge, crop_pct, image, processor) for processor in both]
            print(edge, crop_pct, offset_in_timm(edge, crop_pct, image), *theirs, file=out)
