"""Times whole processes that classify images with a resnet50, alternating in one run: weightlift, and transformers'
pipeline with its Pillow back end. With --onnx and --python, also onnxruntime with Pillow.

    .venv-conformance/bin/python bench/make_checkpoints.py build/bench
    .venv-conformance/bin/python bench/classify.py build/bench/resnet50

The images are 64 JPEGs of 300 to 700 by 300 to 900 pixels. side_by_side.py explains what is measured."""

import argparse
import os
import pathlib
import random
import sys
import tempfile

from side_by_side import PROGRAM, ROOT, compare, run, table_head

sys.path.insert(0, str(ROOT / "scripts"))
import reference_stack  # noqa: E402,F401

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

IMAGES = 64


def make_images(folder):
    """Writes waves with some noise, about as detailed as photographs."""
    rng, files = random.Random(0), []
    for i in range(IMAGES):
        height, width = rng.randint(300, 900), rng.randint(300, 700)
        y, x = np.mgrid[0:height, 0:width]
        waves = np.stack([np.sin(x / (9 + 4 * c + i % 5)) * np.cos(y / (13 - 2 * c)) for c in range(3)], -1)
        noise = np.random.default_rng(i).normal(0, 6, waves.shape)
        files.append(str(folder / f"{i:02}.jpg"))
        Image.fromarray((128 + 90 * waves + noise).clip(0, 255).astype(np.uint8)).save(files[-1], quality=90)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path, help="Folder of a timm resnet50")
    parser.add_argument("--weightlift", default=PROGRAM)
    parser.add_argument("--onnx", help="The same network as ONNX, with any weights")
    parser.add_argument("--python", default=sys.executable, help="Python of an environment with onnxruntime and Pillow")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        run([str(arguments.weightlift), "convert", str(arguments.checkpoint), "-o", str(room), "--name", "net", "--no-verify"])
        images = make_images(room)
        script = str(ROOT / "bench" / "classify_reference.py")
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}

        def ours(images):
            return run([str(arguments.weightlift), "classify", str(room / "net"), *images])

        def pipeline(images):
            return run([sys.executable, script, "pipeline", str(room / "net"), *images], offline)

        def onnxruntime(images):
            return run([arguments.python, script, "onnxruntime", arguments.onnx, *images])

        sides = [("transformers", pipeline)] + ([("onnxruntime", onnxruntime)] if arguments.onnx else [])
        for reference, theirs in sides:
            table_head(reference)
            for job, images in [("1 image", images[:1]), (f"{IMAGES} images", images)]:
                compare(job, lambda: ours(images), lambda: theirs(images), arguments.runs)
            print()


main()
