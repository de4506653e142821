"""Writes other_networks.txt: tensor names and shapes of networks that are easily taken for timm's plain
ResNets and are none, as timm (and transformers) build them, with as few blocks as these take.

A network is a line "= NAME", then one line per tensor: the name and its dimensions.

Needs the reference stack: python tests/data/make_other_networks.py
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402,F401

import timm  # noqa: E402
import torch  # noqa: E402
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel  # noqa: E402

LAYERS = dict(layers=(1, 1, 1, 1))
BASIC = dict(LAYERS, channels=(8, 16, 24, 32))
TIMM = {
    "deep stem": ("resnet18d", dict(BASIC, avg_down=False)),
    "avg_down": ("resnet18", dict(BASIC, avg_down=True)),
    "replace_stem_pool": ("resnet18", dict(BASIC, replace_stem_pool=True)),
    "catavgmax": ("resnet18", dict(BASIC, global_pool="catavgmax")),
    "squeeze and excitation": ("seresnet18", BASIC),
    "efficient channel attention": ("resnet18", dict(BASIC, block_args=dict(attn_layer="eca"))),
    "other attention": ("resnet18", dict(BASIC, block_args=dict(attn_layer="cbam"))),
    "groups": ("resnext50_32x4d", LAYERS),
    "wide": ("wide_resnet50_2", LAYERS),
    "block_reduce_first": ("resnet50", dict(LAYERS, block_reduce_first=2)),
    "down_kernel_size": ("resnet50", dict(LAYERS, down_kernel_size=3)),
    "group norm": ("resnet50_gn", LAYERS),
    "ResNetV2": ("resnetv2_50", LAYERS),
    "Res2Net": ("res2net50_26w_4s", LAYERS),
    "selective kernels": ("skresnet18", LAYERS),
    "split attention": ("resnest14d", dict(stem_type="", avg_down=False)),
    "vision transformer": ("vit_tiny_patch16_224", dict(depth=1)),
    "convnext": ("convnext_atto", dict(depths=(1, 1, 1, 1))),
    "vgg": ("vgg11", dict()),
}


def networks():
    for name, (architecture, arguments) in TIMM.items():
        yield name, timm.create_model(architecture, **arguments)
    config = ResNetConfig(hidden_sizes=[8, 16], depths=[1, 1])
    yield "transformers", ResNetForImageClassification(config)
    yield "transformers backbone", ResNetModel(config)


if __name__ == "__main__":
    with torch.device("meta"), open(HERE / "other_networks.txt", "w") as out:
        for name, network in networks():
            print("=", name, file=out)
            for key, tensor in network.state_dict().items():
                print(key, *tensor.shape, file=out)
