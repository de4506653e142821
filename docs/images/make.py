"""Makes the images of docs/labels-and-image-processors.md: PNG files that `weightlift preprocess --show` writes of made images.

    python3 docs/images/make.py [PROGRAM]      (default: build/release/bin/weightlift)
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parent.parent / "build" / "release" / "bin" / "weightlift"


def rings(x, y, width=240, height=150):
    """Rings around the center, darker towards the rim, in a red frame of four pixels."""
    if min(x, y, width - 1 - x, height - 1 - y) < 4:
        return 200, 40, 40
    distance = math.hypot(x - width / 2, y - height / 2)
    light = int((0.6 + 0.4 * math.cos(distance / 4)) * (255 - distance))
    return light, light, 255 - int(distance)


def columns(x, y):
    """Column 1 is red, column 2 is blue; row 1 and row 2 are the same."""
    return {1: (220, 30, 30), 2: (30, 30, 220)}.get(min(x, y), (230, 230, 230))


def show(program, name, paint, width, height, settings, preparation="transformers"):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        processor = {"image_processor_type": "ConvNextImageProcessor"} | settings
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
        pixels = bytes(sample for y in range(height) for x in range(width) for sample in paint(x, y))
        (folder / "made.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + pixels)
        subprocess.run(
            [program, "preprocess", folder, folder / "made.ppm", "-o", folder / "pixels.safetensors", "--as", preparation,
             "--show", HERE / name, "-q"], check=True, stdout=subprocess.DEVNULL)


def main():
    program = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else PROGRAM
    show(program, "whole.png", rings, 240, 150, {"do_resize": False})
    show(program, "seen.png", rings, 240, 150, {"size": 96, "crop_pct": 0.875})
    offset = {"size": 28, "crop_pct": 0.9}  # 28 of 31: a margin of 3
    show(program, "transformers.png", columns, 31, 31, offset)
    show(program, "timm.png", columns, 31, 31, offset, "timm")


main()
