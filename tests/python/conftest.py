"""Fixtures of the module's tests: the native program to compare with, and the stand-in Hub."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("WEIGHTLIFT", str(ROOT / "build" / "release" / "bin" / "weightlift"))
DIGITS = ROOT / "examples" / "digits"
THREE = DIGITS / "images" / "three.png"
sys.path.append(str(ROOT / "tests" / "conformance"))

import standin  # noqa: E402


def pytest_report_header():
    import weightlift

    return [f"module: weightlift {weightlift.__version__} in {pathlib.Path(weightlift.__file__).parent}"]


@pytest.fixture(autouse=True)
def room(tmp_path, monkeypatch):
    """Each test runs in a folder of its own, which has the examples, and talks to no Hub."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def hub(room, monkeypatch):
    hub = standin.Hub(room / "standin")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_alice_write")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield hub
    hub.close()


@pytest.fixture
def digits(room):
    """The converted digits, made by the native program."""
    program("convert", DIGITS, "-o", room / "native", "-q")
    return room / "native" / "digits"


def program(*arguments):
    """Runs the native program. Returns what it prints."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 4), done.stderr
    return done.stdout


def program_json(*arguments):
    """The objects that the native program prints with --json."""
    return [json.loads(line) for line in program(*arguments, "--json").splitlines()]


def python(code, *arguments, check=True, **environment):
    """Runs a program of Python in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})
    if check:
        assert done.returncode == 0, done.stderr
    return done
