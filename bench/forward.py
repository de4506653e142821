"""Times forward passes of one network, weightlift's and onnxruntime's, alternating in one run.

    python bench/forward.py FOLDER NETWORK.onnx [--threads N] [--rounds N]

FOLDER: the network as a timm folder. NETWORK.onnx: the same as ONNX (bench/README.md shows how to write it).
Needs numpy and onnxruntime. Both sides have their weights packed; of two passes in a row, the second counts.
CPU time shows the work where other programs use the cores."""

import argparse
import os
import statistics
import subprocess
import time

import numpy
import onnxruntime
from side_by_side import ROOT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("onnx")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tool", default=ROOT / "build" / "bench" / "bin" / "forward_tool")
    arguments = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(arguments.onnx, options, providers=["CPUExecutionProvider"])
    image = {session.get_inputs()[0].name: numpy.random.randn(1, 3, 224, 224).astype(numpy.float32)}
    tool = subprocess.Popen([arguments.tool, arguments.folder, str(arguments.threads)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    tool.stdout.readline()

    def ours():
        tool.stdin.write("\n")
        tool.stdin.flush()
        return tuple(map(float, tool.stdout.readline().split()))

    def theirs():
        begin, cpu = time.perf_counter(), time.process_time()
        session.run(None, image)
        return 1000 * (time.perf_counter() - begin), 1000 * (time.process_time() - cpu)

    samples = []
    for _ in range(arguments.rounds + 2):
        row = []
        for side in (ours, theirs):
            for _ in range(2):
                time.sleep(0.02)
                sample = side()
            row.append(sample)
        samples.append(row)
    for column, what in enumerate(("wall", "CPU")):
        a, b = ([row[side][column] for row in samples[2:]] for side in (0, 1))
        ratios = sorted(x / y for x, y in zip(a, b))
        print(f"| {os.path.basename(arguments.folder)}, {arguments.threads} threads, {what} | {statistics.median(a):.1f} ms "
              f"| {statistics.median(b):.1f} ms | {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) |")


main()
