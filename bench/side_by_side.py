"""Shared code of the benchmarks that compare whole processes of two sides, which alternate.

Machines are shared and noisy: compare the ratios, which are taken pair by pair. Peak memory is the largest
resident set of the process, including mapped file pages."""

import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "release" / "bin" / "weightlift"


# The peak of a process includes that of the process that starts it, so a small process starts it.
STARTER = """
import os, sys, time
begin = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(status != 0)
"""


def run(command, env=None):
    """Returns wall seconds, CPU seconds and peak MiB of one process."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, *command], env=env, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr}")
    return tuple(map(float, done.stderr.splitlines()[-1].split()))


def median(samples, column):
    return statistics.median(sample[column] for sample in samples)


def table_head(reference):
    print(f"| job | weightlift | CPU | peak | {reference} | CPU | peak | times faster |")
    print("|---|---|---|---|---|---|---|---|")


def compare(job, ours, theirs, runs):
    """Prints one row. `ours` and `theirs` prepare their input, run() one process and return its sample."""
    a, b = [], []
    for i in range(runs + 1):
        for samples, side in ((a, ours), (b, theirs)):
            sample = side()
            if i > 0:  # the first run of each side warms caches
                samples.append(sample)
    ratios = sorted(theirs_run[0] / ours_run[0] for ours_run, theirs_run in zip(a, b))
    middle, least, most = (f"{r:.0f}" if r >= 10 else f"{r:.1f}"
                           for r in (statistics.median(ratios), ratios[0], ratios[-1]))
    print(f"| {job} | {median(a, 0):.3f} s | {median(a, 1):.3f} s | {median(a, 2):.0f} MiB "
          f"| {median(b, 0):.2f} s | {median(b, 1):.2f} s | {median(b, 2):.0f} MiB "
          f"| {middle}x ({least}-{most}) |", flush=True)
