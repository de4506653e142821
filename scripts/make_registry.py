#!/usr/bin/env python3
"""Writes the tables of weightlift's registry from timm itself.

    .venv-conformance/bin/python scripts/make_registry.py

    weightlift/models/FAMILY/FAMILY_tags.cpp   pretrained names and architectures of a supported family
    weightlift/models/known_to_timm.cpp        old names, and unsupported architectures with the reasons

Builds every architecture on torch's meta device, without allocations and downloads. Each
weightlift/models/FAMILY/registry.py decides which ones its family supports. It has

    FAMILY               the name in C++, such as "ResNet"; the folder has the same name in lower case
    NETWORK              timm's class; its constructor's arguments are in `given` of each network
    architecture(model)  the members of the family's struct after the name, or None if unsupported
    reasons(name, model) why a network of this or a similar class is unsupported; empty for others
"""

import argparse
import functools
import importlib.util
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import reference_stack  # noqa: E402,F401

import timm  # noqa: E402
from timm.models import _registry as timm_registry  # noqa: E402
from timm_networks import no_weights, recorded_arguments  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = pathlib.Path("weightlift", "models")

# Classes whose names begin with a vowel's sound: "an EfficientNet", "an SENet", "an XCiT", but "a NASNet".
VOWEL_SOUND = re.compile(r"[AEIOUX]|[FHLMNRS][B-Z]|Mlp")


def load_families():
    """The registry.py of every family, by its folder's name."""
    families = {}
    for path in sorted((ROOT / MODELS).glob("*/registry.py")):
        spec = importlib.util.spec_from_file_location(f"{path.parent.name}_registry", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        families[path.parent.name] = module
    return families


def class_of(model):
    name = type(model).__name__
    return f"{'an' if VOWEL_SOUND.match(name) else 'a'} {name}"


def reason(name, model, families):
    """Why no family supports the network."""
    for family in families.values():
        reasons = family.reasons(name, model)
        if reasons:
            return ", ".join(reasons)
        if type(model) is family.NETWORK:
            sys.exit(f"{name}: unsupported for an unknown reason: {model.given}")
    return class_of(model)


def survey(families):
    """All architectures of timm: the supported ones by family and name, the others with their reasons."""
    supported, others = {folder: {} for folder in families}, {}
    with recorded_arguments([family.NETWORK for family in families.values()]):
        for name in timm.list_models():
            with no_weights():
                model = timm.create_model(name)
            for folder, family in families.items():
                members = family.architecture(model)
                if members is not None:
                    supported[folder][name] = members
                    break
            else:
                others[name] = reason(name, model, families)
    return supported, others


def text(value):
    """A C++ string literal. Stops at text that is not ASCII."""
    value = value or ""
    if not value.isascii():
        sys.exit(f"{value!r} is not ASCII")
    return json.dumps(value)


def braces(values):
    return "{" + ", ".join(str(v) for v in values) + "}"


def literal(value):
    """A string, number or tuple of numbers in C++."""
    if isinstance(value, str):
        return text(value)
    return braces(value) if isinstance(value, tuple) else str(value)


def row(*values):
    return "    " + braces(literal(value) for value in values) + ","


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


@functools.cache
def count_parameters(architecture, num_classes):
    with no_weights():
        model = timm.create_model(architecture, num_classes=num_classes)
    return sum(p.numel() for p in model.parameters())


def pretrained_rows(architectures):
    rows = []
    for name in timm.list_pretrained():
        architecture = name.split(".")[0]
        if architecture not in architectures:
            continue
        cfg = timm.get_pretrained_cfg(name)
        is_default = timm.get_pretrained_cfg(architecture).tag == cfg.tag
        rows.append(pretrained_row(name, is_default, count_parameters(architecture, cfg.num_classes)))
    return rows


def split_old_names(others):
    """timm's old names of supported architectures, and those of others with the reasons."""
    deprecated, old_others = {}, {}
    for old, name in timm_registry._deprecated_models.items():
        architecture = name.split(".")[0]
        if architecture in others:
            old_others[old] = others[architecture]
        else:
            deprecated[old] = name
    return deprecated, old_others


def source(header, tables):
    """A C++ file with one array and one function per table: the rows' type, the function, the array, the rows."""
    arrays = [f"constexpr auto {array} = std::to_array<{kind}>({{\n" + "\n".join(rows) + "\n});\n"
              for kind, _, array, rows in tables]
    functions = [f"std::span<const {kind}> {function}() {{ return {array}; }}\n" for kind, function, array, _ in tables]
    return "".join([
        f"// Generated by scripts/make_registry.py from timm {timm.__version__}; do not edit.\n",
        f'#include "{header.as_posix()}"\n\n',
        "// clang-format off\n",
        "namespace weightlift {\nnamespace {\n\n",
        "\n".join(arrays),
        "\n}  // namespace\n\n",
        "\n".join(functions),
        "\n}  // namespace weightlift\n",
    ])


def family_source(folder, family, architectures):
    kind = f"{family.FAMILY}Architecture"
    return source(MODELS / folder / f"{folder}_tags.h", [
        ("PretrainedCfg", f"{folder}_tags", f"k{family.FAMILY}Tags", pretrained_rows(architectures)),
        (kind, f"{folder}_architectures", f"k{kind}s",
         [row(name, *members) for name, members in architectures.items()]),
    ])


def known_source(others):
    deprecated, old_others = split_old_names(others)
    return source(MODELS / "registry.h", [
        ("DeprecatedName", "deprecated_names", "kDeprecatedNames", [row(*item) for item in sorted(deprecated.items())]),
        ("OtherArchitecture", "other_architectures", "kOtherArchitectures",
         [row(*item) for item in sorted((others | old_others).items())]),
    ])


def sources():
    """The text of every generated file, by its path in the repository."""
    families = load_families()
    supported, others = survey(families)
    texts = {MODELS / folder / f"{folder}_tags.cpp": family_source(folder, family, supported[folder])
             for folder, family in families.items()}
    texts[MODELS / "known_to_timm.cpp"] = known_source(others)
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    for path, content in sources().items():
        (ROOT / path).write_text(content, encoding="ascii")


if __name__ == "__main__":
    main()
