"""torch's own files, as they are and as trainers wrap them, against torch.load and timm."""

import argparse
import collections
import json
import os
import pathlib

import compare
import numpy
import pytest
import reference
import timm
import torch
from safetensors.torch import load_file

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32,
          torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64]  # fmt: skip
WRITERS = {
    "zip": {},
    "legacy": dict(_use_new_zipfile_serialization=False),
    "protocol 3": dict(pickle_protocol=3),
    "protocol 4": dict(pickle_protocol=4),
    "protocol 5": dict(pickle_protocol=5),
}


def inspect(weightlift, path):
    return json.loads(weightlift("inspect", path, "--json").stdout)


def small_model(rng):
    return reference.make_model(
        rng.choice(["resnet18", "resnet26"]), channels=(8, 12, 16, 20), num_classes=rng.randint(2, 9))


def convert(weightlift, path, out):
    weightlift("convert", path, "-o", out, "--name", "converted")
    return out / "converted"


def weights(state_dict):
    """All tensors without their names, which differ between timm and transformers."""
    return sorted((str(t.dtype), tuple(t.shape), t.contiguous().numpy().tobytes()) for t in state_dict.values())


@pytest.mark.parametrize("writer", WRITERS)
def test_state_dicts(writer, weightlift, rng, tmp_path):
    model = small_model(rng)
    path = tmp_path / "model.pth"
    torch.save(model.state_dict(), path, **WRITERS[writer])
    folder = convert(weightlift, path, tmp_path / "out")
    assert weights(load_file(folder / "model.safetensors")) == weights(model.state_dict())
    compare.assert_loads_and_agrees(folder, model, 64)
    assert inspect(weightlift, path)["format"] == ("torch legacy" if writer == "legacy" else "torch zip")


def test_a_folder_with_pytorch_model_bin(weightlift, rng, tmp_path):
    model = small_model(rng)
    timm.models.save_for_hf(model, tmp_path / "in", safe_serialization=False)
    assert (tmp_path / "in/pytorch_model.bin").exists()
    assert not (tmp_path / "in/model.safetensors").exists()
    folder = convert(weightlift, tmp_path / "in", tmp_path / "out")
    assert weights(load_file(folder / "model.safetensors")) == weights(model.state_dict())
    weightlift("verify", tmp_path / "in", folder)


def wrapped(rng, state_dict):
    """As a trainer saves it, in a form drawn afresh."""
    other = {name: t + 1 if t.is_floating_point() else t for name, t in state_dict.items()}
    value = {
        "epoch": rng.randrange(100),
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("a"), names=["a"]),
        "metric": numpy.float64(rng.random()),
        "history": collections.defaultdict(list, loss=[rng.random()]),
        "optimizer": {"state": {0: {"exp_avg": torch.randn(3), "step": 1}}, "param_groups": [{"lr": 0.1}]},
    }
    keys = ["state_dict_ema", "model_ema", "state_dict", "model"]
    chosen = rng.randrange(4)
    for later in keys[chosen + 1:]:
        if rng.random() < 0.5:
            value[later] = dict(other)
    for earlier in keys[:min(chosen, 2)]:
        if rng.random() < 0.5:
            value[earlier] = None
    prefix = rng.choice(["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
    value[keys[chosen]] = collections.OrderedDict((prefix + name, t) for name, t in state_dict.items())
    items = list(value.items())
    rng.shuffle(items)
    return dict(items), keys[chosen]


@pytest.mark.parametrize("case", range(10))
def test_wrappers_as_timm_takes_them(case, weightlift, rng, tmp_path):
    model = small_model(rng)
    value, chosen = wrapped(rng, model.state_dict())
    path = tmp_path / "checkpoint.pth.tar"
    torch.save(value, path, **WRITERS[rng.choice(list(WRITERS))])
    row = inspect(weightlift, path)
    assert row["state_dict"] == chosen
    assert "argparse.Namespace" in row["globals"]
    assert any(item.startswith("optimizer (dict") for item in row["ignored"])
    folder = convert(weightlift, path, tmp_path / "out")
    # timm itself refuses a file with numpy's scalar in it, so it is given one without.
    plain = {k: v for k, v in value.items() if k not in ("metric", "history", "args")}
    torch.save(plain, tmp_path / "plain.pth")
    expected = timm.models.load_state_dict(tmp_path / "plain.pth")
    assert weights(load_file(folder / "model.safetensors")) == weights(expected)


def draw_tensor(rng):
    """Of a dtype, shape and layout drawn afresh; a view of a larger one as often as not."""
    dtype = rng.choice(DTYPES)
    shape = [rng.choice([0, 1, 1, 2, 3, 5]) for _ in range(rng.randrange(5))]
    tensor = (torch.randn(shape) * 100).to(dtype)
    for _ in range(rng.randrange(4)):
        kind = rng.randrange(5)
        if kind == 0 and tensor.dim() > 1:
            tensor = tensor.transpose(rng.randrange(tensor.dim()), rng.randrange(tensor.dim()))
        elif kind == 1 and tensor.dim() > 0 and tensor.shape[0] > 1:
            tensor = tensor[rng.randrange(tensor.shape[0]):]
        elif kind == 2 and tensor.dim() > 0:
            tensor = tensor[..., ::2]
        elif kind == 3:
            tensor = tensor.expand(rng.choice([1, 2, 3]), *tensor.shape)
        elif kind == 4 and tensor.dim() == 4:
            tensor = tensor.to(memory_format=torch.channels_last)
    if tensor.is_floating_point() and rng.random() < 0.2:
        return torch.nn.Parameter(tensor)
    return tensor


@pytest.mark.parametrize("case", range(20))
def test_tensors_of_any_layout(case, weightlift, rng, tmp_path):
    tensors = {f"t{i}": draw_tensor(rng) for i in range(30)}
    path = tmp_path / "tensors.pt"
    torch.save(tensors, path, **WRITERS[rng.choice(list(WRITERS))])
    loaded = torch.load(path, weights_only=False)  # it takes protocols 4 and 5 only so
    got = inspect(weightlift, path)["tensors"]
    assert [t["name"] for t in got] == list(loaded)
    for row, tensor in zip(got, loaded.values()):
        assert row["shape"] == list(tensor.shape)
        assert row["bytes"] == tensor.numel() * tensor.element_size()


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_layouts_of_weights(memory_format, weightlift, rng, tmp_path):
    model = small_model(rng).to(memory_format=memory_format)
    path = tmp_path / "model.pth"
    torch.save(model.state_dict(), path)
    folder = convert(weightlift, path, tmp_path / "out")
    assert weights(load_file(folder / "model.safetensors")) == weights(model.state_dict())


UNREADABLE = {
    "a whole model": (lambda model: model, "save its state_dict() instead"),
    "a tensor": (lambda model: torch.ones(2), "expected a dict of tensors, got a tensor"),
    "a list": (lambda model: [torch.ones(2)], "expected a dict of tensors, got a list of 1"),
    "nothing": (lambda model: {}, "no tensors in the top level"),
    "sparse": (lambda model: {"w": torch.eye(3).to_sparse()}, "a sparse tensor"),
    "quantized": (lambda model: {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, "a quantized tensor"),
    "complex128": (lambda model: {"w": torch.ones(2, dtype=torch.complex128)}, "ComplexDoubleStorage"),
    "negated": (lambda model: {"w": torch.ones(2, dtype=torch.complex64).conj().imag}, "lazy 'neg'"),
    "meta": (lambda model: {"w": torch.ones(2, device="meta")}, "a meta tensor, which has no data"),
    "nested": (lambda model: {"run": {"model": model.state_dict()}}, "no tensors in the top level; found: run.model"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_refuses_unsupported_files(name, weightlift, rng, tmp_path):
    make, reason = UNREADABLE[name]
    path = tmp_path / "model.pth"
    torch.save(make(small_model(rng)), path)
    done = weightlift("convert", path, "-o", tmp_path / "out", check=False)
    assert done.returncode == 3
    assert reason in done.stderr
    assert not list(tmp_path.glob("out/*"))


class Calls:
    """Leaves a file behind wherever it is unpickled by Python."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_runs_nothing(weightlift, rng, tmp_path):
    path = tmp_path / "model.pth"
    model = small_model(rng)
    torch.save({"state_dict": model.state_dict(), "extra": Calls(tmp_path / "ran")}, path)
    row = inspect(weightlift, path)
    assert row["globals"] == ["posix.mkdir"]
    convert(weightlift, path, tmp_path / "out")
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists(), "torch.load without weights_only runs it"


def test_damage_is_found_before_anything_is_published(weightlift, rng, tmp_path):
    path = tmp_path / "model.pth"
    state = small_model(rng).state_dict()
    torch.save(state, path)
    data = bytearray(path.read_bytes())
    at = data.index(state["layer4.0.conv1.weight"].numpy().tobytes())  # elsewhere it may be padding
    data[at] ^= 1
    path.write_bytes(data)
    done = weightlift("convert", path, "-o", tmp_path / "out", check=False)
    assert done.returncode == 3
    assert "CRC-32" in done.stderr
    assert not list(tmp_path.glob("out/*"))


def torch_reads(path):
    """name -> shape, nothing where torch refuses the file."""
    try:
        value = torch.load(path)
    except Exception:  # damaged bytes can raise anything
        return None
    return {k: list(v.shape) for k, v in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize("writer", ["zip", "legacy"])
def test_reads_what_torch_reads(writer, weightlift, rng, tmp_path):
    """Files with a few bytes changed. torch alone refuses some: classes of other names, which are opaque
    here, and records that weightlift does not need."""
    whole = tmp_path / "whole.pth"
    torch.save({"w": torch.randn(3, 2), "n": torch.tensor(1)}, whole, **WRITERS[writer])
    content = whole.read_bytes()
    path = tmp_path / "changed.pth"
    refused = compared = 0
    for _ in range(300):
        data = bytearray(content)
        data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        done = weightlift("inspect", path, "--json", check=False)
        assert done.returncode in (0, 3), done.stderr
        refused += done.returncode == 3
        expected = torch_reads(path)
        if done.returncode == 0 and expected is not None:
            compared += 1
            assert {t["name"]: t["shape"] for t in json.loads(done.stdout)["tensors"]} == expected
    assert refused > 30 and compared > 30
