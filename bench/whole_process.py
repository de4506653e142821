"""Times whole processes, alternating in one run: weightlift and the reference pipeline.

    .venv-conformance/bin/python bench/make_checkpoints.py build/bench
    .venv-conformance/bin/python bench/whole_process.py build/bench

Both sides have the files in the page cache. side_by_side.py explains what is measured."""

import argparse
import pathlib
import shutil
import sys
import tempfile

from side_by_side import PROGRAM, ROOT, compare, median, run, table_head

SIX = ["resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=pathlib.Path)
    parser.add_argument("--weightlift", default=PROGRAM)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"

        def afresh(command):
            shutil.rmtree(out, ignore_errors=True)
            return run(command)

        table_head("reference")
        for job, names in [(name, [name]) for name in [*SIX, "regnety_160"]] + [("all six", SIX)]:
            sources = [str(arguments.checkpoints / name) for name in names]
            ours = [str(arguments.weightlift), "convert", *sources, "-o", str(out)]
            theirs = [sys.executable, str(ROOT / "bench" / "reference_convert.py"), str(out), *sources]
            compare(job, lambda: afresh(ours), lambda: afresh(theirs), arguments.runs)
        version = [run([str(arguments.weightlift), "--version"]) for _ in range(21)]
        print(f"\n`--version`: {median(version, 0) * 1000:.1f} ms")


main()
