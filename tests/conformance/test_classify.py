"""`weightlift classify` and `evaluate` against transformers' pipeline("image-classification") with the Pillow
back end: the labels, and scores within 1e-5, for images and networks of this run's seed."""

import json
import subprocess

import numpy as np
import pytest
import torch
from conftest import PROGRAM, ROOT
from PIL import Image
from test_pixels import IMAGENET, ONE_CHANNEL, image_of, random_image, save_processor, smooth
from transformers import AutoImageProcessor, ResNetConfig, ResNetForImageClassification, pipeline

TOLERANCE = 1e-5
PROCESSORS = {
    "short side": dict(size={"shortest_edge": 64}, crop_pct=0.875, resample=3, **IMAGENET),
    "one pixel": dict(size={"shortest_edge": 224}, crop_pct=0.95, resample=2, **IMAGENET),
    "square": dict(size={"shortest_edge": 384}, crop_pct=1.0, resample=3, **IMAGENET),
    "bit": dict(image_processor_type="BitImageProcessor", size=80, crop_size=64, **IMAGENET),
    "as they are": dict(size={"shortest_edge": 64}, do_resize=False, **IMAGENET),
    "raw": dict(size={"shortest_edge": 48}, do_normalize=False, resample=0),
}


def save_network(folder, num_labels=7, dtype=torch.float32, **settings):
    """A small network whose scores differ between classes and images."""
    config = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 2], layer_type="basic",
                          id2label={i: f"class {i}" for i in range(num_labels)}, **settings)
    model = ResNetForImageClassification(config)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.3)
                module.running_mean.normal_(std=0.1)
        model.classifier[1].weight.normal_(std=0.3)
    model.to(dtype).save_pretrained(folder)
    return folder


def save_images(rng, folder):
    """Every mode and format that people have, names sorted."""
    folder.mkdir()
    color = random_image(rng, most=300)
    color.save(folder / "color.png")
    color.save(folder / "color.jpg", quality=90)
    color.save(folder / "color.webp", lossless=True)
    color.save(folder / "color.bmp")
    color.convert("CMYK").save(folder / "cmyk.jpg")
    color.convert("RGBA").save(folder / "alpha.png")
    color.quantize(32).save(folder / "palette.png")
    color.convert("1").save(folder / "bits.png")
    color.convert("L").save(folder / "grey.jpg")
    color.convert("LA").save(folder / "grey_alpha.png")
    Image.fromarray(np.arange(77 * 50, dtype=np.uint16).reshape(77, 50)).save(folder / "deep.png")
    for orientation in (3, 6, 8):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image_of(smooth(rng, 90, 60)).save(folder / f"turned{orientation}.jpg", exif=exif)
    return sorted(folder.iterdir())


def classified(weightlift, folder, images, *flags):
    lines = weightlift("classify", folder, *images, "--json", *flags).stdout.splitlines()
    results = [json.loads(line) for line in lines]
    assert [result["image"] for result in results] == [str(image) for image in images]
    assert all((result["type"], result["status"]) == ("classify", "ok") for result in results)
    return [result["predictions"] for result in results]


def reference_pipeline(folder):
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return pipeline("image-classification", model=str(folder), image_processor=processor)


def assert_same(ours, theirs, tolerance=TOLERANCE):
    """`theirs` are all labels. Ranks may change where scores are as near as the tolerance."""
    score_of = {p["label"]: p["score"] for p in theirs}
    for rank, prediction in enumerate(ours):
        assert prediction["label"] == f"class {prediction['id']}"
        assert abs(prediction["score"] - score_of[prediction["label"]]) <= tolerance
        assert abs(prediction["score"] - theirs[rank]["score"]) <= tolerance
        gap = min(abs(theirs[rank]["score"] - p["score"]) for p in theirs if p is not theirs[rank]) if len(theirs) > 1 else 1
        assert gap <= 2 * tolerance or prediction["label"] == theirs[rank]["label"]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_images_of_every_kind(weightlift, tmp_path, rng, processor):
    folder = save_processor(save_network(tmp_path / "net"), **PROCESSORS[processor])
    images = save_images(rng, tmp_path / "images")
    ask = reference_pipeline(folder)
    ours = classified(weightlift, folder, images)
    for image, predictions in zip(images, ours, strict=True):
        theirs = ask(str(image), top_k=1000)
        assert len(predictions) == 5
        assert_same(predictions, theirs)
        assert_same(classified(weightlift, folder, [image], "--top-k", 1000)[0], theirs)


@pytest.mark.parametrize("num_labels, problem_type", [(1, None), (1, "multi_label_classification"), (3, "multi_label_classification"),
                                                      (3, "single_label_classification"), (2, None), (1, "regression")])
def test_scores_of_every_problem(weightlift, tmp_path, rng, num_labels, problem_type):
    folder = save_network(tmp_path / "net", num_labels, problem_type=problem_type)
    save_processor(folder, **PROCESSORS["short side"])
    images = save_images(rng, tmp_path / "images")
    ask = reference_pipeline(folder)
    for image, predictions in zip(images, classified(weightlift, folder, images), strict=True):
        theirs = ask(str(image))
        assert len(predictions) == len(theirs) == min(num_labels, 5)
        largest = max(1, *(abs(p["score"]) for p in theirs), 0)
        assert_same(predictions, theirs, TOLERANCE * largest)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 2e-2), (torch.bfloat16, 1e-1)])
def test_half_precision_is_computed_in_float32(weightlift, tmp_path, rng, dtype, tolerance):
    """So that it is nearer to the network of the same weights in float32 than transformers' is."""
    folder = save_processor(save_network(tmp_path / "net", dtype=dtype), **PROCESSORS["short side"])
    images = save_images(rng, tmp_path / "images")
    half = reference_pipeline(folder)
    assert half.model.dtype == dtype
    wide = reference_pipeline(folder)
    wide.model.float()
    for image, predictions in zip(images, classified(weightlift, folder, images), strict=True):
        assert_same(predictions, wide(str(image), top_k=1000))
        assert_same(predictions, half(str(image), top_k=1000), tolerance)


def test_one_channel(weightlift, tmp_path, rng):
    """The pipeline makes every file RGB, which a network of one channel does not take: so the test calls
    processor and network directly."""
    folder = save_network(tmp_path / "net", num_channels=1)
    save_processor(folder, size={"shortest_edge": 64}, **ONE_CHANNEL)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = ResNetForImageClassification.from_pretrained(folder).eval()
    image = random_image(rng, most=300).convert("L")
    image.save(tmp_path / "grey.png")
    pixels = processor(np.asarray(image)[..., None], input_data_format="channels_last", return_tensors="pt")
    with torch.no_grad():
        scores = model(**pixels).logits[0].softmax(-1)
    theirs = [{"label": f"class {i}", "score": score.item()} for i, score in enumerate(scores)]
    theirs.sort(key=lambda p: p["score"], reverse=True)
    assert_same(classified(weightlift, folder, [tmp_path / "grey.png"])[0], theirs)


@pytest.mark.parametrize("weights", ["shards", "torch file"])
def test_other_forms_of_weights(weightlift, tmp_path, rng, weights):
    folder = save_processor(save_network(tmp_path / "net"), **PROCESSORS["short side"])
    model = ResNetForImageClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    if weights == "shards":
        model.save_pretrained(folder, max_shard_size="60KB")
        assert (folder / "model.safetensors.index.json").exists()
    else:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    random_image(rng).save(tmp_path / "a.png")
    ours = classified(weightlift, folder, [tmp_path / "a.png"])[0]
    assert_same(ours, reference_pipeline(folder)(str(tmp_path / "a.png"), top_k=1000))


def test_without_a_processor_both_refuse(weightlift, tmp_path, rng):
    folder = save_network(tmp_path / "net")
    random_image(rng).save(tmp_path / "a.png")
    with pytest.raises(OSError):
        pipeline("image-classification", model=str(folder))
    done = weightlift("classify", folder, tmp_path / "a.png", check=False)
    assert done.returncode == 3 and "preprocessor_config.json: not found" in done.stderr


def test_standard_input(weightlift, tmp_path, rng):
    folder = save_processor(save_network(tmp_path / "net"), **PROCESSORS["short side"])
    random_image(rng).save(tmp_path / "a.png")
    done = subprocess.run([PROGRAM, "classify", folder, "-", "--json"], input=(tmp_path / "a.png").read_bytes(),
                          capture_output=True, check=True)
    assert json.loads(done.stdout)["predictions"] == classified(weightlift, folder, [tmp_path / "a.png"])[0]


def test_the_digits(weightlift, tmp_path):
    """The shipped images: what is printed is what the pipeline finds."""
    weightlift("convert", ROOT / "examples" / "digits", "-o", tmp_path)
    folder, images = tmp_path / "digits", ROOT / "examples" / "digits" / "test"
    ask = reference_pipeline(folder)
    right = [ask(str(file), top_k=1)[0]["label"] == file.parent.name for file in sorted(images.glob("*/*.png"))]
    result = json.loads(weightlift("evaluate", folder, images, "--json").stdout)
    assert (result["status"], result["matched_by"]) == ("ok", "label")
    assert (result["errors"], result["skipped"]) == (0, 0)
    assert result["images"] == len(right) == 100
    assert result["top1"] == sum(right) / len(right)


def test_evaluate_counts_what_the_pipeline_finds(weightlift, tmp_path, rng):
    """Digits beneath noise, which the network often takes for others: counts of each class, image for image."""
    weightlift("convert", ROOT / "examples" / "digits", "-o", tmp_path)
    folder, noise = tmp_path / "digits", np.random.default_rng(rng.getrandbits(63))
    for file in (ROOT / "examples" / "digits" / "test").glob("*/*.png"):
        pixels = np.asarray(Image.open(file).convert("RGB"), dtype=float)
        target = tmp_path / "noisy" / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        pixels += noise.normal(0, noise.uniform(20, 200), pixels.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(target)
    files = sorted((tmp_path / "noisy").glob("*/*.png"))
    ask, expected = reference_pipeline(folder), {}
    for file in files:
        labels = [prediction["label"] for prediction in ask(str(file), top_k=5)]
        counts = expected.setdefault(file.parent.name, [0, 0, 0])
        for i, right in enumerate([True, labels[0] == file.parent.name, file.parent.name in labels]):
            counts[i] += right
    lines = weightlift("classify", folder, *files, "--json", "--top-k", "1").stdout.splitlines()
    ours = [json.loads(line)["predictions"][0]["label"] for line in lines]
    assert ours == [ask(str(file), top_k=1)[0]["label"] for file in files]
    result = json.loads(weightlift("evaluate", folder, tmp_path / "noisy", "--json").stdout)
    found = {one["label"]: [one["images"], round(one["top1"] * one["images"]), round(one["top5"] * one["images"])]
             for one in result["classes"]}
    assert found == expected
    assert 0.1 < result["top1"] < 0.99 and result["top1"] == sum(c[1] for c in expected.values()) / len(files)
