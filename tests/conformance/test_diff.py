"""`weightlift diff` against torch and numpy."""

import json

import numpy as np
import pytest
import reference
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import ResNetForImageClassification


def diff(weightlift, a, b, exit_code):
    done = weightlift("diff", a, b, "--json", check=False)
    assert done.returncode == exit_code, done.stderr
    (line,) = done.stdout.splitlines()
    row = json.loads(line)
    assert (row["schema"], row["type"], row["source"]) == ("weightlift/1", "diff", str(a))
    assert row["status"] == ("ok" if exit_code == 0 else "different")
    assert row["tensors"] == row["equal_tensors"] + len(row["differences"])
    return row


def numpy_difference(a, b):
    """(max |a - b|, max |a - b| / |b|, number of values that differ) in float64."""
    x, y = (t.to(torch.float64).numpy() for t in (a, b))
    away = x != y
    if not away.any():
        return 0.0, 0.0, 0
    distance = np.abs(x - y)[away]
    with np.errstate(divide="ignore"):
        return distance.max(), (distance / np.abs(y[away])).max(), int(away.sum())


def reported(difference):
    numbers = (difference[key] for key in ("max_abs", "max_rel", "different"))
    return tuple(np.inf if number is None else number for number in numbers)  # JSON has no infinities


@pytest.fixture(params=[("resnet18", {}), ("resnet26", dict(channels=(8, 9, 10, 11), in_chans=1, num_classes=7))],
                ids=lambda param: param[0])
def folders(request, weightlift, rng, tmp_path):
    """The network, its folder of timm, and that folder converted."""
    architecture, arguments = request.param
    model = reference.make_model(architecture, **arguments)
    source = reference.save_timm_folder(model, tmp_path / "source")
    weightlift("convert", source, "-o", tmp_path / "out")
    return model, source, tmp_path / "out" / "source"


def test_equal_whichever_program_wrote_it(folders, weightlift, tmp_path):
    model, source, converted = folders
    tensors = len(model.state_dict())
    reference.convert(model).save_pretrained(tmp_path / "theirs")
    reference.convert(model).save_pretrained(tmp_path / "shards", max_shard_size="50KB")
    torch.save(nn.DataParallel(model).state_dict(), tmp_path / "module.pth")
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, tmp_path / "training.pth.tar")
    assert (tmp_path / "shards" / "model.safetensors.index.json").exists()
    for other in (converted, *(tmp_path / p for p in ("theirs", "shards", "module.pth", "training.pth.tar"))):
        assert diff(weightlift, source, other, 0)["tensors"] == tensors
        assert diff(weightlift, other, converted, 0)["tensors"] == tensors


def test_one_changed_weight(folders, weightlift, rng):
    model, source, converted = folders
    changed = ResNetForImageClassification.from_pretrained(converted)
    before = {k: v.clone() for k, v in changed.state_dict().items()}
    names = [k for k, v in before.items() if v.is_floating_point()]
    name = names[rng.randrange(len(names))]
    flat = changed.state_dict()[name].view(-1)
    flat[rng.randrange(len(flat))] += 0.37
    changed.save_pretrained(converted)
    (found,) = diff(weightlift, source, converted, 4)["differences"]
    assert (found["kind"], found["b"]["name"]) == ("values", name)
    assert reported(found) == numpy_difference(before[name], changed.state_dict()[name])
    assert torch.equal(model.state_dict()[found["a"]["name"]], before[name])


def test_two_trainings(weightlift, rng, tmp_path):
    """Every tensor differs, by what numpy computes."""
    models = [reference.make_model("resnet18", channels=(8, 9, 10, 11), num_classes=3) for _ in range(2)]
    a = reference.save_timm_folder(models[0], tmp_path / "a")
    torch.save(models[1].state_dict(), tmp_path / "b.pth")
    row = diff(weightlift, a, tmp_path / "b.pth", 4)
    one, other = (m.state_dict() for m in models)
    expected = {n: numpy_difference(one[n], other[n]) for n in one if not torch.equal(one[n], other[n])}
    assert {d["a"]["name"]: reported(d) for d in row["differences"]} == expected
    sizes = [d["max_abs"] for d in row["differences"]]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("dtype,spelled", [(torch.float16, "F16"), (torch.bfloat16, "BF16")])
def test_a_rounded_copy(folders, dtype, spelled, weightlift, tmp_path):
    model, source, converted = folders
    half = ResNetForImageClassification.from_pretrained(converted, dtype=dtype)
    half.save_pretrained(tmp_path / "half")
    row = diff(weightlift, source, tmp_path / "half", 4)
    floating = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    assert {d["a"]["name"] for d in row["differences"]} == floating.keys()
    for found in row["differences"]:
        assert (found["kind"], found["b"]["dtype"], found["equal_after_rounding"]) == ("dtype", spelled, True)
        tensor = floating[found["a"]["name"]]
        assert reported(found) == numpy_difference(tensor, tensor.to(dtype))


def test_any_safetensors(weightlift, tmp_path):
    """Networks that are no ResNet: by the names in the file."""
    model = timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=2)
    save_file(model.state_dict(), tmp_path / "a.safetensors")
    other = load_file(tmp_path / "a.safetensors")
    other["norm.weight"] = other["norm.weight"][:-1].clone()
    other["new"] = other.pop("norm.bias")
    torch.save(other, tmp_path / "b.pth")
    assert diff(weightlift, tmp_path / "a.safetensors", tmp_path / "a.safetensors", 0)["tensors"] == len(other)
    found = diff(weightlift, tmp_path / "a.safetensors", tmp_path / "b.pth", 4)["differences"]
    assert {(d["kind"], (d.get("a") or d.get("b"))["name"]) for d in found} == {
        ("shape", "norm.weight"), ("only_in_a", "norm.bias"), ("only_in_b", "new")}
