"""The reference pipeline: timm's networks, and their conversion as transformers' own
convert_resnet_to_pytorch.py does it, for every plain network and not for the six alone."""

import dataclasses
import json
import pathlib

import timm
import torch
from timm.data import ImageNetInfo
from timm.models.regnet import RegNet
from timm.models.resnet import Bottleneck
from torch import nn
from transformers import (AutoModelForImageClassification, ConvNextImageProcessor, RegNetConfig, RegNetForImageClassification,
                          ResNetConfig, ResNetForImageClassification)

SIX = ["resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"]
ACTIVATIONS = {"ReLU": "relu", "SiLU": "silu", "GELU": "gelu", "Hardswish": "hardswish"}  # of torch's and timm's classes
RESAMPLE = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def make_model(architecture, **arguments):
    """A timm network whose every tensor matters: a fresh one has zeroed last batch norms, affine terms
    of ones and zeros, and statistics that saw no image. Draws from torch's global generator."""
    return fill(timm.create_model(architecture, zero_init_last=False, **arguments))


def fill(model):
    """The network with values that all matter: affine terms, and statistics of images."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.1)
        model.train()
        for _ in range(2):
            model(torch.randn(4, channels_of(model), 64, 64))
    return model.eval()


def channels_of(model):
    """The channels of a timm network's input: its first tensor is the weight of the first convolution."""
    return next(model.parameters()).shape[1]


def save_timm_folder(model, folder, **model_config):
    """The folder as timm would put it on the Hub. What model_config has under pretrained_cfg is added
    to the written one: timm leaves labels there when a folder is exported again."""
    model_config = dict(model_config)
    claims = model_config.pop("pretrained_cfg", {})
    timm.models.save_for_hf(model, folder, model_config=model_config, safe_serialization=True)
    config = pathlib.Path(folder) / "config.json"
    if claims:
        written = json.loads(config.read_text())
        written["pretrained_cfg"].update(claims)
        config.write_text(json.dumps(written, indent=2))
    return pathlib.Path(folder)


def pretrained_cfg(folder):
    return json.loads((pathlib.Path(folder) / "config.json").read_text())["pretrained_cfg"]


def imagenet_labels():
    return ImageNetInfo("imagenet-1k").label_descriptions()


@dataclasses.dataclass
class Tracker:
    """The operations of a network in the order in which one forward runs them."""

    module: nn.Module
    traced: list = dataclasses.field(default_factory=list)

    def __call__(self, x):
        def hook(module, inputs, outputs):
            if len(list(module.modules())) == 1 or isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
                self.traced.append(module)

        handles = [m.register_forward_hook(hook) for m in self.module.modules()]
        self.module(x)
        for handle in handles:
            handle.remove()
        return self

    @property
    def parametrized(self):
        return [m for m in self.traced if m.state_dict()]


def transfer(src, dest, x):
    """Moves the weights of src into dest, operation by operation."""
    dest_traced = Tracker(dest)(x).parametrized
    src_traced = Tracker(src)(x).parametrized
    assert len(dest_traced) == len(src_traced)
    for dest_module, src_module in zip(dest_traced, src_traced):
        dest_module.load_state_dict(src_module.state_dict())


def naming_of(model, labels):
    """The arguments of a transformers config for the classes. labels: one per class in order, or none."""
    if labels is None:
        return dict(num_labels=model.num_classes)
    return dict(id2label=dict(enumerate(labels)), label2id={v: k for k, v in enumerate(labels)})


def resnet_config(model, labels=None):
    """The ResNetConfig of a plain timm network. labels: one per class in order, or none."""
    stages = [model.layer1, model.layer2, model.layer3, model.layer4]
    bottleneck = isinstance(stages[0][0], Bottleneck)
    return ResNetConfig(
        num_channels=model.in_chans,
        embedding_size=model.bn1.num_features,
        hidden_sizes=[(s[0].bn3 if bottleneck else s[0].bn2).num_features for s in stages],
        depths=[len(s) for s in stages],
        layer_type="bottleneck" if bottleneck else "basic",
        **naming_of(model, labels),
    )


def regnet_config(model, labels=None):
    """The RegNetConfig of a timm RegNet X or Y. Its one width of groups is the largest of the stages."""
    stages = [model.s1, model.s2, model.s3, model.s4]
    convolution = model.s1.b1.conv1
    return RegNetConfig(
        num_channels=channels_of(model),
        embedding_size=model.stem.conv.out_channels,
        hidden_sizes=[stage.b1.conv3.conv.out_channels for stage in stages],
        depths=[len(list(stage.children())) for stage in stages],
        groups_width=max(stage.b1.conv2.conv.weight.shape[1] for stage in stages),
        layer_type="y" if hasattr(model.s1.b1.se, "fc1") else "x",
        hidden_act=ACTIVATIONS[type(convolution.bn.act).__name__],
        **naming_of(model, labels),
    )


def make_converted(model, labels=None):
    """transformers' network of a timm network's sizes, with weights of its own."""
    if isinstance(model, RegNet):
        return RegNetForImageClassification(regnet_config(model, labels)).eval()
    return ResNetForImageClassification(resnet_config(model, labels)).eval()


@torch.no_grad()
def convert(model, labels=None):
    converted = make_converted(model, labels)
    x = torch.randn(1, channels_of(model), 64, 64)
    transfer(model, converted, x)
    assert torch.equal(model(x), converted(x).logits)
    return converted


def load(folder):
    """The folder as transformers loads it, with no tensor missing and none too many."""
    loaded, info = AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    return loaded.eval()


def image_processor(cfg, test=False):
    """The processor that a pretrained_cfg describes, at its test settings if asked for and stated; none
    where there are neither one nor three channels."""
    channels = cfg["input_size"][0]
    if channels not in (1, 3):
        return None
    size = (cfg.get("test_input_size") if test else None) or cfg["input_size"]
    crop_pct = (cfg.get("test_crop_pct") if test else None) or cfg["crop_pct"]
    return ConvNextImageProcessor(
        size={"shortest_edge": size[-1]},
        crop_pct=crop_pct,
        resample=RESAMPLE[cfg["interpolation"]],
        image_mean=list(cfg["mean"]),
        image_std=list(cfg["std"]),
    )


def save_reference_folder(model, source, folder, labels=None):
    """The transformers folder that `source`, the saved timm folder of `model`, should become."""
    folder = pathlib.Path(folder)
    convert(model, labels).save_pretrained(folder)
    processor = image_processor(pretrained_cfg(source))
    if processor is not None:
        processor.save_pretrained(folder)
    return folder
