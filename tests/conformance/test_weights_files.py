"""Which of several weights files of a folder is read: the one that timm, or transformers, reads."""

import json

import pytest
import reference
import torch
from safetensors.torch import save_file
from test_any_checkpoint import SMALL
from timm.models._hub import load_state_dict_from_path
from transformers import ResNetForImageClassification

NAMES = ["model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth", "other.pth.tar"]


def write_files(folder, names, state, key):
    """The same weights in each file, but for one value that tells the files apart."""
    for number, name in enumerate(names):
        tensors = {**state, key: torch.full_like(state[key], number + 1)}
        if name.endswith(".safetensors"):
            save_file(tensors, folder / name, metadata={"format": "pt"})
        else:
            torch.save(tensors, folder / name)


@pytest.mark.parametrize("draw", range(6))
def test_timm_folder(weightlift, rng, tmp_path, draw):
    model = reference.make_model("resnet18", num_classes=5, **SMALL)
    reference.save_timm_folder(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    write_files(tmp_path, names, model.state_dict(), "fc.bias")
    taken = names[int(load_state_dict_from_path(tmp_path)["fc.bias"][0]) - 1]
    seen = json.loads(weightlift("inspect", tmp_path, "--json").stdout)
    assert seen["file"] == str(tmp_path / taken)


@pytest.mark.parametrize("draw", range(6))
def test_transformers_folder(weightlift, rng, tmp_path, draw):
    model = reference.convert(reference.make_model("resnet18", num_classes=5, **SMALL))
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    write_files(tmp_path, names, model.state_dict(), "classifier.1.bias")
    done = weightlift("verify", tmp_path, tmp_path, "--json", check=False)
    try:
        loaded = ResNetForImageClassification.from_pretrained(tmp_path)
    except OSError:
        assert done.returncode == 3
        assert "model.safetensors or pytorch_model.bin not found" in done.stderr
        return
    taken = names[int(loaded.classifier[1].bias[0]) - 1]
    assert json.loads(weightlift("inspect", tmp_path, "--json").stdout)["file"] == str(tmp_path / taken)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", ["3", "03", "3 ", "-3", "x"])
def test_class_ids(weightlift, tmp_path, key):
    """transformers and timm read class ids with int(); texts that only int() reads are refused."""
    model = reference.convert(reference.make_model("resnet18", num_classes=4, **SMALL))
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = {"0": "a", "1": "b", "2": "c", key: "d"}
    config.pop("label2id")
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = weightlift("inspect", tmp_path, "--json", check=False)
    if not key.isdigit():
        assert "id2label: expected a label for each class id" in done.stdout + done.stderr
        return
    labels = ResNetForImageClassification.from_pretrained(tmp_path).config.id2label
    assert json.loads(done.stdout)["labels"] == [labels[i] for i in range(4)]
