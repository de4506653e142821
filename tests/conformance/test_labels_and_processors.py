"""Labels in config.json and preprocessor_config.json, in every form that a source or a flag gives them."""

import json

import compare
import pytest
import reference
import timm
from test_registry import PLAIN
from transformers import ConvNextImageProcessor

TINY = dict(layers=(1, 1, 1, 1), channels=(4, 4, 4, 4))

# What facebook/convnext-base-224-22k-1k carries, in the form of 2022.
CONVNEXT = {
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 224,
}


@pytest.fixture
def convert(weightlift, tmp_path):
    """Saves a model as a timm folder and converts it with flags; returns both folders."""

    def run(model, *flags, **model_config):
        source = reference.save_timm_folder(model, tmp_path / "tiny", **model_config)
        weightlift("convert", source, "-o", tmp_path / "out", *flags)
        return source, tmp_path / "out" / "tiny"

    return run


def tiny(num_classes, **arguments):
    return reference.make_model("resnet18", num_classes=num_classes, **TINY, **arguments)


def assert_config(model, labels, converted, tmp_path):
    reference.convert(model, labels).save_pretrained(tmp_path / "expected")
    compare.assert_same_text(converted / "config.json", tmp_path / "expected" / "config.json")


def write_labels(tmp_path, text):
    path = tmp_path / "labels"
    path.write_text(text, encoding="utf-8")
    return path


# Labels


@pytest.mark.parametrize("num_classes", [0, 1, 2, 3, 1001])
def test_without_labels(num_classes, convert, rng, tmp_path):
    """Two classes are transformers' default, so that it writes neither id2label nor label2id."""
    model = tiny(num_classes)
    _, converted = convert(model)
    assert_config(model, None, converted, tmp_path)


def test_a_thousand_classes_of_an_imagenet_tag(convert, rng, tmp_path):
    model = tiny(1000)
    source, converted = convert(model)
    assert reference.pretrained_cfg(source)["tag"] == "a1_in1k"
    assert_config(model, reference.imagenet_labels(), converted, tmp_path)


@pytest.mark.parametrize("tag", [None, "mine"])
def test_a_thousand_classes_of_something_else(tag, convert, rng, tmp_path):
    model = tiny(1000, pretrained_cfg_overlay=dict(tag=tag))
    _, converted = convert(model)
    assert_config(model, None, converted, tmp_path)


def test_imagenet_labels_by_flag(convert, rng, tmp_path):
    model = tiny(1000, pretrained_cfg_overlay=dict(tag=None))
    _, converted = convert(model, "--id2label", "imagenet-1k")
    assert_config(model, reference.imagenet_labels(), converted, tmp_path)


LABELS = ["tench, Tinca tinca", "crane", "\u00e9l\u00e8ve", "crane", "a \"b\" \\ c", "Zebra", "\U0001f986", "3",
          "it's", "LABEL_0", "\u72ac"]


@pytest.mark.parametrize("form", ["object", "array", "lines", "shuffled object", "escaped"])
def test_labels_of_a_file(form, convert, rng, tmp_path):
    by_id = {str(i): label for i, label in enumerate(LABELS)}
    text = {
        "object": json.dumps(by_id, ensure_ascii=False, indent=2),
        "array": json.dumps(LABELS, ensure_ascii=False),
        "lines": "\n".join(LABELS) + "\n",
        "shuffled object": json.dumps(dict(rng.sample(list(by_id.items()), len(by_id)))),
        "escaped": json.dumps(LABELS, ensure_ascii=True),
    }[form]
    model = tiny(len(LABELS))
    _, converted = convert(model, "--id2label", write_labels(tmp_path, text))
    assert_config(model, LABELS, converted, tmp_path)


def test_the_flag_wins_over_the_source(convert, rng, tmp_path):
    model = tiny(3)
    labels = write_labels(tmp_path, '["x", "y", "z"]')
    _, converted = convert(model, "--id2label", labels, label_names=["a", "b", "c"])
    assert_config(model, ["x", "y", "z"], converted, tmp_path)


@pytest.mark.parametrize("labels", [["LABEL_0", "LABEL_1"], ["cat", "dog"], ["same", "same"]])
def test_two_labels(labels, convert, rng, tmp_path):
    model = tiny(2)
    _, converted = convert(model, label_names=labels)
    assert_config(model, labels, converted, tmp_path)


NAMES = ["n01", "n02", "n03"]
DESCRIPTIONS = {"n03": "third", "n01": "first", "n02": "second"}


@pytest.mark.parametrize(
    "labels, model_config",
    [
        (NAMES, dict(label_names=NAMES)),
        (NAMES, dict(label_names={"2": "n03", "0": "n01", "1": "n02"})),
        (["first", "second", "third"], dict(label_names=NAMES, label_descriptions=DESCRIPTIONS)),
        (NAMES, dict(pretrained_cfg=dict(label_names=NAMES))),
        (["first", "second", "third"],
         dict(pretrained_cfg=dict(label_names=NAMES, label_descriptions=DESCRIPTIONS))),
        (["root", "wins", "here"],
         dict(label_names=["root", "wins", "here"], pretrained_cfg=dict(label_names=NAMES))),
    ],
    ids=["list", "dict", "descriptions", "in pretrained_cfg", "descriptions in pretrained_cfg", "both places"],
)
def test_labels_of_the_source(labels, model_config, convert, rng, tmp_path):
    model = tiny(3)
    source, converted = convert(model, **model_config)
    assert_config(model, labels, converted, tmp_path)
    info = timm.data.CustomDatasetInfo(*timm_labels(source))
    assert [info.index_to_description(i) for i in range(3)] == labels


def timm_labels(source):
    """Names and descriptions as timm itself reads them from the folder."""
    cfg = timm.create_model(f"local-dir:{source}").pretrained_cfg
    return cfg["label_names"], cfg.get("label_descriptions")


# Image processors


def assert_processor(expected, converted, tmp_path):
    expected.save_pretrained(tmp_path / "expected-processor")
    name = "preprocessor_config.json"
    compare.assert_same_text(converted / name, tmp_path / "expected-processor" / name)


@pytest.fixture(scope="module")
def registry(weightlift, tmp_path_factory):
    """A tiny network for each of timm's tags, carrying its pretrained_cfg, converted for both sizes."""
    folder = tmp_path_factory.mktemp("registry")
    sources = {}
    for name in PLAIN:
        model = timm.create_model(name, num_classes=0, **TINY)
        sources[name] = reference.save_timm_folder(model, folder / "timm" / name.replace(".", "-"))
    runs = {
        which: weightlift("convert", *sources.values(), "-o", folder / which, "--image-processor", which, check=False)
        for which in ("source", "source-test")
    }
    return folder, sources, runs


@pytest.mark.parametrize("which", ["source", "source-test"])
@pytest.mark.parametrize("name", PLAIN)
def test_every_tag(name, which, registry, tmp_path):
    folder, sources, runs = registry
    converted = folder / which / sources[name].name
    assert converted.is_dir(), runs[which].stderr
    # From timm's registry, not from the folder: the folder must have carried it all the way.
    cfg = timm.get_pretrained_cfg(name).to_dict()
    assert_processor(reference.image_processor(cfg, test=which == "source-test"), converted, tmp_path)


def test_what_the_old_script_pushed(convert, rng, tmp_path):
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    text = json.dumps(CONVNEXT, indent=2) + "\n"
    assert len(text) == 266
    (legacy / "preprocessor_config.json").write_text(text)
    _, converted = convert(tiny(3), "--image-processor", "convnext-base-224-22k-1k")
    assert (converted / "preprocessor_config.json").stat().st_size == 352
    assert_processor(ConvNextImageProcessor.from_pretrained(legacy), converted, tmp_path)


def test_a_file(convert, rng, tmp_path):
    processor = ConvNextImageProcessor(
        size={"shortest_edge": 96}, crop_pct=0.9, resample=2, image_mean=[0.1, 0.25, 1e-05], image_std=[1.0, 0.5, 0.3])
    processor.save_pretrained(tmp_path / "given")
    _, converted = convert(tiny(3), "--image-processor", tmp_path / "given" / "preprocessor_config.json")
    assert_processor(processor, converted, tmp_path)


@pytest.mark.parametrize("in_chans", [1, 2, 3, 4])
def test_channels(in_chans, convert, rng, tmp_path):
    source, converted = convert(tiny(3, in_chans=in_chans))
    expected = reference.image_processor(reference.pretrained_cfg(source))
    if expected is None:
        assert not (converted / "preprocessor_config.json").exists()
    else:
        assert_processor(expected, converted, tmp_path)


@pytest.mark.parametrize("interpolation", ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"])
def test_interpolations(interpolation, convert, rng, tmp_path):
    source, converted = convert(tiny(3, pretrained_cfg_overlay=dict(interpolation=interpolation)))
    assert_processor(reference.image_processor(reference.pretrained_cfg(source)), converted, tmp_path)


@pytest.mark.parametrize("number", [1, 1.0, 0.1, 1 / 3, 1e-05, 0.30000000000000004, 0.875, 123456.0])
def test_numbers_are_written_as_python_writes_them(number, convert, rng, tmp_path):
    overlay = dict(mean=(number, 0.5, number), std=(0.5, number, 0.25))
    source, converted = convert(tiny(3, pretrained_cfg_overlay=overlay))
    assert_processor(reference.image_processor(reference.pretrained_cfg(source)), converted, tmp_path)
