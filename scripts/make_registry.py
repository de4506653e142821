#!/usr/bin/env python3
"""Writes weightlift/models/registry_data.cpp from timm itself.

    .venv-conformance/bin/python scripts/make_registry.py

Builds every architecture on torch's meta device, without allocations and downloads. An architecture
is plain if its module tree equals the tree of the ResNet with the same blocks and depths, and all
other arguments at their defaults. Its name does not matter.
"""

import argparse
import functools
import inspect
import json
import pathlib
import re
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import reference_stack  # noqa: E402,F401

import timm  # noqa: E402
import torch  # noqa: E402
from timm.models import _registry as timm_registry  # noqa: E402
from timm.models.resnet import BasicBlock, Bottleneck, ResNet  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "weightlift" / "models" / "registry_data.cpp"

# Modules of timm whose networks count as ResNets. In other modules the name decides.
FAMILY_MODULES = {"resnet", "resnetv2", "resnest", "res2net", "sknet", "senet", "regnet", "rexnet", "tresnet"}
FAMILY_NAME = re.compile(r"resne|regnet")

ATTENTION = {
    "se": "squeeze-and-excitation blocks",
    "SEModule": "squeeze-and-excitation blocks",
    "eca": "efficient channel attention",
}
NORMS = {
    "groupnorm": "group norm",
    "GroupNormAct": "group norm",
    "EvoNorm2dS0": "evonorm",
    "FilterResponseNormTlu2d": "filter response norm",
}


def build(name):
    """The architecture without weights, and the arguments of ResNet's constructor if it is a ResNet."""
    given = {}
    constructor = ResNet.__init__

    def record(self, *args, **kwargs):
        bound = inspect.signature(constructor).bind(self, *args, **kwargs)
        bound.apply_defaults()
        given.update(bound.arguments)
        constructor(self, *args, **kwargs)

    ResNet.__init__ = record
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = timm.create_model(name)
    finally:
        ResNet.__init__ = constructor
    given.pop("self", None)
    return model, given


def tree(model):
    """All modules with their classes and arguments, all tensors with their shapes."""
    modules = [(path, type(m).__qualname__, m.extra_repr()) for path, m in model.named_modules()]
    tensors = [(path, tuple(t.shape)) for path, t in model.state_dict().items()]
    return modules, tensors


def is_plain(model, given):
    if type(model) is not ResNet or given["block"] not in (BasicBlock, Bottleneck):
        return False
    with torch.device("meta"):
        plain = ResNet(given["block"], given["layers"])
    return tree(model) == tree(plain)


def class_name(layer):
    """The name of a layer: of a class, of timm's name for one, or of a class with bound arguments."""
    if isinstance(layer, functools.partial):
        layer = layer.func
    return layer if isinstance(layer, str) else layer.__name__


def attention_reason(block_args):
    layer = (block_args or {}).get("attn_layer")
    if layer is None:
        return []
    return [ATTENTION.get(class_name(layer), f"attention blocks ({class_name(layer)})")]


def width_reason(given):
    if given["cardinality"] != 1:
        return [f"grouped convolutions (cardinality {given['cardinality']}, base width {given['base_width']})"]
    if given["base_width"] != 64:
        return [f"wide bottlenecks (base_width {given['base_width']})"]
    return []


def resnet_reasons(name, given):
    """The arguments of a timm ResNet that ResNetConfig does not support."""
    reasons = []
    if isinstance(given["block"], (list, tuple)):
        reasons.append("basic and bottleneck blocks mixed")
    elif given["block"] not in (BasicBlock, Bottleneck):
        reasons.append(f"other blocks ({given['block'].__name__})")
    if given["stem_type"]:
        reasons.append(f"deep stem (stem_type '{given['stem_type']}')")
    if given["replace_stem_pool"]:
        reasons.append("a convolution in place of the stem's pooling (replace_stem_pool)")
    if given["avg_down"]:
        reasons.append("average-pool shortcuts (avg_down)")
    reasons += attention_reason(given["block_args"])
    reasons += width_reason(given)
    if given["block_reduce_first"] != 1:
        reasons.append(f"narrow first convolutions (block_reduce_first {given['block_reduce_first']})")
    if given["down_kernel_size"] != 1:
        size = given["down_kernel_size"]
        reasons.append(f"{size}x{size} shortcut convolutions (down_kernel_size {size})")
    if given["aa_layer"] is not None:
        reasons.append(f"anti-aliased pooling (aa_layer {class_name(given['aa_layer'])})")
    norm = class_name(given["norm_layer"])
    if norm != "BatchNorm2d":
        reasons.append(NORMS.get(norm, norm))
    if given["act_layer"] is not torch.nn.ReLU:
        reasons.append(f"other activations (act_layer {class_name(given['act_layer'])})")
    if given["output_stride"] != 32:
        reasons.append(f"dilated stages (output_stride {given['output_stride']})")
    if given["global_pool"] not in ("avg", "fast", "fastavg"):
        reasons.append(f"other pooling (global_pool '{given['global_pool']}')")
    if name.endswith("_pruned"):
        reasons.append("pruned channels")
    return reasons


def resnetv2_reasons(model):
    norms = {type(m).__name__ for m in model.modules() if "Norm" in type(m).__name__ or "Evo" in type(m).__name__}
    norms -= {"BatchNormAct2d"}
    return ["pre-activation blocks (ResNetV2)"] + [NORMS.get(n, n) for n in sorted(norms)]


def family_name(model, given):
    """The class of a network outside resnet.py; if it reuses ResNet, the class of its blocks."""
    return f"{given['block'].__name__} blocks" if type(model) is ResNet else type(model).__name__


def reason(name, module, model, given):
    if module == "resnet":
        reasons = resnet_reasons(name, given)
        if not reasons:
            sys.exit(f"{name}: not plain, for an unknown reason: {given}")
        return ", ".join(reasons)
    if module == "resnetv2":
        return ", ".join(resnetv2_reasons(model))
    return f"not a plain ResNet: {family_name(model, given)}"


def is_resnet_like(name):
    return timm_registry._model_to_module[name] in FAMILY_MODULES or FAMILY_NAME.search(name)


def survey():
    """All ResNet-like architectures of timm: the plain ones, and the others with their reasons."""
    plain, others = {}, {}
    for name in timm.list_models():
        if not is_resnet_like(name):
            continue
        model, given = build(name)
        if is_plain(model, given):
            kind = "basic" if given["block"] is BasicBlock else "bottleneck"
            plain[name] = (kind, tuple(given["layers"]))
        else:
            others[name] = reason(name, timm_registry._model_to_module[name], model, given)
    return plain, others


def text(value):
    """A C++ string literal. Stops at text that is not ASCII."""
    value = value or ""
    if not value.isascii():
        sys.exit(f"{value!r} is not ASCII")
    return json.dumps(value)


def braces(values):
    return "{" + ", ".join(str(v) for v in values) + "}"


def pretrained_row(name, is_default, parameters):
    cfg = timm.get_pretrained_cfg(name)
    papers = cfg.paper_ids if isinstance(cfg.paper_ids, str) else ", ".join(cfg.paper_ids or ())
    file = cfg.url.rsplit("/", 1)[1] if cfg.url else ""
    prefix = re.search(r"-([0-9a-f]{8})\.", file)
    fields = {
        "architecture": text(cfg.architecture),
        "tag": text(cfg.tag),
        "url_file": text(file),
        "input_size": braces(cfg.input_size),
        "test_input_size": braces(cfg.test_input_size or (0, 0, 0)),
        "crop_pct": float(cfg.crop_pct),
        "test_crop_pct": float(cfg.test_crop_pct or 0),
        "interpolation": text(cfg.interpolation),
        "crop_mode": text(cfg.crop_mode),
        "mean": braces(cfg.mean),
        "std": braces(cfg.std),
        "num_classes": cfg.num_classes,
        "license": text(cfg.license),
        "origin_url": text(cfg.origin_url),
        "paper_ids": text(papers),
        "pool_size": braces(cfg.pool_size),
        "is_default": str(is_default).lower(),
        "parameters": parameters,
        "hash_prefix": text(prefix.group(1) if prefix else ""),
    }
    lines = [f"     .{key} = {value}" for key, value in fields.items()]
    return "    {" + ",\n".join(lines).lstrip() + "},"


def count_parameters(architecture, num_classes):
    with torch.device("meta"):
        model = timm.create_model(architecture, num_classes=num_classes)
    return sum(p.numel() for p in model.parameters())


def pretrained_rows(plain):
    rows = []
    for name in timm.list_pretrained():
        architecture = name.split(".")[0]
        if architecture not in plain:
            continue
        cfg = timm.get_pretrained_cfg(name)
        is_default = timm.get_pretrained_cfg(architecture).tag == cfg.tag
        rows.append(pretrained_row(name, is_default, count_parameters(architecture, cfg.num_classes)))
    return rows


def deprecated_rows(plain, others):
    """The old names of plain architectures. Adds old names of other architectures to `others`."""
    rows = []
    for old, name in sorted(timm_registry._deprecated_models.items()):
        architecture = (name or "").split(".")[0]
        if architecture in plain:
            rows.append(f"    {{{text(old)}, {text(name)}}},")
        elif architecture in others:
            others[old] = others[architecture]
    return rows


def array(kind, name, rows):
    return f"constexpr auto {name} = std::to_array<{kind}>({{\n" + "\n".join(rows) + "\n});\n"


def accessor(kind, function, name):
    return f"std::span<const {kind}> {function}() {{ return {name}; }}\n"


def source():
    plain, others = survey()
    deprecated = deprecated_rows(plain, others)
    by_size = sorted(plain.items(), key=lambda item: int(item[0].removeprefix("resnet")))
    tables = [
        ("PretrainedCfg", "pretrained_cfgs", "kPretrainedCfgs", pretrained_rows(plain)),
        ("PlainArchitecture", "plain_architectures", "kPlainArchitectures",
         [f"    {{{text(n)}, {text(kind)}, {braces(depths)}}}," for n, (kind, depths) in by_size]),
        ("DeprecatedName", "deprecated_names", "kDeprecatedNames", deprecated),
        ("OtherArchitecture", "other_architectures", "kOtherArchitectures",
         [f"    {{{text(n)}, {text(why)}}}," for n, why in sorted(others.items())]),
    ]
    return "".join([
        f"// Generated by scripts/make_registry.py from timm {timm.__version__}; do not edit.\n",
        '#include "weightlift/models/registry.h"\n\n',
        "// clang-format off\n",
        "namespace weightlift {\nnamespace {\n\n",
        "\n".join(array(kind, name, rows) for kind, _, name, rows in tables),
        "\n}  // namespace\n\n",
        "\n".join(accessor(kind, function, name) for kind, function, name, _ in tables),
        "\n}  // namespace weightlift\n",
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.output.write_text(source(), encoding="ascii")


if __name__ == "__main__":
    main()
