"""The fixtures of every conformance test: the program, this run's seed, and the reference stack."""

import hashlib
import os
import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
os.environ["HF_HUB_OFFLINE"] = "1"
# Tests run side by side: torch's threads, here and in the processes that tests start, would take the cores from
# each other while they wait. Not weightlift's, which asks for as many as there are cores.
os.environ["OMP_NUM_THREADS"] = "1"
import reference_stack  # noqa: E402,F401

import torch  # noqa: E402
import transformers  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

PROGRAM = pathlib.Path(os.environ.get("WEIGHTLIFT", ROOT / "build" / "release" / "bin" / "weightlift"))
SEED = os.environ.get("WEIGHTLIFT_SEED") or str(random.SystemRandom().getrandbits(32))
RELEASE_CHECK = bool(os.environ.get("WEIGHTLIFT_RELEASE_CHECK"))  # tests that take minutes run too
os.environ["WEIGHTLIFT_SEED"] = SEED  # for pytest-xdist's workers, which draw what the header names


def pytest_report_header():
    return [f"program: {PROGRAM}", f"seed: {SEED} (WEIGHTLIFT_SEED={SEED} draws the same again)"]


def pytest_sessionstart(session):
    if not session.config.option.collectonly and not os.access(PROGRAM, os.X_OK):
        pytest.exit(f"{PROGRAM}: no such program; scripts/conformance builds it", returncode=3)


def seeded(name):
    """A generator of this run's seed and a name; torch's own generator is set with it."""
    rng = random.Random(hashlib.sha256(f"{SEED}/{name}".encode()).digest())
    torch.manual_seed(rng.getrandbits(63))
    return rng


@pytest.fixture
def rng(request):
    return seeded(request.node.nodeid)


@pytest.fixture(scope="session")
def weightlift():
    """Runs the program; with check (the default) an exit code other than 0 fails the test."""

    def run(*arguments, check=True):
        command = [str(PROGRAM), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if check:
            assert done.returncode == 0, f"{' '.join(command)}\nexit {done.returncode}\n{done.stderr}"
        return done

    return run
