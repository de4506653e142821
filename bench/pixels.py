"""Times each step from a JPEG of 1920x1080 to pixel values, alternating in one run: pixels_bench, and Pillow with
transformers' Pillow back end. Prints medians of the rounds, and ratios taken round by round.

    cmake -B build/bench -G Ninja -DWEIGHTLIFT_BUILD_BENCHMARKS=ON && cmake --build build/bench --target pixels_bench
    .venv-conformance/bin/python bench/pixels.py
"""

import argparse
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import reference_stack  # noqa: E402,F401

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import ConvNextImageProcessorPil  # noqa: E402

FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]


def make_image():
    """Returns waves with some noise, about as detailed as photographs."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([np.sin(x / (9 + 4 * c)) * np.cos(y / (13 - 2 * c)) for c in range(3)], -1)
    noise = np.random.default_rng(0).normal(0, 6, waves.shape)
    return Image.fromarray((128 + 90 * waves + noise).clip(0, 255).astype(np.uint8))


def reference_jobs(jpeg):
    def decode():
        return Image.open(io.BytesIO(jpeg)).convert("RGB")

    image = decode()
    processor = ConvNextImageProcessorPil(size={"shortest_edge": 224}, crop_pct=0.95)
    jobs = {"decode_rgb": decode, "file_to_pixel_values": lambda: processor(decode(), return_tensors="np")}
    size = (235 * 1920 // 1080, 235)
    left, top = ((side - 224) // 2 for side in size)
    for number in range(len(FILTERS)):
        jobs[f"resize_whole/{number}"] = lambda number=number: image.resize(size, number)
        jobs[f"resize_and_crop/{number}"] = lambda number=number: image.resize(size, number).crop((left, top, left + 224, top + 224))
    return jobs


def milliseconds(job, seconds=0.3):
    job()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        job()
        count += 1
    return (time.perf_counter() - begin) / count * 1000


def ours(program, job, file):
    done = subprocess.run(
        [program, f"--benchmark_filter=^{job}$", "--benchmark_format=json", "--benchmark_min_time=0.3"], check=True,
        capture_output=True, env=os.environ | {"WEIGHTLIFT_BENCH_IMAGE": file})
    return json.loads(done.stdout)["benchmarks"][0]["real_time"]


def readable(job):
    name, _, number = job.partition("/")
    return f"{name.replace('_', ' ')}{', ' + FILTERS[int(number)] if number else ''}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build" / "bench" / "bin" / "pixels_bench")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    encoded = io.BytesIO()
    make_image().save(encoded, "JPEG", quality=90)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(encoded.getvalue())
        file.flush()
        print("| step | weightlift | reference | times faster |\n|---|---|---|---|")
        for job, reference in reference_jobs(encoded.getvalue()).items():
            pairs = [(ours(arguments.program, job, file.name), milliseconds(reference)) for _ in range(arguments.runs)]
            mine, theirs = (statistics.median(column) for column in zip(*pairs))
            ratios = sorted(b / a for a, b in pairs)
            print(f"| {readable(job)} | {mine:.2f} ms | {theirs:.2f} ms | {statistics.median(ratios):.1f}x "
                  f"({ratios[0]:.1f}-{ratios[-1]:.1f}) |", flush=True)


main()
