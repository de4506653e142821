"""Models that are more than a ResNet, built in torch: what converts as a classifier gives the model's own outputs,
and what would not is refused."""

import collections
import json

import pytest
import reference
import torch
from test_any_checkpoint import SMALL, load
from torch import nn
from transformers import ResNetForImageClassification, ResNetModel

CLASSES = 5
WIDTH = SMALL["channels"][-1]


def network(rng, **arguments):
    return reference.make_model("resnet18", **{"num_classes": 0, **SMALL, **arguments})


class Model(nn.Module):
    """A backbone, its features pooled, and `head` on them; subclasses put more around it."""

    def __init__(self, backbone, **modules):
        super().__init__()
        self.backbone = backbone
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.head(self.backbone(x))


class GeM(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([3.0]))

    def forward(self, x):
        return x.clamp(min=1e-6).pow(self.p).mean((2, 3)).pow(1 / self.p)


class WithGeM(Model):
    def forward(self, x):
        return self.head(self.pool(self.backbone.forward_features(x)))


class WithNeck(Model):
    def forward(self, x):
        return self.head(self.neck(self.backbone(x)))


class BehindTheClassifier(Model):
    def forward(self, x):
        return self.classifier(self.backbone(x))


class InFront(Model):
    def forward(self, x):
        return self.backbone(self.adapter(x))


class Temperature(Model):
    def __init__(self, backbone):
        super().__init__(backbone)
        self.temperature = nn.Parameter(torch.tensor([1.7]))

    def forward(self, x):
        return self.backbone(x) / self.temperature


class Normalizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.rand(3, 1, 1))
        self.register_buffer("std", 1 + torch.rand(3, 1, 1))


class Normalized(Model):
    def forward(self, x):
        return self.backbone((x - self.normalizer.mean) / self.normalizer.std)


class Auxiliary(Model):
    """A head on layer3 that only training uses."""

    def forward(self, x):
        return self.backbone(x)


class ArcFace(Model):
    """Scores are cosines: a matrix of a Linear's shape, and no Linear."""

    def forward(self, x):
        features = nn.functional.normalize(self.backbone(x))
        return 30 * nn.functional.linear(features, nn.functional.normalize(self.arcface.weight))


class Ensemble(nn.Module):
    def __init__(self, models):
        super().__init__()
        self.models = nn.ModuleList(models)


def linear(rng, bias=True):
    return nn.Linear(WIDTH, CLASSES, bias=bias)


# Models that convert without a note: the model's outputs are those of the converted one.
SAME = {
    "fc": lambda rng: network(rng, num_classes=CLASSES),
    "head": lambda rng: Model(network(rng), head=linear(rng)),
    "head without bias": lambda rng: Model(network(rng), head=linear(rng, bias=False)),
    "mmpretrain": lambda rng: Model(network(rng), head=named(fc=linear(rng))),
    "dropout": lambda rng: with_fc(network(rng), nn.Sequential(nn.Dropout(0.5), linear(rng))),
    "sequential": lambda rng: nn.Sequential(network(rng), linear(rng)),
    "fc without bias": lambda rng: with_fc(network(rng), linear(rng, bias=False)),
    "children": lambda rng: nn.Sequential(*list(children(network(rng))), nn.Flatten(), linear(rng)),
}


def named(**modules):
    return nn.Sequential(collections.OrderedDict(modules))


def children(model):
    """torchvision's: timm's pooling flattens."""
    for name, child in model.named_children():
        if name not in ("fc", "global_pool"):
            yield child
    yield nn.AdaptiveAvgPool2d(1)


def with_fc(model, fc):
    model.fc = fc
    return model


# Models that compute something else than their ResNet, and the tensors that show it.
OTHER = {
    "classifier behind fc": lambda rng: BehindTheClassifier(network(rng, num_classes=9), classifier=nn.Linear(9, CLASSES)),
    "GeM": lambda rng: WithGeM(network(rng), pool=GeM(), head=linear(rng)),
    "neck": lambda rng: WithNeck(network(rng), neck=nn.BatchNorm1d(WIDTH), head=linear(rng)),
    "adapter": lambda rng: InFront(network(rng, num_classes=CLASSES), adapter=nn.Conv2d(3, 3, 1)),
    "temperature": lambda rng: Temperature(network(rng, num_classes=CLASSES)),
    "normalizer": lambda rng: Normalized(network(rng, num_classes=CLASSES), normalizer=Normalizer()),
    "ArcFace": lambda rng: ArcFace(network(rng), arcface=linear(rng, bias=False)),
    "two layers": lambda rng: Model(network(rng), head=nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), linear(rng))),
}


@torch.no_grad()
def assert_same_outputs(folder, model):
    x = torch.randn(2, 3, 64, 64)
    model, converted = model.double(), load(folder).double()
    torch.testing.assert_close(converted(x.double()).logits, model.eval()(x.double()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", SAME)
def test_same_outputs(kind, weightlift, rng, tmp_path):
    model = SAME[kind](rng)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out")
    assert_same_outputs(tmp_path / "out/model", model)
    done = weightlift("verify", tmp_path / "model.pth", tmp_path / "out/model")
    assert "bit-equal" in done.stdout


@pytest.mark.parametrize("kind", OTHER)
def test_other_outputs_are_refused(kind, weightlift, rng, tmp_path):
    model = OTHER[kind](rng)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    done = weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", check=False)
    assert done.returncode == 3, done.stdout
    assert not list(tmp_path.glob("out/*"))
    weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", "--head", "none")
    folder = load(tmp_path / "out/model", ResNetModel)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = model.backbone.double().forward_features(x.double())
        torch.testing.assert_close(folder.double()(x.double()).last_hidden_state, features, rtol=1e-12, atol=1e-12)


def test_an_auxiliary_head_is_ignored_by_consent(weightlift, rng, tmp_path):
    model = Auxiliary(network(rng, num_classes=CLASSES), aux=nn.Linear(SMALL["channels"][2], CLASSES))
    torch.save(model.state_dict(), tmp_path / "model.pth")
    assert weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", check=False).returncode == 3
    weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", "--ignore", "aux.*")
    assert_same_outputs(tmp_path / "out/model", model)


def test_ensembles(weightlift, rng, tmp_path):
    models = [network(rng, num_classes=CLASSES) for _ in range(3)]
    torch.save(Ensemble(models).state_dict(), tmp_path / "model.pth")
    assert weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / "out", check=False).returncode == 3
    for i, model in enumerate(models):
        weightlift("convert", tmp_path / "model.pth", "-o", tmp_path / str(i), "--weights-key", f"models.{i}")
        assert_same_outputs(tmp_path / str(i) / "model", model)


@pytest.mark.parametrize("meta", [
    {"CLASSES": ["cat", "dog", "emu", "fox", "gnu"]},
    {"dataset_meta": {"classes": ("cat", "dog", "emu", "fox", "gnu"), "palette": None}},
])  # fmt: skip
def test_mmpretrain(meta, weightlift, rng, tmp_path):
    model = Model(network(rng), head=named(fc=linear(rng)))
    value = {"meta": {"mmcls_version": "1.0", "epoch": 3, **meta}, "state_dict": model.state_dict(),
             "optimizer": {"state": {}, "param_groups": []}, "message_hub": {"log_scalars": {}}}  # fmt: skip
    torch.save(value, tmp_path / "epoch_3.pth")
    weightlift("convert", tmp_path / "epoch_3.pth", "-o", tmp_path / "out")
    assert_same_outputs(tmp_path / "out/epoch_3", model)
    loaded = ResNetForImageClassification.from_pretrained(tmp_path / "out/epoch_3")
    assert loaded.config.id2label == dict(enumerate(["cat", "dog", "emu", "fox", "gnu"]))
