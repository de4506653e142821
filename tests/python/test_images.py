"""Images: paths, bytes, images of Pillow and arrays give the results of the program."""

import io
import pathlib

import numpy as np
import PIL.Image
import pytest
import weightlift as wl
from conftest import DIGITS, THREE, program, program_json

IMAGES = sorted((DIGITS / "images").iterdir())


def test_classify_returns_the_programs_results(digits):
    expected = program_json("classify", digits, *IMAGES)
    results = wl.classify(digits, IMAGES)
    assert [dict(result) for result in results] == expected
    assert [dict(result) for result in wl.classify(digits, DIGITS / "images")] == expected


def test_every_kind_of_image_gives_the_same_scores(digits):
    [expected] = wl.classify(digits, THREE)
    pillow = PIL.Image.open(THREE)
    kinds = [THREE.read_bytes(), pillow, np.asarray(pillow.convert("RGB")), str(THREE)]
    for result in wl.classify(digits, kinds):
        assert result["predictions"] == expected["predictions"]


def test_images_of_pillow_are_rotated_as_exif_says(digits):
    image = PIL.Image.open(THREE).convert("RGB")
    exif = image.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=100)
    by_bytes, by_pillow = wl.classify(digits, [file.getvalue(), PIL.Image.open(io.BytesIO(file.getvalue()))])
    assert by_bytes["predictions"] == by_pillow["predictions"]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_modes_of_pillow(digits, mode):
    image = PIL.Image.open(THREE).convert("RGB").convert(mode)
    [direct] = wl.classify(digits, image)
    [expected] = wl.classify(digits, np.asarray(image.convert("RGB")))
    assert direct["predictions"] == expected["predictions"]


def test_an_image_that_fails_does_not_stop_the_others(digits):
    results = wl.classify(digits, [THREE, b"no image", THREE], top_k=1)
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert isinstance(results[1].error, wl.FormatError) and results[0].error is None
    with pytest.raises(wl.FormatError, match=r"images\[1\]"):
        results[1].predictions  # noqa: B018
    assert results[2].predictions[0].label == "three"


def test_an_image_that_pillow_cannot_read_does_not_stop_the_others(digits):
    cut = PIL.Image.open(io.BytesIO(THREE.read_bytes()[:150]))
    results = wl.classify(digits, [THREE, cut, THREE])
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert "Pillow cannot read the image" in str(results[1].error)
    with pytest.raises(wl.FormatError, match="Pillow cannot read"):
        wl.preprocess(digits, cut)


@pytest.mark.parametrize("threads", [-1, 5000])
def test_threads_have_limits(digits, threads):
    with pytest.raises(wl.UsageError, match="threads: expected 0 to 1024"):
        wl.classify(digits, THREE, threads=threads)


@pytest.mark.parametrize(
    "image, message",
    [
        (np.zeros((3, 4, 4), "u1"), r"\(height, width, 3\).*got uint8 of shape \(3, 4, 4\)"),
        (np.zeros((4, 4, 3), "f4"), "got float32"),
        (7, "got int"),
    ],
)
def test_what_is_no_image_is_refused(digits, image, message):
    with pytest.raises(wl.UsageError, match=message):
        wl.classify(digits, image)


def test_classify_takes_no_image(digits):
    assert wl.classify(digits, []) == []


def test_max_pixels_refuses_large_images(digits):
    [result] = wl.classify(digits, THREE, max_pixels=10)
    assert isinstance(result.error, wl.UnsupportedError)
    with pytest.raises(wl.UsageError):
        wl.classify(digits, THREE, max_pixels=0)


@pytest.mark.parametrize("as_", ["transformers", "timm"])
def test_preprocess_has_the_bits_of_the_program(digits, as_):
    program("preprocess", digits, *IMAGES, "-o", "pixels.safetensors", "--as", as_)
    pixels = wl.preprocess(digits, IMAGES, as_=as_)
    expected = wl.load_file("pixels.safetensors")["pixel_values"]
    assert pixels.dtype == np.float32 and pixels.shape == (10, 3, 32, 32)
    assert pixels.tobytes() == expected.tobytes()


def test_evaluate_returns_the_programs_result(digits):
    for path in IMAGES:
        folder = pathlib.Path("labelled") / path.stem
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(path.read_bytes())
    [expected] = program_json("evaluate", digits, "labelled")
    result = wl.evaluate(digits, "labelled", per_image=True)
    assert result.top1 == expected["top1"] and len(result.rows) == 10
    assert {name: value for name, value in result.items() if name != "rows"} == expected


def test_evaluate_raises_where_images_fail(digits):
    folder = pathlib.Path("labelled/three")
    folder.mkdir(parents=True)
    (folder / "three.png").write_bytes(THREE.read_bytes())
    (folder / "bad.png").write_bytes(b"bad")
    with pytest.raises(wl.FormatError, match="1 of 2 images failed") as caught:
        wl.evaluate(digits, "labelled")
    assert caught.value.result.images == 1 and caught.value.result.errors == 1
