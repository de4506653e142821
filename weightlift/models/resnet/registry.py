"""timm's ResNets for scripts/make_registry.py.

A network is plain if its module tree equals the tree of the ResNet with the same blocks and depths,
and all other arguments at their defaults. Its name does not matter.
"""

import torch
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from timm.models.resnetv2 import ResNetV2
from timm_networks import NORMS, class_name, head_reasons, no_weights, norm_reasons, tree

FAMILY = "ResNet"
NETWORK = ResNet

ATTENTION = {
    "se": "squeeze-and-excitation blocks",
    "SEModule": "squeeze-and-excitation blocks",
    "eca": "efficient channel attention",
}


def architecture(model):
    """The members of ResNetArchitecture after its name, or None if the network is not plain."""
    if type(model) is not ResNet or model.given["block"] not in (BasicBlock, Bottleneck):
        return None
    with no_weights():
        plain = ResNet(model.given["block"], model.given["layers"])
    if tree(model) != tree(plain):
        return None
    return "basic" if model.given["block"] is BasicBlock else "bottleneck", tuple(model.given["layers"])


def reasons(name, model):
    """What ResNetConfig does not support; empty for networks that do not resemble a ResNet."""
    if type(model) is ResNetV2:
        return ["pre-activation blocks (ResNetV2)"] + norm_reasons(model)
    return resnet_reasons(name, model.given) if type(model) is ResNet else []


def attention_reasons(block_args):
    layer = (block_args or {}).get("attn_layer")
    if layer is None:
        return []
    return [ATTENTION.get(class_name(layer), f"attention blocks ({class_name(layer)})")]


def width_reasons(given):
    if given["cardinality"] != 1:
        return [f"grouped convolutions (cardinality {given['cardinality']}, base width {given['base_width']})"]
    if given["base_width"] != 64:
        width = "wide" if given["base_width"] > 64 else "narrow"
        return [f"{width} bottlenecks (base_width {given['base_width']})"]
    return []


def resnet_reasons(name, given):
    found = []
    if isinstance(given["block"], (list, tuple)):
        found.append("basic and bottleneck blocks mixed")
    elif given["block"] not in (BasicBlock, Bottleneck):
        found.append(f"other blocks ({given['block'].__name__})")
    if given["stem_type"]:
        found.append(f"deep stem (stem_type '{given['stem_type']}')")
    if given["replace_stem_pool"]:
        found.append("a convolution in place of the stem's pooling (replace_stem_pool)")
    if given["avg_down"]:
        found.append("average-pool shortcuts (avg_down)")
    found += attention_reasons(given["block_args"])
    found += width_reasons(given)
    if given["block_reduce_first"] != 1:
        found.append(f"narrow first convolutions (block_reduce_first {given['block_reduce_first']})")
    if given["down_kernel_size"] != 1:
        size = given["down_kernel_size"]
        found.append(f"{size}x{size} shortcut convolutions (down_kernel_size {size})")
    if given["aa_layer"] is not None:
        found.append(f"anti-aliased pooling (aa_layer {class_name(given['aa_layer'])})")
    norm = class_name(given["norm_layer"])
    if norm != "BatchNorm2d":
        found.append(NORMS.get(norm, norm))
    if given["act_layer"] is not torch.nn.ReLU:
        found.append(f"other activations (act_layer {class_name(given['act_layer'])})")
    found += head_reasons(given)
    if name.endswith("_pruned"):
        found.append("pruned channels")
    return found
