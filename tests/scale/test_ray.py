"""examples/scale/ray_convert.py on a Ray of this machine. scripts/release-check ray runs this."""

import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import weightlift as wl

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COUNT = 200
# Two workers, on any machine.
DRIVER = """
import runpy, sys, ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    subprocess.run([sys.executable, ROOT / "tests/scale/make_zoo.py", folder, str(COUNT)], check=True)
    return folder


@contextlib.contextmanager
def running(zoo):
    """The example, with the zoo's checkpoints and one bad line."""
    lines = [json.loads(line) for line in (zoo / "manifest.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**line, "source": str(zoo / line["source"])}) + "\n" for line in lines)
    (zoo / "absolute.jsonl").write_text(text + "{bad\n")
    example = ROOT / "examples/scale/ray_convert.py"
    command = [sys.executable, "-c", DRIVER, example, zoo / "absolute.jsonl", zoo / "out"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        yield driver
    finally:
        driver.kill()  # Ray's processes end with it


def results(driver):
    return (json.loads(line) for line in driver.stdout if line.startswith("{"))


def children(pid):
    """The processes below a process, with their titles."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    title = pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
                    found[int(child)] = title.replace(b"\0", b" ").decode().strip()
                    found |= children(child)
    return found


def temporary(zoo):
    return [name for name in os.listdir(zoo / "out") if name.startswith(".")]


def kill_a_worker(driver):
    """Kills a worker inside a task. Returns what ran below it."""
    for _ in range(1000):
        workers = [pid for pid, title in children(driver.pid).items() if title.startswith("ray::convert")]
        if workers:
            below = children(workers[0])
            os.kill(workers[0], signal.SIGKILL)
            return below
        time.sleep(0.005)
    raise AssertionError("no worker is inside a task")


def test_a_lost_worker_loses_no_conversion_and_a_rerun_converts_nothing(zoo):
    began = time.monotonic()
    with running(zoo) as driver:
        first = results(driver)
        found = [next(first) for _ in range(20)]
        below = kill_a_worker(driver)
        found += first
        assert driver.wait(60) == 1  # of the bad line
    took = time.monotonic() - began
    assert below == {}  # the module works inside the worker
    by_line = {result["line"]: result for result in found}
    assert len(found) == len(by_line) == COUNT + 1
    counts = collections.Counter(result["status"] for result in found)
    assert counts["failed"] == 1 and by_line[COUNT + 1]["error"]["kind"] == "usage"
    assert counts["converted"] + counts["already"] == COUNT, counts
    left = temporary(zoo)

    began = time.monotonic()
    with running(zoo) as driver:
        again = collections.Counter(result["status"] for result in results(driver))
        assert driver.wait(60) == 1
    again_took = time.monotonic() - began
    assert again == {"already": COUNT, "failed": 1}
    folders = sorted(os.listdir(zoo / "out"))
    assert len(folders) == COUNT and temporary(zoo) == []
    for name in folders:
        assert wl.verify(zoo / "zoo" / name, zoo / "out" / name)
    print(f"\nRay: {COUNT} checkpoints in {took:.1f} s, {dict(counts)}; left by the killed worker: {left}; "
          f"again in {again_took:.1f} s")  # fmt: skip
