"""Runs the code in the card of a pushed model, unchanged, against the Hub."""

import json
import subprocess

import pytest
import reference
import timm
import torch
from conftest import PROGRAM
from PIL import Image
from standin import hub  # noqa: F401 (a fixture)
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

TINY = dict(layers=(1, 1, 1, 1), channels=(8, 8, 8, 8))
LABELS = ["tench, Tinca tinca", "it's", "\u00e9l\u00e8ve", "a \"b\" \\ c", "3"]
OVERLAY = dict(input_size=(3, 64, 64), crop_pct=0.9)

# Runs without the local folder: everything comes from the Hub.
RUN_CARD = """
    import contextlib, huggingface_hub, io, json, pathlib, re, reference_stack
    card = pathlib.Path(huggingface_hub.hf_hub_download("alice/net", "README.md", revision=sys.argv[1])).read_text()
    [code] = re.findall("^```python\\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    print(json.dumps([re.findall("^# (.*)$", card, re.MULTILINE)[0], printed.getvalue(), names["model"].training]))
"""


def source_of_timm(rng, folder, **arguments):
    overlay = dict(OVERLAY, **arguments.pop("overlay", {}))
    model = reference.make_model("resnet18", num_classes=5, pretrained_cfg_overlay=overlay, **TINY, **arguments)
    return reference.save_timm_folder(model, folder, label_names=LABELS)


def source_of_transformers(folder, **settings):
    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[1, 1, 1, 1],
                          layer_type="basic", id2label=dict(enumerate(LABELS)), **settings)
    ResNetForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 64}).save_pretrained(folder)
    return folder


def run(hub, *arguments):  # noqa: F811
    command = [str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=hub.environment())
    assert done.returncode == 0, done.stderr
    return done


def published(hub, source, folder, *flags, revision="main"):  # noqa: F811
    """Converts and pushes to alice/net. Returns the output of the card's code."""
    run(hub, "convert", source, "-o", folder.parent, "--name", folder.name, "--push-to-hub",
        "--repo-id", "alice/net", "--revision", revision, *flags)
    title, printed, training = hub.python(RUN_CARD, revision)
    assert title == "alice/net" and not training
    return printed


def assert_printed(printed, expected, tolerance=1e-4):
    """Compares four digits of each score; equal scores may change ranks."""
    lines = printed.splitlines()
    assert len(lines) == len(expected)
    for line in lines:
        score, label = line[:6], line[8:]
        assert abs(float(score) - expected[label]) <= tolerance


def grey_scores(folder, tmp_path, weightlift):
    Image.new("RGB", (640, 480), "gray").save(tmp_path / "grey.png")
    line = weightlift("classify", folder, tmp_path / "grey.png", "--json").stdout
    return {p["label"]: p["score"] for p in json.loads(line)["predictions"]}


@pytest.mark.parametrize("case", ["classifier", "branch", "float16", "one channel"])
def test_a_classifier(case, hub, weightlift, rng, tmp_path):  # noqa: F811
    grey = dict(in_chans=1, overlay=dict(input_size=(1, 64, 64), mean=(0.4,), std=(0.3,)))
    source = source_of_timm(rng, tmp_path / "in", **(grey if case == "one channel" else {}))
    flags = ["--dtype", "float16"] if case == "float16" else []
    revision = "v2" if case == "branch" else "main"
    printed = published(hub, source, tmp_path / "out" / "small", *flags, revision=revision)
    expected = grey_scores(tmp_path / "out" / "small", tmp_path, weightlift)
    assert_printed(printed, expected, 0.02 if case == "float16" else 1e-4)


def test_a_backbone(hub, rng, tmp_path):  # noqa: F811
    printed = published(hub, source_of_timm(rng, tmp_path / "in"), tmp_path / "out" / "small", "--head", "none")
    assert printed == "torch.Size([1, 8])\n"


@pytest.mark.parametrize("case", ["single label", "multi label", "branch"])
def test_in_timms_form(case, hub, rng, tmp_path):  # noqa: F811
    several = case == "multi label"
    problem = dict(problem_type="multi_label_classification") if several else {}
    source = source_of_transformers(tmp_path / "in", **problem)
    revision = "v2" if case == "branch" else "main"
    printed = published(hub, source, tmp_path / "out" / "small", "--to", "timm", revision=revision)
    model = timm.create_model(f"local-dir:{tmp_path / 'out' / 'small'}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    with torch.no_grad():
        logits = model(transform(Image.new("RGB", (640, 480), "gray")).unsqueeze(0))[0]
    scores = logits.sigmoid() if several else logits.softmax(-1)
    assert_printed(printed, dict(zip(LABELS, scores.tolist())))


def test_a_folder_that_is_pushed_later(hub, weightlift, rng, tmp_path):  # noqa: F811
    source = source_of_timm(rng, tmp_path / "in")
    weightlift("convert", source, "-o", tmp_path / "out", "--name", "small")
    moved = (tmp_path / "out" / "small").rename(tmp_path / "moved")
    run(hub, "push", moved, "alice/net")
    title, printed, _ = hub.python(RUN_CARD, "main")
    assert title == "alice/net"
    assert_printed(printed, grey_scores(moved, tmp_path, weightlift))


LICENSES = ["mit\u2028---", "a\u2029b", "a\u0085b", "\ufffe", "\uffff", "\ufeffmit", "mit\n---\nlicense: other", "a\tb",
            "\x1b[31mred", "\x7f\x80\x9f", "quote \" and \\", "'", "# no comment", "!!python/object", "*a &b", "null",
            "\U0001f338 \u82b1", "a\u202eb\u2066c", " space ", "{a: 1}", "\x01\x02", "\ud7ff\ue000"]


def test_yaml_parsers_read_any_license_as_it_was_given(rng, weightlift, tmp_path):
    def random_text():
        # No surrogates and no NUL: an argument of a program cannot have them.
        points = [c for c in (rng.randrange(1, 0x11000) for _ in range(40)) if not 0xD800 <= c < 0xE000]
        return "".join(map(chr, points)) + chr(rng.randrange(0x10000, 0x110000))

    import yaml
    source = source_of_timm(rng, tmp_path / "source")
    for license in [*LICENSES, *(random_text() for _ in range(20))]:
        weightlift("convert", source, "-o", tmp_path / "out", "--name", "m", "--force", "--license", license)
        _, front, _ = (tmp_path / "out/m/README.md").read_bytes().decode().split("---\n", 2)
        assert yaml.safe_load(front)["license"] == license
