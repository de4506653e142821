"""`weightlift inspect` against safetensors and timm."""

import json

import pytest
import reference
import timm
import torch
from safetensors import safe_open

DTYPES = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16"}


def inspect(weightlift, source):
    lines = weightlift("inspect", source, "--json").stdout.splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def expected_tensors(file):
    """name -> (dtype, shape, bytes), as safetensors has them."""
    tensors = {}
    with safe_open(file, framework="pt") as opened:
        for name in opened.keys():
            tensor = opened.get_tensor(name)
            tensors[name] = (DTYPES[tensor.dtype], list(tensor.shape), tensor.numel() * tensor.element_size())
    return tensors


def assert_tensors(row, file):
    got = {t["name"]: (t["dtype"], t["shape"], t["bytes"]) for t in row["tensors"]}
    assert len(got) == len(row["tensors"])
    assert got == expected_tensors(file)


@pytest.mark.parametrize("name", reference.SIX)
def test_the_six(name, weightlift, tmp_path):
    model = timm.create_model(name)
    source = reference.save_timm_folder(model, tmp_path / "source")
    row = inspect(weightlift, source)
    assert_tensors(row, source / "model.safetensors")
    assert row["architecture"] == name
    assert row["parameters"] == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, weightlift, tmp_path):
    model = timm.create_model("resnet26", channels=(8, 9, 10, 11), in_chans=1, num_classes=7).to(dtype)
    source = reference.save_timm_folder(model, tmp_path / "source")
    row = inspect(weightlift, source)
    assert_tensors(row, source / "model.safetensors")
    assert row["architecture"] == "resnet26"
    assert row["parameters"] == sum(p.numel() for p in model.parameters())


def test_labels(weightlift, tmp_path):
    model = timm.create_model("resnet18", channels=(4, 4, 4, 4), num_classes=3)
    names = ["tench", "\u00e9l\u00e8ve", "a \"b\""]
    source = reference.save_timm_folder(model, tmp_path / "source", label_names=names)
    assert inspect(weightlift, source)["labels"] == names


def test_a_converted_folder(weightlift, rng, tmp_path):
    model = reference.make_model("resnet18", channels=(4, 5, 6, 7), num_classes=3)
    folder = tmp_path / "converted"
    reference.convert(model, ["a", "b", "c"]).save_pretrained(folder)
    row = inspect(weightlift, folder)
    assert_tensors(row, folder / "model.safetensors")
    assert row["metadata"] == {"format": "pt"}
    assert row["parameters"] == sum(p.numel() for p in model.parameters())
    assert row["labels"] == ["a", "b", "c"]
