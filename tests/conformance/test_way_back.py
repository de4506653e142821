"""`--to timm`, `--to torchvision`, `--weights-format bin` and `--dtype`: what is written back is what those
programs wrote themselves, and they load it as such."""

import dataclasses
import inspect
import json
import re

import compare
import numpy
import pytest
import reference
import timm
import torch
import torchvision
from safetensors.torch import load_file
from timm.data import resolve_data_config
from timm.models import PretrainedCfg
from transformers import ResNetForImageClassification

NETWORKS = {
    "resnet18": ("resnet18", {}),
    "resnet26": ("resnet26", {}),
    "resnet50": ("resnet50", {}),
    "basic, other widths": ("resnet18", dict(channels=(8, 12, 16, 20), num_classes=5)),
    "bottleneck, other widths": ("resnet26", dict(channels=(8, 12, 16, 20), num_classes=5)),
    "basic, other depths": ("resnet34", dict(layers=(1, 2, 1, 3), channels=(8, 12, 16, 20), num_classes=2)),
    "bottleneck, other depths": ("resnet50", dict(layers=(3, 1, 2, 1), channels=(9, 12, 16, 20), num_classes=1)),
    "basic, one channel": ("resnet18", dict(in_chans=1, channels=(8, 12, 16, 20), num_classes=11)),
    "bottleneck, one channel": ("resnet50", dict(in_chans=1, channels=(8, 12, 16, 20), num_classes=11)),
    "four channels": ("resnet18", dict(in_chans=4, channels=(8, 12, 16, 20), num_classes=3)),
    "other pixels": ("resnet18", dict(channels=(8, 12, 16, 20), num_classes=3, pretrained_cfg_overlay=dict(
        input_size=(3, 96, 96), crop_pct=0.965, interpolation="bilinear", mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3)))),
    "no classes": ("resnet26", dict(channels=(8, 12, 16, 20), num_classes=0)),
}  # fmt: skip


def run(weightlift, source, out, *flags):
    weightlift("convert", source, "-o", out, "--name", "converted", *flags)
    return out / "converted"


def assert_states_only(config, original):
    """The config has only facts that timm knows, that the first config.json also has, and that are true."""
    claims, args = config.pop("pretrained_cfg"), config.pop("model_args")
    size = claims.get("input_size", [0, 224, 224])
    truth = original["pretrained_cfg"] | {"pool_size": [-(-length // 32) for length in size[1:]]}
    assert set(claims) <= {field.name for field in dataclasses.fields(PretrainedCfg)}
    assert claims == {key: truth.get(key) for key in claims}
    assert set(args) <= set(inspect.signature(timm.models.resnet.ResNet).parameters)
    assert args == {key: original["model_args"].get(key) for key in args}
    config.pop("label_names", None)
    if "layers" in args:  # then their architecture is unknown
        config["architecture"] = original["architecture"]
    assert config == {key: original.get(key) for key in config}


@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_timm_and_back(name, weightlift, rng, tmp_path):
    architecture, arguments = NETWORKS[name]
    model = reference.make_model(architecture, **arguments)
    source = reference.save_timm_folder(model, tmp_path / "source")
    folder = run(weightlift, source, tmp_path / "transformers")
    back = run(weightlift, folder, tmp_path / "timm", "--to", "timm")
    compare.assert_same_bytes(back / "model.safetensors", source / "model.safetensors")
    original = timm.create_model(f"local-dir:{source}", pretrained=True).eval()
    loaded = timm.create_model(f"local-dir:{back}", pretrained=True).eval()
    x = torch.randn(2, model.in_chans, 64, 64)
    assert torch.equal(loaded(x), model(x))
    if model.in_chans in (1, 3):  # of others transformers has no image processor, and so nothing to go back from
        assert resolve_data_config(model=loaded) == resolve_data_config(model=original)
    assert_states_only(json.loads((back / "config.json").read_text()),
                       json.loads((source / "config.json").read_text()))


@torch.no_grad()
@pytest.mark.parametrize("source", ["timm", "transformers"])
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101"])
def test_torchvision(name, source, weightlift, rng, tmp_path):
    model = reference.make_model(name, num_classes=7)
    folder = reference.save_timm_folder(model, tmp_path / "source")
    if source == "transformers":
        folder = run(weightlift, folder, tmp_path / "transformers")
    written = run(weightlift, folder, tmp_path / "torchvision", "--to", "torchvision")
    state = torch.load(written / "model.pth", weights_only=True)
    twin = torchvision.models.get_model(name, num_classes=7)
    twin.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(twin.eval()(x), model(x))


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["resnet18", "resnet26"])
def test_bin(architecture, weightlift, rng, tmp_path):
    model = reference.make_model(architecture, channels=(8, 12, 16, 20), num_classes=5)
    source = reference.save_timm_folder(model, tmp_path / "source")
    folder = run(weightlift, source, tmp_path / "a", "--weights-format", "bin")
    again = run(weightlift, source, tmp_path / "b", "--weights-format", "bin")
    compare.assert_same_bytes(again / "pytorch_model.bin", folder / "pytorch_model.bin")
    assert not (folder / "model.safetensors").exists()
    expected = reference.convert(model).state_dict()
    for mmap in (False, True):
        state = torch.load(folder / "pytorch_model.bin", weights_only=True, mmap=mmap)
        assert sorted(state) == sorted(expected)
        assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    compare.assert_loads_and_agrees(folder, model, 64)
    back = run(weightlift, folder, tmp_path / "timm", "--to", "timm", "--weights-format", "bin")
    loaded = timm.create_model(f"local-dir:{back}", pretrained=True).eval()
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(loaded(x), model(x))
    twice = run(weightlift, run(weightlift, back, tmp_path / "c"), tmp_path / "d", "--to", "timm")
    compare.assert_same_bytes(twice / "model.safetensors", source / "model.safetensors")


def standard_normal(shape, seed, sample):
    """weightlift's inputs: splitmix64, then Box and Muller."""
    count = int(numpy.prod(shape))
    golden = 0x9E3779B97F4A7C15
    steps = numpy.arange(1, count + count % 2 + 1, dtype=numpy.uint64)
    z = numpy.uint64((seed * golden + sample) % 2**64) + steps * numpy.uint64(golden)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    uniform = ((z >> numpy.uint64(11)).astype(numpy.float64) + 0.5) * 2.0**-53
    radius, angle = numpy.sqrt(-2 * numpy.log(uniform[::2])), 2 * numpy.pi * uniform[1::2]
    values = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1).reshape(-1)[:count]
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


@torch.no_grad()
@pytest.mark.parametrize("to", ["transformers", "timm"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_dtype_and_what_it_costs(dtype, to, weightlift, rng, tmp_path):
    """The printed cost is that of the rounded weights, on the printed inputs, in Python."""
    samples, seed = 6, rng.randrange(2**40)
    model = reference.make_model(rng.choice(["resnet18", "resnet26"]), channels=(8, 12, 16, 20), num_classes=7)
    source = reference.save_timm_folder(model, tmp_path / "source")
    done = weightlift("convert", source, "-o", tmp_path / "out", "--name", "converted", "--dtype", dtype, "--to", to,
                      "--samples", samples, "--seed", seed)  # fmt: skip
    folder = tmp_path / "out" / "converted"
    torch_dtype = getattr(torch, dtype)
    rounded = timm.create_model(f"local-dir:{source}", pretrained=True).to(torch_dtype)
    expected = (reference.convert(model).to(torch_dtype) if to == "transformers" else rounded).state_dict()
    written = load_file(folder / "model.safetensors")
    assert set(written) == set(expected)
    for name, tensor in expected.items():
        assert written[name].dtype == tensor.dtype and torch.equal(written[name], tensor), name
    if to == "transformers":
        assert json.loads((folder / "config.json").read_text())["dtype"] == dtype
        assert ResNetForImageClassification.from_pretrained(folder).dtype == torch_dtype
    rounded = rounded.float().eval()
    x = torch.cat([standard_normal((1, 3, 224, 224), seed, i) for i in range(samples)])
    a, b = model(x), rounded(x)
    printed = re.search(r"changed them by at most (\S+), (\S+) on average, the same class for (\d+) of (\d+) inputs",
                        done.stdout)  # fmt: skip
    assert float(printed[1]) == pytest.approx((a - b).abs().max().item(), rel=0.02)
    assert float(printed[2]) == pytest.approx((a - b).abs().double().mean().item(), rel=0.02)
    assert int(printed[3]) == (a.argmax(1) == b.argmax(1)).sum().item()
    assert int(printed[4]) == samples
