"""Checkpoints as people have them, written by the programs that write them, or by hand with their names where
those are no packages: what transformers loads of the converted folder is the trained network, bit for bit."""

import argparse
import collections
import copy
import json
import pathlib

import numpy
import pytest
import reference
import timm
import torch
import torchvision
from timm.utils import CheckpointSaver, ModelEmaV3
from torch import nn
from torch.optim.swa_utils import AveragedModel
from transformers import ResNetForImageClassification, ResNetModel

SMALL = dict(channels=(8, 12, 16, 20), layers=(1, 2, 1, 1))


def small(rng, **arguments):
    return reference.make_model(rng.choice(["resnet18", "resnet26"]), **{"num_classes": 5, **SMALL, **arguments})


def another(model):
    """The same network with other weights."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    return other


def assert_same_state(got, expected):
    assert list(got) == list(expected)
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype and got[name].shape == tensor.shape, name
        assert torch.equal(got[name], tensor), name


def convert(weightlift, path, out, *flags):
    weightlift("convert", path, "-o", out, "--name", "converted", *flags)
    return out / "converted"


def load(folder, kind=ResNetForImageClassification):
    loaded, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    return loaded.eval()


def assert_converts(weightlift, path, tmp_path, expected, *flags):
    folder = convert(weightlift, path, tmp_path / "out", *flags)
    assert_same_state(load(folder).state_dict(), expected)
    return folder


@torch.no_grad()
def assert_backbone(weightlift, path, tmp_path, model, *flags):
    """Without a head: a ResNetModel of the same weights that computes what timm's features are."""
    folder = convert(weightlift, path, tmp_path / "out", "--head", "none", *flags)
    loaded = load(folder, ResNetModel)
    expected = reference.convert(model).resnet
    assert_same_state(loaded.state_dict(), expected.state_dict())
    loaded = copy.deepcopy(loaded)  # aligned, so that both add up in one order
    x = torch.randn(2, model.in_chans, 64, 64)
    assert torch.equal(loaded(x).last_hidden_state, model.forward_features(x))


def prefixed(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


WRAPPED = {
    "DataParallel": nn.DataParallel,
    "compile": torch.compile,
    "AveragedModel": AveragedModel,
    "AveragedModel of DataParallel": lambda model: AveragedModel(nn.DataParallel(model)),
    "DataParallel of compile": lambda model: nn.DataParallel(torch.compile(model)),
    "compile of DataParallel": lambda model: torch.compile(nn.DataParallel(model)),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped_modules(name, weightlift, rng, tmp_path):
    model = small(rng)
    torch.save(WRAPPED[name](model).state_dict(), tmp_path / "model.pth")
    assert_converts(weightlift, tmp_path / "model.pth", tmp_path, reference.convert(model).state_dict())


def trained(model, optimizer):
    """One step, for the state that the optimizer then has."""
    model(torch.randn(2, model.in_chans, 64, 64)).sum().backward()
    optimizer.step()
    model.eval()
    return optimizer


@pytest.mark.parametrize("ema", [True, False])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)])
def test_timm_training_checkpoint(optimizer, ema, weightlift, rng, tmp_path):
    model = small(rng)
    optimizer = trained(model, optimizer(model.parameters()))
    average = ModelEmaV3(another(model)) if ema else None
    args = argparse.Namespace(model="resnet18", lr=0.1, output=pathlib.Path("a/b"), mean=(0.5, 0.5, 0.5), log=None)
    saver = CheckpointSaver(model, optimizer, args=args, model_ema=average, checkpoint_dir=str(tmp_path))
    saver.save_checkpoint(3, metric=numpy.float64(77.7))
    saver.save_checkpoint(4, metric=numpy.float64(76.5))
    expected = reference.convert(average.module if ema else model).state_dict()
    for name in ("checkpoint-3.pth.tar", "model_best.pth.tar", "last.pth.tar"):
        assert_converts(weightlift, tmp_path / name, tmp_path, expected, "--force")


@pytest.mark.parametrize("prefix", ["model.", "net.", "backbone.", "model.backbone.", "model._orig_mod."])
def test_lightning(prefix, weightlift, rng, tmp_path):
    model = small(rng)
    optimizer = trained(model, torch.optim.AdamW(model.parameters()))
    tensors = prefixed(prefix, model.state_dict())
    value = {
        "epoch": 9, "global_step": 1000, "pytorch-lightning_version": "2.5.0",
        "state_dict": collections.OrderedDict(tensors, **{"criterion.weight": torch.ones(5)}),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 10}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {
            "best_model_score": torch.tensor(0.5), "best_k_models": {"/a/b.ckpt": torch.tensor(0.5)},
            "dirpath": pathlib.Path("/a")}},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [{"last_epoch": 10}],
        "hparams_name": "kwargs", "hyper_parameters": {"lr": 0.1, "args": argparse.Namespace(a=1)},
    }  # fmt: skip
    torch.save(value, tmp_path / "epoch=9-step=1000.ckpt")
    assert_converts(weightlift, tmp_path / "epoch=9-step=1000.ckpt", tmp_path, reference.convert(model).state_dict())


class MoCo(nn.Module):
    """The names of facebookresearch/moco: v1 has one linear layer behind the features, v2 has two."""

    def __init__(self, model, version):
        super().__init__()
        width = model.num_features
        fc = nn.Linear(width, 6) if version == 1 else nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 6))
        self.encoder_q, self.encoder_k = another(model), another(another(model))
        self.encoder_q.load_state_dict(model.state_dict())
        self.encoder_q.fc, self.encoder_k.fc = fc, copy.deepcopy(fc)
        self.register_buffer("queue", torch.randn(6, 64))
        self.register_buffer("queue_ptr", torch.zeros(1, dtype=torch.long))


class MoCo3(nn.Module):
    """The names of facebookresearch/moco-v3."""

    def __init__(self, model):
        super().__init__()
        self.base_encoder, self.momentum_encoder = copy.deepcopy(model), another(model)
        for encoder in (self.base_encoder, self.momentum_encoder):
            encoder.fc = self.mlp([model.num_features, 16, 8])
        self.predictor = self.mlp([8, 16, 8])

    @staticmethod
    def mlp(sizes):
        layers = []
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            last = i == len(sizes) - 2
            layers += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b, affine=not last)] + [nn.ReLU()] * (not last)
        return nn.Sequential(*layers)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_moco(version, weightlift, rng, tmp_path):
    model = small(rng)
    moco = MoCo3(model) if version == 3 else MoCo(model, version)
    optimizer = torch.optim.SGD(moco.parameters(), lr=0.1, momentum=0.9)
    value = {"epoch": 200, "arch": "resnet50", "state_dict": nn.DataParallel(moco).state_dict(),
             "optimizer": optimizer.state_dict()}  # fmt: skip
    torch.save(value, tmp_path / "moco.pth.tar")
    done = weightlift("convert", tmp_path / "moco.pth.tar", "-o", tmp_path / "out", check=False)
    assert done.returncode == 3 and "--head none converts only the backbone" in done.stderr
    assert "a projection head for training" in done.stderr
    assert_backbone(weightlift, tmp_path / "moco.pth.tar", tmp_path, model)
    key = ["encoder_k", "encoder_k", "momentum_encoder"][version - 1]
    kept = (moco.momentum_encoder if version == 3 else moco.encoder_k)
    kept.fc = nn.Linear(model.num_features, 5)
    assert_backbone(weightlift, tmp_path / "moco.pth.tar", tmp_path / "key", kept,
                    "--weights-key", f"state_dict.module.{key}")


@pytest.mark.parametrize("teacher_prefix", ["module.backbone.", "backbone."])
def test_dino(teacher_prefix, weightlift, rng, tmp_path):
    """Its full checkpoint: the backbone has no fc, and what is evaluated is the teacher."""
    model = small(rng, num_classes=0)
    head = {"head.mlp.0.weight": torch.randn(16, 20), "head.mlp.0.bias": torch.randn(16),
            "head.last_layer.weight_g": torch.ones(8, 1), "head.last_layer.weight_v": torch.randn(8, 16)}  # fmt: skip
    backbone = model.state_dict()
    student = prefixed("module.backbone.", another(model).state_dict()) | prefixed("module.", head)
    teacher = prefixed(teacher_prefix, backbone) | prefixed(teacher_prefix.removesuffix("backbone."), head)
    torch.save({"student": student, "teacher": teacher, "epoch": 800, "args": argparse.Namespace(arch="resnet50"),
                "optimizer": trained(model, torch.optim.AdamW(model.parameters())).state_dict() | {"x": None},
                "dino_loss": {"center": torch.zeros(1, 8)}}, tmp_path / "full.pth")  # fmt: skip
    model.load_state_dict({k.removeprefix(teacher_prefix): v for k, v in torch.load(
        tmp_path / "full.pth", weights_only=False)["teacher"].items() if k.startswith(teacher_prefix)})
    assert_backbone(weightlift, tmp_path / "full.pth", tmp_path, model)


def torchvision_twins(name, rng, num_classes=7):
    """torchvision's network with weights that all matter, and timm's with the same."""
    model = reference.make_model(name, num_classes=num_classes)
    twin = torchvision.models.get_model(name, num_classes=num_classes)
    twin.load_state_dict(model.state_dict())
    return model, twin.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvision(name, weightlift, rng, tmp_path):
    model, twin = torchvision_twins(name, rng)
    torch.save(twin.state_dict(), tmp_path / f"{name}-0123abcd.pth")
    folder = assert_converts(weightlift, tmp_path / f"{name}-0123abcd.pth", tmp_path, reference.convert(model).state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(copy.deepcopy(load(folder))(x).logits, twin(x))


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.encoder."])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvision_children(name, prefix, weightlift, rng, tmp_path):
    model, twin = torchvision_twins(name, rng)
    children = nn.Sequential(*list(twin.children())[:-1])
    torch.save(prefixed(prefix, children.state_dict()), tmp_path / "backbone.pt")
    assert_backbone(weightlift, tmp_path / "backbone.pt", tmp_path, model)


HEADS = {
    "two layers": lambda width: nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 5)),
    "batch norm": lambda width: nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, 5)),
}


@pytest.mark.parametrize("head", HEADS)
def test_other_heads(head, weightlift, rng, tmp_path):
    model = small(rng)
    model.fc = HEADS[head](model.num_features)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    done = weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", check=False)
    assert done.returncode == 3
    assert "expected one linear layer as the classifier (fc.weight, fc.bias), got fc." in done.stderr
    assert "--head none converts only the backbone" in done.stderr
    assert not list(tmp_path.glob("out/*"))
    model.reset_classifier(5)
    assert_backbone(weightlift, tmp_path / "model.pth", tmp_path, model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype, weightlift, rng, tmp_path):
    model = small(rng)
    expected = reference.convert(model).to(dtype).state_dict()
    torch.save(model.to(dtype).state_dict(), tmp_path / "model.pth")
    folder = assert_converts(weightlift, tmp_path / "model.pth", tmp_path, expected)
    assert json.loads((folder / "config.json").read_text())["dtype"] == str(dtype).removeprefix("torch.")


WRITERS = {
    "zip": {},
    "legacy": dict(_use_new_zipfile_serialization=False),
    "protocol 3": dict(pickle_protocol=3),
    "protocol 4": dict(pickle_protocol=4),
    "protocol 5": dict(pickle_protocol=5),
    "legacy, protocol 3": dict(_use_new_zipfile_serialization=False, pickle_protocol=3),
    "legacy, protocol 5": dict(_use_new_zipfile_serialization=False, pickle_protocol=5),
}


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("writer", WRITERS)
def test_writers_and_layouts(writer, memory_format, weightlift, rng, tmp_path):
    model = small(rng)
    expected = reference.convert(model).state_dict()
    value = {"state_dict": nn.DataParallel(model.to(memory_format=memory_format)).state_dict(), "epoch": 1}
    torch.save(value, tmp_path / "model.pth", **WRITERS[writer])
    assert_converts(weightlift, tmp_path / "model.pth", tmp_path, expected)


def save_bin_shards(state, folder, count):
    """As transformers 4 wrote them; 5 reads them still and writes none."""
    names = list(state)
    weight_map = {}
    for i in range(count):
        file = f"pytorch_model-{i + 1:05d}-of-{count:05d}.bin"
        part = names[i * len(names) // count:(i + 1) * len(names) // count]
        torch.save({name: state[name] for name in part}, folder / file)
        weight_map |= dict.fromkeys(part, file)
    size = sum(t.numel() * t.element_size() for t in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_shards(form, weightlift, rng, tmp_path):
    """A sharded folder becomes a whole one, as transformers loads it, and goes back to timm; so does its index
    given as a file."""
    model = small(rng)
    converted = reference.convert(model)
    folder = tmp_path / "in"
    if form == "safetensors":
        converted.save_pretrained(folder, max_shard_size="40KB")
    else:
        converted.save_pretrained(folder)
        (folder / "model.safetensors").unlink()
        save_bin_shards(converted.state_dict(), folder, 3)
    index, = folder.glob("*.index.json")
    assert len(set(json.loads(index.read_text())["weight_map"].values())) > 2
    expected = load(folder).state_dict()
    assert_same_state(expected, converted.state_dict())
    assert_converts(weightlift, folder, tmp_path, expected)
    assert_converts(weightlift, index, tmp_path / "index", expected)
    back = convert(weightlift, folder, tmp_path / "back", "--to", "timm")
    assert_same_state(timm.create_model(f"local-dir:{back}", pretrained=True).state_dict(), model.state_dict())


def config_of_2022(config):
    """The keys that the published microsoft/resnet-* have, written by transformers 4.18.0.dev0."""
    keys = ["architectures", "depths", "downsample_in_first_stage", "embedding_size", "hidden_act", "hidden_sizes",
            "id2label", "label2id", "layer_type", "model_type", "num_channels"]  # fmt: skip
    value = {key: config[key] for key in keys} | {"torch_dtype": "float32", "transformers_version": "4.18.0.dev0"}
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("writer", ["zip", "legacy"])
def test_folder_of_2022(writer, weightlift, rng, tmp_path):
    model = small(rng)
    converted = reference.convert(model, labels=["a", "b", "c", "d", "e"])
    folder = tmp_path / "in"
    converted.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(converted.state_dict(), folder / "pytorch_model.bin", **WRITERS[writer])
    new = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(config_of_2022(new))
    out = assert_converts(weightlift, folder, tmp_path, converted.state_dict())
    assert json.loads((out / "config.json").read_text()) == new
    back = convert(weightlift, folder, tmp_path / "back", "--to", "timm")
    assert_same_state(timm.create_model(f"local-dir:{back}", pretrained=True).state_dict(), model.state_dict())


COUNTERS = {
    "missing": lambda t: None,
    "with a dimension": lambda t: t.reshape(1),
    "float": lambda t: t.float(),
    "float with a dimension": lambda t: t.double().reshape(1),
}


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("form", COUNTERS)
def test_counters(form, wrapped, weightlift, rng, tmp_path):
    """As torch loads them: a module takes each of these forms for its scalar of int64."""
    model = small(rng)
    state = {}
    for name, tensor in model.state_dict().items():
        value = COUNTERS[form](tensor) if name.endswith("num_batches_tracked") else tensor
        if value is not None:
            state[name] = value
    if form == "missing":
        for name, buffer in model.named_buffers():
            if name.endswith("num_batches_tracked"):
                buffer.zero_()
    loaded = another(model)
    with torch.no_grad():
        for name, buffer in loaded.named_buffers():
            if name.endswith("num_batches_tracked"):
                buffer.zero_()
    loaded.load_state_dict(state)
    assert_same_state(loaded.state_dict(), model.state_dict())
    torch.save({"state_dict": prefixed("module.", state)} if wrapped else state, tmp_path / "model.pth")
    assert_converts(weightlift, tmp_path / "model.pth", tmp_path, reference.convert(model).state_dict())
