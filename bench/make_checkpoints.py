"""Writes the six ResNets and two RegNets as timm folders with random weights, for the benchmarks.

    python bench/make_checkpoints.py FOLDER"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "conformance")]
import reference_stack  # noqa: E402,F401

import reference  # noqa: E402
import torch  # noqa: E402

torch.manual_seed(0)
for name in [*reference.SIX, "regnety_160", "regnetx_080"]:
    reference.save_timm_folder(reference.make_model(name), pathlib.Path(sys.argv[1]) / name)
