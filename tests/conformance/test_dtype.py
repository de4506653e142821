"""`--dtype` against torch: weights, config and logits of models that torch itself converted."""

import compare
import pytest
import reference
import torch

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def small():
    return reference.make_model("resnet26", layers=(1, 1, 1, 1), channels=(8, 9, 10, 11), num_classes=7)


def add_rare_values(model):
    """Denormals, halves between two numbers of a half type, overflow, and both zeros."""
    rare = torch.tensor([6e-8, 3e-8, 5.96e-8, 2049.0, 2051.0, 65519.9, 65520.0, 1e30, -0.0, 0.0, 1.00390625, 1e-40])
    with torch.no_grad():
        model.fc.weight[0, : len(rare)] = rare


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_float32_to_half(name, weightlift, rng, tmp_path):
    model = small()
    add_rare_values(model)
    source = reference.save_timm_folder(model, tmp_path / "a")
    weightlift("convert", source, "-o", tmp_path / "out", "--dtype", name, "--no-verify")
    expected = reference.convert(model).to(DTYPES[name])
    expected.save_pretrained(tmp_path / "expected")
    for file in ("config.json", "model.safetensors"):
        compare.assert_same_bytes(tmp_path / "out" / "a" / file, tmp_path / "expected" / file)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_stays_half_and_is_verified(name, weightlift, rng, tmp_path):
    model = small()
    expected = reference.convert(model).to(DTYPES[name])
    expected.save_pretrained(tmp_path / "expected")
    source = reference.save_timm_folder(model.to(DTYPES[name]), tmp_path / "a")
    assert "logits bit-equal" in weightlift("convert", source, "-o", tmp_path / "out").stdout
    for file in ("config.json", "model.safetensors"):
        compare.assert_same_bytes(tmp_path / "out" / "a" / file, tmp_path / "expected" / file)


def test_half_to_float32(weightlift, rng, tmp_path):
    model = small().to(torch.float16)
    source = reference.save_timm_folder(model, tmp_path / "a")
    weightlift("convert", source, "-o", tmp_path / "out", "--dtype", "float32")
    reference.convert(model.float()).save_pretrained(tmp_path / "expected")
    compare.assert_same_bytes(tmp_path / "out" / "a" / "model.safetensors",
                              tmp_path / "expected" / "model.safetensors")
