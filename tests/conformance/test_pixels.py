"""`weightlift preprocess` against transformers' Pillow back end and timm's evaluation transform: every
bit of pixel_values, for images of this run's seed and for fixed ones."""

import json

import numpy as np
import pytest
import reference
import timm
from PIL import Image
from safetensors.numpy import load_file
from test_registry import PLAIN
from timm.data import create_transform
from transformers import AutoImageProcessor, BitImageProcessor

IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
ONE_CHANNEL = dict(image_mean=[0.449], image_std=[0.226])
# Width and height: tiny, odd, panoramic, tall (whose vertical pass comes first).
SIZES = [(1, 1), (2, 1), (1, 3), (17, 23), (301, 299), (300, 421), (640, 480), (1999, 31), (29, 1501), (200, 401)]


def registry_settings():
    """Edge, crop_pct, interpolation, mean and std of every tag, at its input and at its test size."""
    found = set()
    for name in PLAIN:
        cfg = timm.get_pretrained_cfg(name)
        found.add((cfg.input_size[-1], cfg.crop_pct, cfg.interpolation, cfg.mean, cfg.std))
        if cfg.test_input_size:
            crop_pct = cfg.test_crop_pct or cfg.crop_pct
            found.add((cfg.test_input_size[-1], crop_pct, cfg.interpolation, cfg.mean, cfg.std))
    return sorted(found)


def noise(rng, width, height, channels=3):
    return np.frombuffer(rng.randbytes(width * height * channels), np.uint8).reshape(height, width, channels)


def black_and_white(rng, width, height, channels=3):
    """Every sum leaves 0 to 255."""
    return np.where(noise(rng, width, height, channels) > 127, 255, 0).astype(np.uint8)


def smooth(rng, width, height, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / rng.uniform(3, 40) + y / rng.uniform(3, 40)) for _ in range(channels)]
    return np.stack([(128 + 127 * wave).astype(np.uint8) for wave in waves], -1)


KINDS = [noise, black_and_white, smooth]


def random_image(rng, most=700, channels=3):
    width, height = (max(1, round(most ** rng.random())) for _ in range(2))
    return image_of(rng.choice(KINDS)(rng, width, height, channels))


def image_of(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_processor(folder, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps({"image_processor_type": "ConvNextImageProcessor"} | settings))
    return folder


@pytest.fixture
def prepared(weightlift, tmp_path):
    """pixel_values of the program: of images that are handed over as PNG files."""

    def run(folder, images, *flags):
        names = []
        for i, image in enumerate(images):
            names.append(tmp_path / f"{i}.png")
            image.save(names[-1], compress_level=1)
        weightlift("preprocess", folder, *names, "-o", tmp_path / "pixels.safetensors", *flags)
        tensors = load_file(tmp_path / "pixels.safetensors")
        assert set(tensors) == {"pixel_values"}
        assert tensors["pixel_values"].dtype == np.float32
        return tensors["pixel_values"]

    return run


def by_transformers(folder, images):
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return np.stack([processor(image, return_tensors="np")["pixel_values"][0] for image in images]).astype(np.float32)


def by_timm(images, edge, crop_pct, interpolation, mean, std):
    transform = create_transform((len(mean), edge, edge), crop_pct=crop_pct, interpolation=interpolation, mean=mean, std=std)
    return np.stack([transform(image).numpy() for image in images])


def assert_same_bits(got, expected, images):
    assert got.shape == expected.shape
    for ours, theirs, image in zip(got, expected, images):
        different = np.count_nonzero(ours.view(np.uint32) != theirs.view(np.uint32))
        assert not different, f"{image.mode} {image.size}: {different} of {ours.size} values differ by up to {np.abs(ours - theirs).max()}"


@pytest.mark.parametrize("setting", registry_settings(), ids=lambda setting: "-".join(map(str, setting[:3])))
def test_settings_of_the_registry(setting, prepared, rng, tmp_path):
    edge, crop_pct, interpolation, mean, std = setting
    images = [random_image(rng) for _ in range(12)] + [image_of(noise(rng, *size)) for size in SIZES]
    folder = save_processor(
        tmp_path / "net", size={"shortest_edge": edge}, crop_pct=crop_pct, resample=reference.RESAMPLE[interpolation],
        image_mean=mean, image_std=std)
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)
    assert_same_bits(prepared(folder, images, "--as", "timm"), by_timm(images, *setting), images)


def test_settings_of_the_registry_are_all_here():
    assert len(registry_settings()) == 12


def test_as_large_as_cameras_make_them(prepared, rng, tmp_path):
    images = [image_of(smooth(rng, 3000, 4001)), image_of(noise(rng, 1920, 1080))]
    folder = save_processor(tmp_path / "net", size=224, crop_pct=0.95, **IMAGENET)
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)


@pytest.mark.parametrize("interpolation", reference.RESAMPLE)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_filters(interpolation, kind, prepared, rng, tmp_path):
    """Shrunk, enlarged, padded; at 384 and above, where the aspect goes."""
    images = [random_image(rng, 400) for _ in range(4)] + [image_of(kind(rng, *size)) for size in SIZES]
    for edge, crop_pct in [(rng.randint(1, 64), rng.uniform(0.3, 1)), (rng.randint(40, 383), rng.uniform(1, 1.3)), (rng.randint(384, 400), 1)]:
        folder = save_processor(tmp_path / "net", size=edge, crop_pct=crop_pct, resample=reference.RESAMPLE[interpolation], **IMAGENET)
        assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)
        expected = by_timm(images, edge, crop_pct, interpolation, *IMAGENET.values())
        assert_same_bits(prepared(folder, images, "--as", "timm"), expected, images)


@pytest.mark.parametrize("settings", [
    dict(do_rescale=False), dict(do_normalize=False), dict(do_rescale=False, do_normalize=False), dict(rescale_factor=0.01),
    dict(image_mean=0.3, image_std=0.2), dict(do_center_crop=True, crop_size=29), dict(do_center_crop=True, crop_size=dict(height=9, width=80)),
    dict(size=400, do_center_crop=True, crop_size=dict(height=401, width=77)), dict(size={"shortest_edge": 40, "longest_edge": 50}),
    dict(do_rescale=None), dict(do_normalize=None), dict(do_center_crop=None, crop_size=None), dict(size=384, crop_pct=None),
    dict(do_normalize=None, image_mean=None), dict(do_rescale=None, rescale_factor=None),
], ids=str)
def test_switches(settings, prepared, rng, tmp_path):
    images = [random_image(rng) for _ in range(6)]
    folder = save_processor(tmp_path / "net", **(dict(size=41) | IMAGENET | settings))
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)


@pytest.mark.parametrize("key", ["crop_pct", "resample", "image_mean", "image_std", "rescale_factor", "size"])
def test_null_is_no_value_for_both(key, weightlift, rng, tmp_path):
    folder = save_processor(tmp_path / "net", **(dict(size=41) | IMAGENET | {key: None}))
    image = random_image(rng)
    image.save(tmp_path / "a.png")
    with pytest.raises((TypeError, ValueError)):
        by_transformers(folder, [image])
    done = weightlift("preprocess", folder, tmp_path / "a.png", "-o", tmp_path / "a.safetensors", check=False)
    assert done.returncode == 3 and f"preprocessor_config.json: {key}: expected" in done.stderr


def test_without_resizing(prepared, rng, tmp_path):
    images = [image_of(noise(rng, 45, 37)) for _ in range(2)]
    folder = save_processor(tmp_path / "net", do_resize=False, **IMAGENET)
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)


@pytest.mark.parametrize("edge", [28, 384])
def test_one_channel(edge, prepared, rng, tmp_path):
    images = [random_image(rng, channels=1) for _ in range(8)]
    folder = save_processor(tmp_path / "net", size=edge, crop_pct=0.93, resample=2, **ONE_CHANNEL)
    (folder / "config.json").write_text(json.dumps({"model_type": "resnet", "num_channels": 1}))
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)
    expected = by_timm(images, edge, 0.93, "bilinear", *ONE_CHANNEL.values())
    assert_same_bits(prepared(folder, images, "--as", "timm"), expected, images)


CONVNEXT = dict(crop_pct=0.875, do_normalize=True, do_resize=True, resample=3, **IMAGENET)
VALID_KEYS = ["images", "do_resize", "size", "crop_pct", "resample", "return_tensors", "data_format", "input_data_format"]
NULLS = ["crop_size", "device", "disable_grouping", "do_center_crop", "do_convert_rgb", "do_pad", "input_data_format", "pad_size", "return_tensors"]
FORMS = {
    "4.18": CONVNEXT | dict(feature_extractor_type="ConvNextFeatureExtractor", size=224),
    "4.26": CONVNEXT | dict(
        image_processor_type="ConvNextImageProcessor", size={"shortest_edge": 224}, do_rescale=True, rescale_factor=1 / 255),
    "4.38": CONVNEXT | dict(
        image_processor_type="ConvNextImageProcessor", size={"shortest_edge": 224}, do_rescale=True, rescale_factor=1 / 255,
        _valid_processor_keys=VALID_KEYS),
    "4.57 fast": CONVNEXT | dict.fromkeys(NULLS) | dict(
        image_processor_type="ConvNextImageProcessorFast", size={"shortest_edge": 224}, do_rescale=True, rescale_factor=1 / 255,
        data_format="channels_first", default_to_square=False),
    "nothing but its class": dict(image_processor_type="ConvNextImageProcessor"),
    "no size": CONVNEXT | dict(image_processor_type="ConvNextImageProcessor"),
    "no filter": dict(image_processor_type="ConvNextImageProcessor", size=32),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_file(form, prepared, rng, tmp_path):
    images = [random_image(rng) for _ in range(3)]
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "preprocessor_config.json").write_text(json.dumps(FORMS[form]))
    assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)


BIT = dict(image_processor_type="BitImageProcessor")
BIT_FORMS = {
    "nothing but its class": {},
    "numbers": dict(size=40, crop_size=32),
    "no crop": dict(size=40, do_center_crop=False),
    "null is no crop": dict(size=40, do_center_crop=None),
    "crop larger": dict(size=20, crop_size=dict(height=41, width=30)),
    "not square": dict(size={"shortest_edge": 64}, crop_size=dict(height=9, width=60), **IMAGENET),
    "not resized": dict(do_resize=False, crop_size=33),
    "raw": dict(do_rescale=False, do_normalize=False, size=30, crop_size=30),
    "fast": dict(image_processor_type="BitImageProcessorFast", size=50, crop_size=50, resample=2),
    "no color conversion": dict(do_convert_rgb=False, size=50, crop_size=45),
}


@pytest.mark.parametrize("form", BIT_FORMS)
def test_forms_of_bit(form, prepared, rng, tmp_path):
    for image in [random_image(rng) for _ in range(6)]:
        folder = save_processor(tmp_path / "net", **(BIT | BIT_FORMS[form]))
        assert_same_bits(prepared(folder, [image]), by_transformers(folder, [image]), [image])


@pytest.mark.parametrize("interpolation", reference.RESAMPLE)
def test_filters_of_bit(interpolation, prepared, rng, tmp_path):
    images = [random_image(rng, 600) for _ in range(6)] + [image_of(noise(rng, *size)) for size in SIZES]
    for _ in range(3):
        edge, crop_pct = rng.randint(1, 500), rng.uniform(0.5, 1)
        folder = save_processor(
            tmp_path / "net", size=int(edge / crop_pct), crop_size=edge, resample=reference.RESAMPLE[interpolation],
            **BIT, **IMAGENET)
        assert_same_bits(prepared(folder, images), by_transformers(folder, images), images)
        expected = by_timm(images, edge, crop_pct, interpolation, *IMAGENET.values())
        assert_same_bits(prepared(folder, images, "--as", "timm"), expected, images)


@pytest.mark.parametrize("edge, crop_pct", [(384, 1.0), (448, 0.9), (400, 0.875)])
def test_bit_is_written_where_timm_crops_384_pixels_or_more(edge, crop_pct, prepared, weightlift, rng, tmp_path):
    overlay = dict(input_size=(3, edge, edge), test_input_size=None, crop_pct=crop_pct, crop_mode="center")
    model = reference.make_model("resnet18", layers=(1, 1, 1, 1), channels=(4, 4, 4, 4), num_classes=3, pretrained_cfg_overlay=overlay)
    source = reference.save_timm_folder(model, tmp_path / "source")
    weightlift("convert", source, "-o", tmp_path, "--name", "net")
    BitImageProcessor(
        size={"shortest_edge": int(edge / crop_pct)}, crop_size=edge, resample=3, **IMAGENET).save_pretrained(tmp_path / "expected")
    file = "preprocessor_config.json"
    assert (tmp_path / "net" / file).read_bytes() == (tmp_path / "expected" / file).read_bytes()
    # Where the margin leaves 3 when divided by 4, timm begins one pixel later (crop-offset).
    images = [image for image in (random_image(rng, 900) for _ in range(60)) if same_middle(image, edge, crop_pct)]
    assert images
    got = prepared(tmp_path / "net", images)
    assert_same_bits(got, by_timm(images, edge, crop_pct, "bicubic", *IMAGENET.values()), images)
    weightlift("convert", tmp_path / "net", "-o", tmp_path, "--name", "back", "--to", "timm")
    cfg = json.loads((tmp_path / "back/config.json").read_text())["pretrained_cfg"]
    assert (cfg["input_size"], cfg["crop_pct"], cfg["crop_mode"]) == ([3, edge, edge], crop_pct, "center")


def same_middle(image, edge, crop_pct):
    short = int(edge / crop_pct)
    long = int(short * max(image.size) / min(image.size))
    return all(size >= edge and (size - edge) % 4 != 3 for size in (short, long)) and long < 20000


@pytest.mark.parametrize("size", [{"height": 30, "width": 40}, {"shortest_edge": 30, "longest_edge": 40}])
def test_other_sizes_of_bit_are_refused(size, weightlift, rng, tmp_path):
    folder = save_processor(tmp_path / "net", size=size, **BIT)
    random_image(rng).save(tmp_path / "a.png")
    done = weightlift("preprocess", folder, tmp_path / "a.png", "-o", tmp_path / "a.safetensors", check=False)
    assert done.returncode == 3 and "preprocessor_config.json: size: expected" in done.stderr


@pytest.mark.parametrize("preparation", ["transformers", "timm"])
def test_show_is_the_crop(preparation, prepared, rng, tmp_path):
    """What is shown, rescaled and normalized, is what was written."""
    image = random_image(rng)
    folder = save_processor(tmp_path / "net", size=40, crop_pct=0.8, **IMAGENET)
    got = prepared(folder, [image], "--as", preparation, "--show", tmp_path / "seen.png")
    seen = Image.open(tmp_path / "seen.png")
    assert seen.size == (40, 40)
    assert_same_bits(got, by_timm([seen], 40, 1.0, "bicubic", *IMAGENET.values()), [seen])
