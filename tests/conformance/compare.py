"""Comparisons that report where two files or networks differ."""

import copy
import difflib
import pathlib

import torch
from transformers import AutoModelForImageClassification


def assert_same_text(got, expected):
    got, expected = pathlib.Path(got), pathlib.Path(expected)
    if got.read_bytes() == expected.read_bytes():
        return
    lines = difflib.unified_diff(
        expected.read_text().splitlines(), got.read_text().splitlines(), "expected", "got", lineterm="", n=1)
    shown = list(lines)[:40] or ["equal lines, other bytes: a final newline?"]
    raise AssertionError(f"{got}:\n" + "\n".join(shown))


def assert_same_bytes(got, expected):
    got, expected = pathlib.Path(got), pathlib.Path(expected)
    ours, theirs = got.read_bytes(), expected.read_bytes()
    if ours == theirs:
        return
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    raise AssertionError(f"{got}: {len(ours)} bytes, expected {len(theirs)}; first difference at {at}")


def assert_same_folder(got, expected):
    """Config, weights and image processor byte for byte; the only other file is a README."""
    got, expected = pathlib.Path(got), pathlib.Path(expected)
    names = {p.name for p in expected.iterdir()}
    assert {p.name for p in got.iterdir()} == names | {"README.md"}
    for name in sorted(names - {"model.safetensors"}):
        assert_same_text(got / name, expected / name)
    assert_same_bytes(got / "model.safetensors", expected / "model.safetensors")


@torch.no_grad()
def assert_loads_and_agrees(folder, model, size):
    """transformers finds every tensor and none too many, and computes what timm does, bit for bit."""
    loaded, info = AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    # Mapped tensors are wherever the file has them, and torch's matrix products add up in another order
    # where memory is not aligned: the last bits of the logits would differ. A copy is aligned.
    loaded = copy.deepcopy(loaded)
    x = torch.randn(1, loaded.config.num_channels, size, size)
    # A copy, whose tensors are aligned as the model's: torch's sums depend on it.
    assert torch.equal(copy.deepcopy(loaded).eval()(x).logits, model(x))
