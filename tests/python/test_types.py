"""The package is typed: mypy accepts it, and what callers write."""

import pathlib
import subprocess
import sys

import weightlift
from conftest import ROOT

GOOD = """
import numpy as np
import weightlift as wl

result: wl.ConversionResult = wl.convert("resnet50.a1_in1k", "out", push_to_hub="me/resnet-50", dtype="float16")
folder: str = result.folder
verification: wl.Verification | None = result.verification
arrays: dict[str, np.ndarray] = wl.load_file("model.pth")
with wl.open("model.pth") as f:
    weight: np.ndarray = f["fc.weight"]
score: float = wl.classify("out", ["a.png", b""])[0].predictions[0].score
try:
    wl.inspect("model.pth")
except wl.NotFoundError as error:
    where: str = error.where
"""


def mypy(*arguments):
    command = [sys.executable, "-m", "mypy", "--cache-dir", ".mypy", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_package_is_typed():
    package = pathlib.Path(weightlift.__file__).parent
    assert (package / "py.typed").exists()
    done = mypy("--strict", str(ROOT / "python" / "weightlift"))
    assert done.returncode == 0, done.stdout


def test_callers_are_checked():
    pathlib.Path("good.py").write_text(GOOD)
    done = mypy("--strict", "good.py")
    assert done.returncode == 0, done.stdout
    pathlib.Path("bad.py").write_text('import weightlift as wl\nwl.convert("a", "out", dtype="float23")\nwl.covert\n')
    done = mypy("bad.py")
    assert "float23" in done.stdout or "Literal" in done.stdout
    assert '"covert"' in done.stdout
