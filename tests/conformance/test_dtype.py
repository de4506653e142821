"""`--dtype` against torch: weights, config and logits of models that torch itself converted."""

import json
import zipfile

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


def assert_torch_loads(path, expected):
    """With the dtype and the bits of `expected`, in its order."""
    for mmap in (False, True):
        loaded = torch.load(path, weights_only=True, mmap=mmap)
        assert list(loaded) == list(expected)
        for name, tensor in expected.items():
            assert loaded[name].dtype == tensor.dtype and loaded[name].shape == tensor.shape, name
            assert torch.equal(loaded[name].reshape(-1).view(torch.uint8), tensor.reshape(-1).view(torch.uint8)), name
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("to, file", [("transformers", "pytorch_model.bin"), ("timm", "pytorch_model.bin"),
                                      ("torchvision", "model.pth")])  # fmt: skip
def test_float32_to_half_in_a_torch_file(name, to, file, weightlift, rng, tmp_path):
    model = small() if to != "torchvision" else reference.make_model("resnet18", num_classes=7)
    add_rare_values(model)
    source = reference.save_timm_folder(model, tmp_path / "a")
    weightlift("convert", source, "-o", tmp_path / "out", "--to", to, "--dtype", name, "--weights-format", "bin",
               "--no-verify")  # fmt: skip
    expected = reference.convert(model) if to == "transformers" else model
    expected = expected.to(DTYPES[name]).state_dict()
    torch.save(expected, tmp_path / "expected.pth")
    assert_torch_loads(tmp_path / "out" / "a" / file, torch.load(tmp_path / "expected.pth", weights_only=True))


@pytest.mark.parametrize("options", [[], ["--weights-format", "bin"]])
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_a_change_of_dtype_is_verified(name, options, weightlift, rng, tmp_path):
    source = reference.save_timm_folder(small(), tmp_path / "a")
    weightlift("convert", source, "-o", tmp_path / "out", "--dtype", name, *options)
    result = json.loads(weightlift("verify", source, tmp_path / "out" / "a", "--json").stdout)
    output, = result["verification"]["outputs"]
    assert output["bit_equal_after_rounding"] and not output["bit_equal"]


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
