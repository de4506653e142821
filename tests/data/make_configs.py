"""Writes configs/ and processors/: config.json and preprocessor_config.json as transformers 5.23.0 saves
them.

NAME.json is what a fresh object saves; the test of that name describes the same object. NAME.in.json is
a file of an older version of transformers, NAME.out.json what 5.23.0 saves after loading it.

Needs the reference stack: python tests/data/make_configs.py
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402,F401

import torch  # noqa: E402
from transformers import (  # noqa: E402
    AutoImageProcessor, ConvNextImageProcessor, RegNetConfig, RegNetForImageClassification, RegNetModel, ResNetConfig,
    ResNetForImageClassification, ResNetModel)

HARD_LABELS = ["crane", "Zebra", "\u00e9l\u00e8ve", "crane", "a \"b\" \\ c", "\U0001f986", "tab\there", "\u007f", "it's", "/"]


def named(labels):
    return dict(id2label=dict(enumerate(labels)), label2id={v: k for k, v in enumerate(labels)})


TINY = dict(hidden_sizes=[8], depths=[1])
CONFIGS = {
    "two_labels": dict(TINY),
    "no_labels": dict(TINY, num_labels=0),
    "one_label": dict(TINY, num_labels=1),
    "twelve_labels": dict(TINY, num_labels=12),
    "two_named_labels": dict(TINY, **named(["cat", "dog"])),
    "hard_labels": dict(TINY, **named(HARD_LABELS)),
    "six_stages": dict(hidden_sizes=[4, 5, 6, 7, 8, 9], depths=[1, 2, 1, 1, 2, 1], layer_type="basic", num_labels=3),
    "every_switch": dict(
        TINY, num_channels=4, embedding_size=16, hidden_act="silu", downsample_in_first_stage=True,
        downsample_in_bottleneck=True, num_labels=3),
    "float16": dict(TINY, dtype=torch.float16),
    "bfloat16": dict(TINY, dtype=torch.bfloat16),
    "float64": dict(TINY, dtype=torch.float64),
    "backbone": dict(TINY, num_labels=3),
}

REGNETS = {
    "regnet": dict(),
    "regnet_no_labels": dict(hidden_sizes=[8], depths=[1], num_labels=0),
    "regnet_x": dict(layer_type="x", hidden_sizes=[8, 16], depths=[1, 2], groups_width=8, num_labels=3),
    "regnet_every_switch": dict(
        hidden_sizes=[24], depths=[2], groups_width=12, num_channels=4, embedding_size=16, hidden_act="silu",
        downsample_in_first_stage=False, dtype=torch.bfloat16, problem_type="multi_label_classification",
        **named(HARD_LABELS)),
    "regnet_backbone": dict(hidden_sizes=[8], depths=[1], num_labels=3),
}

PUBLISHED = {
    "architectures": ["ResNetForImageClassification"],
    "depths": [2, 2, 2, 2],
    "downsample_in_first_stage": False,
    "embedding_size": 64,
    "hidden_act": "relu",
    "hidden_sizes": [64, 128, 256, 512],
    "id2label": {str(i): f"class {i}" for i in range(12)},
    "label2id": {f"class {i}": i for i in range(12)},
    "layer_type": "basic",
    "model_type": "resnet",
    "num_channels": 3,
    "torch_dtype": "float32",
    "transformers_version": "4.18.0.dev0",
}
BACKBONE_KEYS = {
    "downsample_in_bottleneck": False,
    "out_features": ["stage4"],
    "out_indices": [4],
    "stage_names": ["stem", "stage1", "stage2", "stage3", "stage4"],
}
NEW_DTYPE = {k: v for k, v in PUBLISHED.items() if k != "torch_dtype"} | {"dtype": "float32"}
OLD_CONFIGS = {
    "published_2022": PUBLISHED,
    "version_4_35": PUBLISHED | BACKBONE_KEYS | {"transformers_version": "4.35.0"},
    "version_4_57": NEW_DTYPE | BACKBONE_KEYS | {"transformers_version": "4.57.3"},
    "name_or_path": PUBLISHED | {"_name_or_path": "microsoft/resnet-18"},
    "half": PUBLISHED | {"torch_dtype": "float16"},
    "both_dtypes": PUBLISHED | {"torch_dtype": "float16", "dtype": "bfloat16"},
    "strings_sorted": PUBLISHED | {"id2label": dict(sorted(PUBLISHED["id2label"].items()))},
    "other_num_labels": {k: v for k, v in PUBLISHED.items() if k != "label2id"} | {"num_labels": 3},
    "null_labels": {k: v for k, v in PUBLISHED.items() if k != "label2id"} | {"id2label": None},
}

PUBLISHED_REGNET = PUBLISHED | {
    "architectures": ["RegNetForImageClassification"],
    "depths": [2, 6, 12, 2],
    "downsample_in_first_stage": True,
    "embedding_size": 32,
    "groups_width": 64,
    "hidden_sizes": [128, 192, 512, 1088],
    "layer_type": "y",
    "model_type": "regnet",
}
OLD_REGNETS = {
    "regnet_published_2022": PUBLISHED_REGNET,
    "regnet_version_4_35": PUBLISHED_REGNET | {"transformers_version": "4.35.0"},
}

PROCESSORS = {
    "default_tag": dict(
        size={"shortest_edge": 224}, crop_pct=0.95, resample=3, image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225]),
    "one_channel": dict(size={"shortest_edge": 28}, crop_pct=1.0, resample=2, image_mean=[0.449], image_std=[0.226]),
    "numbers": dict(size={"shortest_edge": 96}, crop_pct=1, resample=0, image_mean=[0, 1, 1e-05], image_std=[1 / 3, 123456.0, 1]),
}
CONVNEXT = {
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 224,
}
RESCALING = {"do_rescale": True, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 224}}
VALID_KEYS = [
    "images", "do_resize", "size", "crop_pct", "resample", "do_rescale", "rescale_factor", "do_normalize", "image_mean",
    "image_std", "return_tensors", "data_format", "input_data_format"]
OLD_PROCESSORS = {
    "published_2022": CONVNEXT | {"feature_extractor_type": "ConvNextFeatureExtractor"},
    "version_4_26": CONVNEXT | RESCALING | {"image_processor_type": "ConvNextImageProcessor"},
    "version_4_38": CONVNEXT | RESCALING | {"image_processor_type": "ConvNextImageProcessor", "_valid_processor_keys": VALID_KEYS},
    "pillow": CONVNEXT | RESCALING | {"image_processor_type": "ConvNextImageProcessorPil"},
    "center_crop": CONVNEXT | RESCALING | {"image_processor_type": "ConvNextImageProcessor", "do_center_crop": True, "crop_size": 96},
    "bit": {key: CONVNEXT[key] for key in ("image_mean", "image_std", "resample")} | {
        "image_processor_type": "BitImageProcessor", "size": 426, "crop_size": 384},
    "bit_defaults": {"image_processor_type": "BitImageProcessor"},
    "bit_without_crop": {"image_processor_type": "BitImageProcessorFast", "size": 30, "do_center_crop": False},
    "class_defaults": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 64}},
}


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def make_configs(folder, configs, config_class, classifier, backbone):
    for name, arguments in configs.items():
        arguments = dict(arguments)
        dtype = arguments.pop("dtype", torch.float32)
        kind = backbone if name.endswith("backbone") else classifier
        with tempfile.TemporaryDirectory() as saved:
            kind(config_class(**arguments)).to(dtype).save_pretrained(saved)
            write(folder / f"{name}.json", pathlib.Path(saved, "config.json").read_text())


def make_pairs(folder, file_name, old, load):
    for name, value in old.items():
        text = json.dumps(value, indent=2) + "\n"
        with tempfile.TemporaryDirectory() as saved:
            pathlib.Path(saved, file_name).write_text(text)
            load(saved).save_pretrained(saved)
            write(folder / f"{name}.in.json", text)
            write(folder / f"{name}.out.json", pathlib.Path(saved, file_name).read_text())


def make_processors(folder):
    for name, arguments in PROCESSORS.items():
        with tempfile.TemporaryDirectory() as saved:
            ConvNextImageProcessor(**arguments).save_pretrained(saved)
            write(folder / f"{name}.json", pathlib.Path(saved, "preprocessor_config.json").read_text())


if __name__ == "__main__":
    make_configs(HERE / "configs", CONFIGS, ResNetConfig, ResNetForImageClassification, ResNetModel)
    make_configs(HERE / "configs", REGNETS, RegNetConfig, RegNetForImageClassification, RegNetModel)
    make_pairs(HERE / "configs", "config.json", OLD_CONFIGS, ResNetConfig.from_pretrained)
    make_pairs(HERE / "configs", "config.json", OLD_REGNETS, RegNetConfig.from_pretrained)
    make_processors(HERE / "processors")
    make_pairs(HERE / "processors", "preprocessor_config.json", OLD_PROCESSORS, AutoImageProcessor.from_pretrained)
