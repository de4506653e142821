"""What the module does to the process: imports, threads, signals, fork."""

import logging
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import weightlift as wl
from conftest import PROGRAM, python


def test_import_loads_neither_numpy_nor_the_native_module():
    python(
        """
        import sys
        before = set(sys.modules)
        import weightlift
        assert "load_file" in dir(weightlift)
        loaded = set(sys.modules) - before
        assert not loaded & {"numpy", "json", "logging", "weightlift._core"}, loaded
        weightlift.models("resnet50")
        assert "numpy" not in sys.modules
        """
    )


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'covert'"):
        wl.covert  # noqa: B018


# With 4 threads libgomp keeps threads of its own, for which a child would wait forever.
@pytest.mark.parametrize("work", ["classify", "verify"])
def test_a_child_after_fork_works(digits, work):
    done = python(
        f"""
        import os, signal, sys, weightlift as wl
        def work():
            if {work!r} == "verify":
                assert wl.verify("examples/digits", sys.argv[1], threads=4).verified
            else:
                images = ["examples/digits/images"] * 4
                assert all(r.status == "ok" for r in wl.classify(sys.argv[1], images, threads=4))
        work()
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            work()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        work()
        """,
        digits,
        OMP_NUM_THREADS="4",
    )
    assert done.stderr == ""


def test_worker_processes_of_multiprocessing_work(digits):
    python(
        """
        import multiprocessing, sys, weightlift as wl
        if __name__ == "__main__":
            wl.verify("examples/digits", sys.argv[1])
            with multiprocessing.get_context("fork").Pool(2) as pool:
                results = pool.starmap(wl.verify, [("examples/digits", sys.argv[1])] * 4)
            assert all(result.verified for result in results)
        """,
        digits,
        OMP_NUM_THREADS="4",
    )


def test_ctrl_c_is_a_keyboard_interrupt_and_leaves_nothing(room):
    """Conversions without end, and a signal at any moment: only complete folders stay."""
    code = """
    import itertools, weightlift as wl
    print("begins", flush=True)
    try:
        for i in itertools.count():
            wl.convert("examples/digits", "out", name=f"n{i}")
    except KeyboardInterrupt:
        print("interrupted")
    """
    for _ in range(5):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        # A shell's background jobs ignore the signal, and Python would then not handle it.
        restore = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=restore)
        assert child.stdout.readline() == "begins\n"
        time.sleep(random.uniform(0.05, 0.6))
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == "interrupted\n" and child.returncode == 0
        for folder in pathlib.Path("out").iterdir() if pathlib.Path("out").exists() else []:
            assert sorted(os.listdir(folder)) == ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]
        shutil.rmtree("out", ignore_errors=True)


@pytest.mark.parametrize("last", ["read", "write", "verify"])
def test_an_exception_of_the_callback_stops_the_work_and_leaves_nothing(last):
    class Stop(Exception):
        pass

    def progress(step, done, total):
        if step == last:
            raise Stop

    with pytest.raises(Stop):
        wl.convert("examples/digits", "out", progress=progress)
    assert not pathlib.Path("out").exists() or not os.listdir("out")
    assert wl.convert("examples/digits", "out").status == "converted"


@pytest.mark.parametrize("callback", ["None", "lambda *event: time.sleep(0.2)"])
def test_the_end_of_the_interpreter_stops_daemon_threads(room, callback):
    done = python(
        f"""
        import itertools, os, sys, threading, time, weightlift as wl
        def work():
            for i in itertools.count():
                wl.convert("examples/digits", "out", name=f"n{{i}}", progress={callback})
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        sys.exit(3)
        """,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert not os.path.exists("out") or not [name for name in os.listdir("out") if name.startswith(".")]


def test_every_step_is_complete_before_the_next():
    events = []
    wl.convert("examples/digits", "out", progress=lambda *event: events.append(event))
    last = {step: (done, total) for step, done, total in events if total}
    assert last["write"][0] == last["write"][1]


def test_a_callback_may_be_falsy():
    class Recorder(list):
        def __call__(self, *event):
            self.append(event)

    recorder = Recorder()
    wl.convert("examples/digits", "out", progress=recorder)
    assert recorder


def test_progress_names_steps():
    steps = []
    wl.convert("examples/digits", "out", progress=lambda step, done, total: steps.append((step, done, total)))
    assert {"write", "verify"} <= {step for step, _, _ in steps}
    assert all(done <= total for _, done, total in steps if total)


def test_progress_as_a_bar(capsys, digits):
    wl.classify(digits, ["examples/digits/images"] * 3, progress=True)
    assert re.search(r"classify:.*\d+/30", capsys.readouterr().err)


def test_progress_of_another_kind_is_refused():
    with pytest.raises(wl.UsageError, match="progress: expected a function"):
        wl.convert("examples/digits", "out", progress="yes")


def test_notes_are_logged(caplog):
    caplog.set_level(logging.INFO, logger="weightlift")
    wl.convert("examples/checkpoints/model_best.pth.tar", "out")
    assert ("weightlift", logging.INFO) in {(r.name, r.levelno) for r in caplog.records}
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any("add id2label='FILE'" in text for text in warnings)


def test_other_threads_run_during_native_work(digits):
    ticks = 0
    stop = threading.Event()

    def tick():
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    wl.classify(digits, ["examples/digits/images"] * 20, threads=1)
    took = time.monotonic() - began
    stop.set()
    thread.join()
    assert ticks > min(20, 100 * took)


def test_calls_of_several_threads_overlap(digits):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(wl.verify("examples/digits", digits, threads=1).verified))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_native_work_ends_its_threads(digits):
    done = python(
        """
        import os, sys, weightlift as wl
        before = len(os.listdir("/proc/self/task"))
        wl.classify(sys.argv[1], ["examples/digits/images"], threads=3)
        wl.verify("examples/digits", sys.argv[1], threads=3)
        print(len(os.listdir("/proc/self/task")) - before)
        """,
        digits,
    )
    assert done.stdout == "0\n"


def test_the_package_has_the_program(digits):
    done = subprocess.run([sys.executable, "-m", "weightlift", "--version"], capture_output=True, text=True)
    assert done.stdout == f"weightlift {wl.__version__}\n"
    mine = subprocess.run([sys.executable, "-m", "weightlift", "convert", "examples/digits", "-o", "out"], capture_output=True)
    assert mine.returncode == 0
    for path in digits.iterdir():
        assert (pathlib.Path("out/digits") / path.name).read_bytes() == path.read_bytes()
    native = subprocess.run([PROGRAM, "convert", "--help"], capture_output=True, text=True).stdout
    assert subprocess.run([sys.executable, "-m", "weightlift", "convert", "--help"], capture_output=True, text=True).stdout == native
    failed = subprocess.run([sys.executable, "-m", "weightlift", "inspect", "missing"], capture_output=True)
    assert failed.returncode == 3
