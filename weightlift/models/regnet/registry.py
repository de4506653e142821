"""timm's RegNets for scripts/make_registry.py.

A network is plain, that is, a RegNet X or Y, if its module tree equals the tree of the RegNet with the
same widths and depths, a squeeze-and-excitation ratio of 0 or 0.25, and all other arguments at their
defaults. Its name does not matter.
"""

import dataclasses
import functools
import unittest.mock

import torchvision.models
from timm.models.regnet import RegNet, RegNetCfg
from timm_networks import class_name, head_reasons, no_weights, norm_reasons, tree

FAMILY = "RegNet"
NETWORK = RegNet

SE_RATIO = 0.25  # of RegNet Y in transformers


def architecture(model):
    """The members of RegNetArchitecture after its name, or None if the network is not plain."""
    if type(model) is not RegNet:
        return None
    cfg = given_cfg(model)
    with no_weights():
        plain = RegNet(plain_cfg(cfg))
    if tree(model) != tree(plain) or group_reasons(model):
        return None
    widths = tuple(first.conv3.conv.out_channels for first in first_blocks(model))
    return "y" if cfg.se_ratio else "x", depths(model), widths, groups_width(model), torchvision_name(model)


def reasons(name, model):
    """What RegNetConfig does not support; empty for networks that do not resemble a RegNet."""
    if type(model) is not RegNet:
        return []
    cfg = given_cfg(model)
    found = []
    if cfg.preact:
        found.append("pre-activation blocks (preact)")
    found += norm_reasons(model)
    if class_name(cfg.act_layer) != "relu":
        found.append(f"other activations (act_layer {class_name(cfg.act_layer)})")
    if cfg.linear_out:
        found.append("no activation after the blocks (linear_out)")
    if not cfg.downsample:
        found.append("first blocks without a shortcut (downsample)")
    elif cfg.downsample == "avg":
        found.append("average-pool shortcuts (downsample 'avg')")
    if cfg.se_ratio not in (0, SE_RATIO):
        found.append(f"other squeeze-and-excitation widths (se_ratio {cfg.se_ratio})")
    if cfg.bottle_ratio != 1:
        found.append(f"blocks of other inner width (bottle_ratio {cfg.bottle_ratio})")
    if cfg.num_features:
        found.append(f"a convolution after the last stage (num_features {cfg.num_features})")
    if cfg.stem_width != RegNetCfg.stem_width:
        found.append(f"other stem (stem_width {cfg.stem_width})")
    return found + group_reasons(model) + head_reasons(model.given)


def given_cfg(model):
    """The RegNetCfg of the constructor, with the arguments that replace its fields."""
    return dataclasses.replace(model.given["cfg"], **model.given["kwargs"])


def plain_cfg(cfg):
    return RegNetCfg(depth=cfg.depth, w0=cfg.w0, wa=cfg.wa, wm=cfg.wm, group_size=cfg.group_size,
                     group_min_ratio=cfg.group_min_ratio, se_ratio=SE_RATIO if cfg.se_ratio else 0.0)


def stages(model):
    return [model.s1, model.s2, model.s3, model.s4]


def depths(model):
    return tuple(len(list(stage.children())) for stage in stages(model))


def first_blocks(model):
    return [stage.b1 for stage in stages(model)]


def grouped_convolutions(model):
    return [getattr(first.conv2, "conv", first.conv2) for first in first_blocks(model)]


def groups_width(model):
    """transformers has one width of groups for all stages. A narrower stage has one group: the maximum fits."""
    return max(convolution.weight.shape[1] for convolution in grouped_convolutions(model))


def group_reasons(model):
    width = groups_width(model)
    if all(c.groups == max(1, c.out_channels // width) for c in grouped_convolutions(model)):
        return []
    return ["stages with groups of different width (group_size)"]


def tensor_shapes(model):
    return sorted(tuple(tensor.shape) for tensor in model.state_dict().values())


@functools.cache
def torchvision_shapes():
    """For each RegNet function of torchvision, its network's shapes of tensors."""
    shapes = {}
    for name in torchvision.models.list_models(include="regnet_*"):
        # torchvision computes the widths from its published parameters with tensors, which need the CPU.
        with unittest.mock.patch.object(torchvision.models.regnet, "_regnet", lambda params, *_: params):
            params = torchvision.models.get_model(name)
        with no_weights():
            shapes[name] = tensor_shapes(torchvision.models.RegNet(params))
    return shapes


def torchvision_name(model):
    """The torchvision function with an equal network. Depths, widths, group widths and SE show in the shapes."""
    names = [name for name, shapes in torchvision_shapes().items() if shapes == tensor_shapes(model)]
    return names[0] if names else ""
