"""Makes small timm checkpoints with different random weights, without torch, and a manifest of them.

usage: python3 make_zoo.py FOLDER COUNT   (FOLDER/zoo/net-000..., and FOLDER/manifest.jsonl with paths from FOLDER)
"""
import array
import json
import math
import pathlib
import random
import struct
import sys

WIDTH = 8
STEM_WIDTH = 64  # timm's `channels` has no word for it
CLASSES = 3
CONFIG = {
    "architecture": "resnet18",
    "num_classes": CLASSES,
    "num_features": WIDTH,
    "global_pool": "avg",
    "model_args": {"layers": [1] * 4, "channels": [WIDTH] * 4, "in_chans": 3, "num_classes": CLASSES},
    "pretrained_cfg": {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "center",
                       "mean": [0.5] * 3, "std": [0.5] * 3, "num_classes": CLASSES},
}  # fmt: skip


def convolution(name, outputs, inputs, size):
    return [(f"{name}.weight", [outputs, inputs, size, size])]


def batch_norm(name, channels):
    return [(f"{name}.{part}", [channels]) for part in ("weight", "bias", "running_mean", "running_var")]


def tensors():
    """Names and shapes of a resnet18 with one basic block per stage."""
    yield from convolution("conv1", STEM_WIDTH, 3, 7) + batch_norm("bn1", STEM_WIDTH)
    inputs = STEM_WIDTH
    for stage in range(1, 5):
        block = f"layer{stage}.0"
        yield from convolution(f"{block}.conv1", WIDTH, inputs, 3) + batch_norm(f"{block}.bn1", WIDTH)
        yield from convolution(f"{block}.conv2", WIDTH, WIDTH, 3) + batch_norm(f"{block}.bn2", WIDTH)
        yield from convolution(f"{block}.downsample.0", WIDTH, inputs, 1) + batch_norm(f"{block}.downsample.1", WIDTH)
        inputs = WIDTH
    yield from [("fc.weight", [CLASSES, WIDTH]), ("fc.bias", [CLASSES])]


def draw(rng, name, shape):
    """Weights that keep values near 1 from layer to layer."""
    reach = math.sqrt(3 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
    center = 1 if len(shape) == 1 and name.endswith(("weight", "running_var")) else 0
    return array.array("f", (center + rng.uniform(-reach, reach) for _ in range(math.prod(shape)))).tobytes()


def make_checkpoint(folder, seed):
    rng = random.Random(seed)
    header, data = {}, b""
    for name, shape in tensors():
        values = draw(rng, name, shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(words)) + words + data)
    (folder / "config.json").write_text(json.dumps(CONFIG))


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    sources = [f"zoo/net-{i:03}" for i in range(count)]
    for seed, source in enumerate(sources):
        make_checkpoint(folder / source, seed)
    (folder / "manifest.jsonl").write_text("".join(json.dumps({"source": source}) + "\n" for source in sources))


main()
