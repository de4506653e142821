"""The pytorch_model.bin that weightlift writes, against torch.load, zip tools, timm and transformers."""

import os
import pathlib
import shutil
import subprocess
import zipfile

import compare
import pytest
import reference
import timm
import torch
import transformers
from conftest import PROGRAM
from safetensors.torch import load_file, save_file

TOOL = pathlib.Path(os.environ.get("WEIGHTLIFT_WEIGHTS_TOOL", PROGRAM.parent.parent / "tests" / "weights_tool"))
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32,
          torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64]  # fmt: skip
NAMES = ['a"b', "a\\b", "\x01\n\t\x7f", "é", "\u2028", "😀", "../../etc/x", "n" * 70_000]


def rewrite(source, target):
    done = subprocess.run([TOOL, source, target], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return target


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def assert_torch_loads(path, expected):
    """With equal values in the same order, for every way in which torch reads; other programs find no fault."""
    for mmap in (False, True):
        loaded = torch.load(path, weights_only=True, mmap=mmap)
        assert list(loaded) == list(expected)
        for name, tensor in expected.items():
            assert loaded[name].dtype == tensor.dtype and loaded[name].shape == tensor.shape, name
            assert loaded[name].is_contiguous() and not loaded[name].requires_grad
            assert loaded[name].data_ptr() % 64 == 0 or tensor.numel() == 0 or not mmap, name
            assert torch.equal(raw(loaded[name]), raw(tensor)), name
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tq", path], check=True, stdout=subprocess.DEVNULL)


def test_a_state_dict_keeps_values_and_order(rng, tmp_path):
    model = reference.make_model("resnet18", channels=(8, 12, 16, 20), num_classes=rng.randint(2, 9))
    torch.save(model.state_dict(), tmp_path / "model.pth")
    path = rewrite(tmp_path / "model.pth", tmp_path / "pytorch_model.bin")
    assert_torch_loads(path, model.state_dict())


def test_every_dtype_shape_and_name(rng, tmp_path):
    tensors = {}
    for dtype in DTYPES:
        for shape in [(2, 3), (), (0, 3), (1, 1, 1, 1)]:
            tensors[f"{dtype}{shape}"] = torch.randn(shape).mul(50).to(dtype)
    for name in NAMES:
        tensors[name] = torch.randn(rng.randint(1, 9))
    tensors["view"] = torch.randn(6, 4).t()
    tensors["channels_last"] = torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last)
    items = list(tensors.items())
    rng.shuffle(items)
    torch.save(dict(items), tmp_path / "in.pt")
    path = rewrite(tmp_path / "in.pt", tmp_path / "pytorch_model.bin")
    assert_torch_loads(path, {name: tensor.contiguous() for name, tensor in items})


def test_more_tensors_than_a_pickle_groups(tmp_path):
    tensors = {f"t{i}": torch.tensor(i) for i in range(1001)}
    torch.save(tensors, tmp_path / "in.pt")
    assert_torch_loads(rewrite(tmp_path / "in.pt", tmp_path / "out.bin"), tensors)


def test_sizes_beyond_31_bits(tmp_path):
    tensors = {"a": torch.empty(2**31, 0), "b": torch.empty(0, 2**40 + 1, dtype=torch.int8)}
    torch.save(tensors, tmp_path / "in.pt")
    assert_torch_loads(rewrite(tmp_path / "in.pt", tmp_path / "out.bin"), tensors)


def test_there_and_back_again(tmp_path):
    model = reference.make_model("resnet18", channels=(8, 12, 16, 20))
    torch.save(model.state_dict(), tmp_path / "model.pth")
    first = rewrite(tmp_path / "model.pth", tmp_path / "1.bin")
    safetensors = rewrite(first, tmp_path / "1.safetensors")
    second = rewrite(safetensors, tmp_path / "2.bin")
    again = rewrite(second, tmp_path / "2.safetensors")
    assert again.read_bytes() == safetensors.read_bytes()
    assert rewrite(tmp_path / "model.pth", tmp_path / "3.bin").read_bytes() == first.read_bytes()
    save_file(model.state_dict(), tmp_path / "real.safetensors", metadata={"format": "pt"})
    assert safetensors.read_bytes() == (tmp_path / "real.safetensors").read_bytes()


@pytest.mark.parametrize("form", ["checkpoint_path", "folder"])
def test_timm_loads_it(form, tmp_path):
    model = reference.make_model("resnet18", num_classes=7)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    reference.save_timm_folder(model, tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").unlink()
    path = rewrite(tmp_path / "model.pth", tmp_path / "folder" / "pytorch_model.bin")
    loaded = (timm.create_model("resnet18", num_classes=7, checkpoint_path=str(path))
              if form == "checkpoint_path" else
              timm.create_model(f"local-dir:{tmp_path / 'folder'}", pretrained=True))
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_transformers_loads_it(weightlift, tmp_path):
    model = reference.make_model("resnet18", num_classes=7)
    reference.save_timm_folder(model, tmp_path / "in")
    weightlift("convert", tmp_path / "in", "-o", tmp_path / "out", "--name", "converted")
    folder = tmp_path / "out" / "converted"
    expected = load_file(folder / "model.safetensors")
    rewrite(folder / "model.safetensors", folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    compare.assert_loads_and_agrees(folder, model, 64)
    loaded = transformers.ResNetForImageClassification.from_pretrained(folder).state_dict()
    for name, tensor in expected.items():
        assert torch.equal(loaded[name], tensor), name
