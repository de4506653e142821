"""Times `weightlift batch` over tiny checkpoints: processor time, wall time and memory by the number of items.

    python3 bench/batch.py [PROGRAM]     (default: build/release/bin/weightlift)

Prints a table in Markdown. Processor time is that of the process; wall time has the disk's fsync in it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COUNTS = (250, 500, 1000, 2000)


def run(program, manifest, out, *options):
    """(wall seconds, processor seconds, peak in MB)"""
    start = time.perf_counter()
    process = subprocess.Popen(
        [program, "batch", manifest, "-o", out, "-q", *options], stdout=subprocess.DEVNULL, cwd=manifest.parent
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def main(program):
    print("| items | options | wall | processor | per item | peak |\n|---|---|---|---|---|---|")

    def row(count, name, figures):
        wall, processor, peak = figures
        print(f"| {count} | {name} | {wall:.1f} s | {processor:.1f} s | {1e3 * processor / count:.1f} ms | {peak:.0f} MB |")

    with tempfile.TemporaryDirectory() as folder:
        room = pathlib.Path(folder)
        zoo = [sys.executable, ROOT / "tests" / "scale" / "make_zoo.py", room, str(COUNTS[-1])]
        subprocess.run(zoo, check=True, stdout=subprocess.DEVNULL)
        lines = (room / "manifest.jsonl").read_text().splitlines(keepends=True)
        for count in COUNTS:
            manifest = room / f"{count}.jsonl"
            manifest.write_text("".join(lines[:count]))
            row(count, "", run(program, manifest, room / str(count)))
        row(count, "again", run(program, manifest, room / str(count)))
        row(count, "--jobs 2", run(program, manifest, room / "jobs", "--jobs", "2"))


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release" / "bin" / "weightlift"))
