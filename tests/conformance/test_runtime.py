"""Logits of our own runtime against torch in float64, on networks and inputs drawn afresh."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
import reference
import torch
from conftest import PROGRAM
from safetensors.torch import save_file

TOOL = pathlib.Path(os.environ.get("WEIGHTLIFT_LOGITS_TOOL", PROGRAM.parent.parent / "tests" / "logits_tool"))


def our_logits(folder, x, mode, threads):
    save_file({"input": x}, folder / "input.safetensors")
    out = folder / "logits"
    subprocess.run([TOOL, folder / "timm" / "model.safetensors", folder / "input.safetensors", out, mode, str(threads)],
                   check=True, timeout=300)
    return torch.from_numpy(np.fromfile(out, dtype="<f4").reshape(len(x), -1)).double()


def distance(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


@torch.no_grad()
@pytest.mark.parametrize("name", [*reference.SIX, "regnetx_004", "regnety_016", "regnety_064"])
def test_is_as_close_to_float64_as_torchs_float32(name, rng, tmp_path):
    """At most twice torch's own distance: a fixed tolerance would prove nothing of deep networks."""
    model = reference.make_model(name)
    reference.save_timm_folder(model, tmp_path / "timm")
    for height, width in [(224, 224), (rng.randrange(97, 200) | 1, rng.randrange(97, 200) | 1)]:
        x = torch.randn(1, 3, height, width)
        exact = model.double()(x.double())
        allowed = 2 * distance(model.float()(x).double(), exact)
        for mode, threads in [("fused", 1), ("fused", 2), ("unfused", 2)]:
            assert distance(our_logits(tmp_path, x, mode, threads), exact) <= allowed, (height, width, mode, threads)
