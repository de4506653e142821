"""Times whole processes of both sides in one run, in turn: weightlift and the reference pipeline.

    .venv-conformance/bin/python bench/make_checkpoints.py build/bench
    .venv-conformance/bin/python bench/whole_process.py build/bench

Machines are shared and noisy: look at the ratios, which are taken pair by pair. Peak memory is the largest
resident set of the process, mapped file pages included. Both sides have the files in the page cache."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIX = ["resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"]


def run(command):
    """Wall seconds, CPU seconds and peak MiB of one process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def median(samples, column):
    return statistics.median(sample[column] for sample in samples)


def compare(job, ours, theirs, runs, clean):
    a, b = [], []
    for i in range(runs + 1):
        for samples, command in ((a, ours), (b, theirs)):
            clean()
            sample = run(command)
            if i > 0:  # the first of each warms caches
                samples.append(sample)
    ratios = [theirs_run[0] / ours_run[0] for ours_run, theirs_run in zip(a, b)]
    print(f"| {job} | {median(a, 0):.3f} s | {median(a, 1):.3f} s | {median(a, 2):.0f} MiB "
          f"| {median(b, 0):.2f} s | {median(b, 1):.2f} s | {median(b, 2):.0f} MiB "
          f"| {statistics.median(ratios):.0f}x ({min(ratios):.0f}-{max(ratios):.0f}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=pathlib.Path)
    parser.add_argument("--weightlift", default=ROOT / "build" / "release" / "bin" / "weightlift")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        clean = lambda: shutil.rmtree(out, ignore_errors=True)  # noqa: E731
        print("| job | weightlift | CPU | peak | reference | CPU | peak | times faster |")
        print("|---|---|---|---|---|---|---|---|")
        for job, names in [(name, [name]) for name in SIX] + [("all six", SIX)]:
            sources = [str(arguments.checkpoints / name) for name in names]
            compare(job, [str(arguments.weightlift), "convert", *sources, "-o", str(out)],
                    [sys.executable, str(ROOT / "bench" / "reference_convert.py"), str(out), *sources],
                    arguments.runs, clean)
        version = [run([str(arguments.weightlift), "--version"]) for _ in range(21)]
        print(f"\n`--version`: {median(version, 0) * 1000:.1f} ms")


main()
