"""Labels in config.json and preprocessor_config.json, in every form that a source or a flag gives them."""

import csv
import io
import json

import compare
import pytest
import reference
import timm
import torchvision
from test_registry import PLAIN
from timm.data import ImageNetInfo
from transformers import AutoConfig, ConvNextImageProcessor, ViTConfig

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


# Unique, and none with a number at an end that could be an index.
UNIQUE = [label for i, label in enumerate(LABELS) if label not in LABELS[:i] + ["3", "LABEL_0"]] + ["7 Up", "Grade 3"]


def csv_text(rows, **dialect):
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue()


def index_at_the_end(rows):
    return "".join(f"{label} {i}\n" for i, label in rows)


@pytest.mark.parametrize(
    "write",
    [
        csv_text,
        lambda rows: csv_text(rows, dialect="unix"),
        lambda rows: csv_text(rows, delimiter=";"),
        lambda rows: csv_text([("class_id", "class name"), *rows]),
        lambda rows: csv_text([(i + 1, label) for i, label in rows]),
        lambda rows: csv_text([("name", "id"), *((label, i) for i, label in rows)]),
        lambda rows: "id\tname\n" + "".join(f"{i}\t{label}\n" for i, label in rows),
        lambda rows: "\ufeff" + "".join(f"{i}: {label}\r\n" for i, label in rows),
        index_at_the_end,
        lambda rows: json.dumps({label: i for i, label in rows}),
        lambda rows: json.dumps({i: [f"n{i:08}", label] for i, label in rows}),
        lambda rows: "".join(f"{i} n{i:08} {label}\n" for i, label in rows),
    ],
    ids=["CSV", "quoted CSV", "semicolons", "header", "from 1", "CSV with the index last", "TSV", "colons",
         "index last", "label2id", "class index", "index and WordNet id"],
)
def test_shuffled_labels_of_a_file(write, convert, rng, tmp_path):
    model = tiny(len(UNIQUE))
    rows = list(enumerate(UNIQUE))
    rng.shuffle(rows)
    _, converted = convert(model, "--id2label", write_labels(tmp_path, write(rows)))
    assert_config(model, UNIQUE, converted, tmp_path)


def test_labels_of_a_config(convert, rng, tmp_path):
    """The labels that AutoConfig reads from the same file."""
    labels = [f"{rng.randrange(100)} {label}" for label in rng.sample(LABELS, 7)]
    config = ViTConfig(id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)})
    config.save_pretrained(tmp_path / "vit")
    read = AutoConfig.from_pretrained(tmp_path / "vit").id2label
    model = tiny(len(labels))
    _, converted = convert(model, "--id2label", tmp_path / "vit" / "config.json")
    assert_config(model, [read[i] for i in range(len(read))], converted, tmp_path)


def imagenet_files():
    """ImageNet's labels as they are passed around; the labels that each stands for."""
    info = ImageNetInfo("imagenet-1k")
    synsets, texts = info.label_names(), info.label_descriptions()
    short = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    return {
        "synset_words.txt": ("".join(f"{s} {t}\n" for s, t in zip(synsets, texts)), texts),
        "imagenet_classes.txt": ("\n".join(short), short),
        "imagenet_class_index.json": (json.dumps({i: [s, t] for i, (s, t) in enumerate(zip(synsets, short))}), short),
        "imagenet_synsets.txt": ("\n".join(synsets) + "\n\n", synsets),
    }


@pytest.mark.parametrize("name", imagenet_files())
def test_imagenets_labels_of_a_file(name, convert, rng, tmp_path):
    text, labels = imagenet_files()[name]
    model = tiny(1000, pretrained_cfg_overlay=dict(tag=None))
    _, converted = convert(model, "--id2label", write_labels(tmp_path, text))
    assert_config(model, labels, converted, tmp_path)


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
