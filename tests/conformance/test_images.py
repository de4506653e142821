"""Decoded images against Pillow: ImageOps.exif_transpose(Image.open(file)).convert("RGB" or "L"), byte for byte."""

import io
import os
import pathlib
import random
import re
import struct
import subprocess
import warnings
import zlib

import numpy as np
import pytest
from conftest import PROGRAM
from image_files import BMP_MASKS, PNG_KINDS, make_bmp, make_jpeg, make_png, make_runs
from PIL import Image, ImageOps

TOOL = pathlib.Path(os.environ.get("WEIGHTLIFT_DECODE_TOOL", PROGRAM.parent.parent / "tests" / "decode_tool"))
SIDES = [(1, 1), (1, 7), (8, 8), (17, 3), (16, 33), (301, 5), (3, 260), (97, 131)]


def pillow(data):
    """Size and samples in RGB and in L, or nothing where Pillow refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
            return image.size, image.convert("RGB").tobytes(), image.convert("L").tobytes()
        except Exception:
            return None


class Decoder:
    """decode_tool, and the last file that went through it."""

    def __init__(self, folder):
        self.file, self.output = folder / "image", folder / "samples"

    def __call__(self, data):
        """Size and samples as pillow() gives them, or the text of the refusal."""
        self.file.write_bytes(data)
        done = subprocess.run([TOOL, self.output, self.file], capture_output=True, text=True, timeout=60)
        if done.returncode == 3:
            assert re.fullmatch(rf"{self.file}: .+\n", done.stderr), done.stderr
            return done.stderr
        assert done.returncode == 0, (done.returncode, done.stderr)
        width, height, self.format = done.stdout.splitlines()[0].split()
        self.notes = done.stdout.splitlines()[1:]
        rgb, luminance = (self.output.with_suffix(suffix).read_bytes() for suffix in (".RGB", ".L"))
        return (int(width), int(height)), rgb, luminance

    def require_same(self, data, what):
        """Both read it, and alike. The file stays in the test's folder where they do not."""
        theirs, ours = pillow(data), self(data)
        assert theirs is not None, f"{what}: Pillow cannot read it"
        assert not isinstance(ours, str), f"{what}: {ours}"
        assert ours[0] == theirs[0], (what, ours[0], theirs[0])
        assert ours[1] == theirs[1], (what, "RGB differs")
        assert ours[2] == theirs[2], (what, "L differs")


@pytest.fixture
def decoder(tmp_path):
    return Decoder(tmp_path)


@pytest.fixture(params=["fixed", "fresh"])
def seeded_rng(request, rng):
    """The same images in every run, and others in each."""
    return random.Random(2024) if request.param == "fixed" else rng


def make_image(rng, mode, size):
    """Smooth waves with noise: easy and hard content for an encoder."""
    width, height = size
    bands = len(Image.new(mode, (1, 1)).getbands())
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / rng.uniform(2, 40) + y / rng.uniform(2, 40)) * 127 + 128 for _ in range(bands)]
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.choice([0, 8, 60]), (height, width, bands))
    pixels = np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)
    return Image.frombytes(mode, size, pixels.tobytes())


def encode(image, format, **arguments):
    out = io.BytesIO()
    image.save(out, format, **arguments)
    return out.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def any_size(rng):
    return rng.randrange(1, 200), rng.randrange(1, 200)


def test_jpeg(decoder, seeded_rng):
    rng = seeded_rng
    for mode in ["RGB", "L", "CMYK"]:
        for subsampling in [0, 1, 2]:
            for progressive in [False, True]:
                for size in [*rng.sample(SIDES, 4), any_size(rng)]:
                    quality = rng.choice([1, 10, 50, 75, 90, 95, 100])
                    data = encode(make_image(rng, mode, size), "JPEG", quality=quality, subsampling=subsampling,
                                  progressive=progressive, restart_marker_blocks=rng.choice([0, 1, 5]))  # fmt: skip
                    decoder.require_same(data, (mode, subsampling, progressive, size, quality))


def test_large_jpeg(decoder, rng):
    for size in [(2016, 1512), (6000, 111), (40, 9000)]:
        decoder.require_same(encode(make_image(rng, "RGB", size), "JPEG", exif=orientation(6)), size)


GRAY, FULL = [(1, 1)], [(1, 1)] * 3
LAYOUTS = [FULL] + [[luma, (1, 1), (1, 1)] for luma in [(2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (4, 2), (2, 4)]]
LAYOUTS += [[(2, 2), (2, 1), (2, 1)], [(2, 2), (1, 2), (1, 2)], [(2, 2), (1, 1), (2, 1)], [(1, 1), (2, 2), (1, 1)]]
LAYOUTS += [[(2, 2), (2, 2), (2, 2)], [(3, 1), (1, 1), (1, 1)], [(1, 3), (1, 1), (1, 1)], [(3, 2), (1, 1), (1, 1)]]


@pytest.mark.parametrize("adobe", [None, 0, 1, 2])
def test_jpeg_layouts(adobe, decoder, seeded_rng):
    """Sampling factors, color transforms and component numbers that Pillow reads but does not write."""
    rng = seeded_rng
    inks = [[luma, (1, 1), (1, 1), luma] for luma in [(1, 1), (2, 1), (2, 2)]]
    for sampling in [GRAY, [(2, 2)], *LAYOUTS, *inks]:
        if sum(h * v for h, v in sampling) > 10:
            continue  # more blocks than a unit may have
        for width, height in [(1, 1), (9, 9), (45, 37), (rng.randrange(1, 90), rng.randrange(1, 90))]:
            ids = rng.choice([None, None, [82, 71, 66, 65][: len(sampling)]])
            data = make_jpeg(rng, width, height, sampling, adobe, rng.random() < 0.5, ids, rng.choice([0, 0, 3]))
            decoder.require_same(data, (sampling, adobe, ids, width, height))


def png_extras(rng, depth, kind):
    before = []
    if rng.random() < 0.5 and kind in (0, 2):
        before.append((b"tRNS", bytes(2 if kind == 0 else 6)))
    if rng.random() < 0.5 and kind == 3:
        before.append((b"tRNS", rng.randbytes(rng.randrange(1, (1 << depth) + 1))))
    before += [(b"gAMA", struct.pack(">I", 45455))] * rng.randrange(2)
    return before


@pytest.mark.parametrize("depth, kind", PNG_KINDS)
def test_png(depth, kind, decoder, seeded_rng):
    rng = seeded_rng
    for interlaced in [False, True]:
        for width, height in [*SIDES, any_size(rng)]:
            colors = rng.randrange(1, (1 << depth) + 1) if kind == 3 else None
            data = make_png(rng, width, height, depth, kind, interlaced, colors, png_extras(rng, depth, kind),
                            split=rng.choice([None, 100]))  # fmt: skip
            decoder.require_same(data, (depth, kind, interlaced, width, height, colors))


def test_png_that_pillow_wrote(decoder, rng):
    for mode in ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]:
        for _ in range(5):
            image = make_image(rng, "RGBA", any_size(rng)).convert("L" if mode == "I;16" else mode)
            image = image.convert("I;16") if mode == "I;16" else image
            decoder.require_same(encode(image, "PNG"), mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp(mode, decoder, seeded_rng):
    rng = seeded_rng
    for lossless in [False, True]:
        for size in [*SIDES, *(any_size(rng) for _ in range(5))]:
            quality = rng.choice([0, 20, 75, 100])
            data = encode(make_image(rng, mode, size), "WEBP", lossless=lossless, quality=quality,
                          method=rng.randrange(7), exact=rng.random() < 0.5)  # fmt: skip
            decoder.require_same(data, (mode, lossless, size, quality))


def test_animations(decoder, rng):
    for format in ["WEBP", "PNG"]:
        for mode in ["RGB", "RGBA"]:
            for first_is_a_frame in [False, True]:
                frames = [make_image(rng, mode, (40, 31)) for _ in range(3)]
                arguments = {"default_image": not first_is_a_frame} if format == "PNG" else {}
                data = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=80, **arguments)
                decoder.require_same(data, (format, mode, first_is_a_frame))
                assert decoder.notes == ["image-animated frames='3'"]


def test_bmp(decoder, seeded_rng):
    rng = seeded_rng
    for width, height in [*SIDES, any_size(rng)]:
        for bits in [1, 4, 8, 16, 24, 32]:
            for header in [12, 40, rng.choice([52, 56, 64, 108, 124])]:
                colors = 0 if header == 12 or bits > 8 else rng.choice([0, rng.randrange(1, (1 << bits) + 1)])
                data = make_bmp(rng, width, height, bits, header, colors=colors, gap=rng.choice([0, 0, 10]),
                                from_top=header != 12 and rng.random() < 0.5)  # fmt: skip
                decoder.require_same(data, (bits, header, width, height, colors))
        for bits, masks in BMP_MASKS:
            for header in [40, 56, 108, 124] if masks[3] == 0 else [56, 108, 124]:
                data = make_bmp(rng, width, height, bits, header, 3, masks)
                decoder.require_same(data, (bits, header, masks, width, height))
        for nibbles in [False, True]:
            runs = make_runs(rng, width, height, nibbles)
            data = make_bmp(rng, width, height, 4 if nibbles else 8, 40, 2 if nibbles else 1, pixels=runs)
            decoder.require_same(data, ("runs", nibbles, width, height))


def test_gray_bmp(decoder, rng):
    """Palettes that Pillow takes for none."""
    for bits, colors in [(1, 2), (8, 256), (8, 100)]:
        palette = b"".join(bytes([i * (255 if colors == 2 else 1)] * 3 + [0]) for i in range(colors))
        data = make_bmp(rng, 33, 9, bits, colors=colors, palette=palette)
        decoder.require_same(data, (bits, colors))


def test_ppm(decoder, seeded_rng):
    rng = seeded_rng
    for width, height in [*SIDES, any_size(rng)]:
        space = rng.choice([b"\n", b" ", b"\n# a comment\n", b" \t\r\n"])
        size = b"%d%s%d%s" % (width, space, height, b"\n")
        bits = [rng.randrange(2) for _ in range(width * height)]
        between = rng.choice([b"", b" "])
        decoder.require_same(b"P1" + space + size + between.join(b"%d" % bit for bit in bits), "P1")
        decoder.require_same(b"P4\n" + size + rng.randbytes((width + 7) // 8 * height), "P4")
        for maxval in [255, 65535, *rng.sample([1, 7, 100, 254, 256, 1023, 4095, 65534], 2), rng.randrange(1, 65536)]:
            for kind, channels in [(2, 1), (3, 3), (5, 1), (6, 3)]:
                values = [rng.randrange(maxval + 1) for _ in range(width * height * channels)]
                if kind < 4:
                    pixels = b" ".join(b"%d" % value for value in values)
                else:
                    pixels = b"".join(value.to_bytes(1 if maxval < 256 else 2, "big") for value in values)
                data = b"P%d" % kind + space + size + b"%d\n" % maxval + pixels
                decoder.require_same(data, (kind, maxval, width, height))


def tiff(order, value, kind=3, count=1):
    """EXIF data that has an orientation among its tags."""
    short, long = ("<H", "<I") if order == b"II" else (">H", ">I")
    packed = struct.pack(short if kind in (3, 8) else long, value).ljust(4, b"\0")
    entries = [(0x010F, 2, 4, b"abc\0"), (0x0112, kind, count, packed), (0x0128, 3, 1, struct.pack(short, 2) + b"\0\0")]
    out = order + struct.pack(short, 42) + struct.pack(long, 8) + struct.pack(short, len(entries))
    for tag, type, amount, data in entries:
        out += struct.pack(short, tag) + struct.pack(short, type) + struct.pack(long, amount) + data
    return out + bytes(4)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation%s/></x:xmpmeta>'


def test_orientation(decoder, rng):
    for value in range(10):
        for order, kind in [(b"II", 3), (b"MM", 3), (b"II", 4), (b"MM", 4), (b"MM", 8), (b"II", 9)]:
            exif = tiff(order, value, kind)
            image = make_image(rng, "RGB", (rng.randrange(1, 90), rng.randrange(1, 90)))
            what = (value, order, kind)
            for format in ["JPEG", "WEBP"]:
                decoder.require_same(encode(image, format, exif=b"Exif\0\0" + exif), (format, what))
            for place in ["before", "after"]:
                data = make_png(rng, 7, 5, 8, 2, **{place: [(b"eXIf", exif)]})
                decoder.require_same(data, (place, what))
            profile = b"\nexif\n%8d\n%s\n" % (len(exif), b"\n".join(re.findall(b".{1,72}", exif.hex().encode())))
            for text in [(b"tEXt", b"Raw profile type exif\0" + profile),
                         (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))]:  # fmt: skip
                decoder.require_same(make_png(rng, 7, 5, 8, 2, before=[text]), (text[0], what))


def test_orientation_of_xmp(decoder, rng):
    """Where EXIF has none."""
    for value in range(10):
        for text in [b'="%d"', b">%d<"]:
            xmp = XMP % (text % value)
            image = make_image(rng, "RGB", (31, 22))
            exif = rng.choice([{}, {"exif": orientation(3)}])
            what = (value, text, exif)
            decoder.require_same(encode(image, "JPEG", xmp=xmp, **exif), ("JPEG", what))
            decoder.require_same(encode(image, "WEBP", xmp=xmp, **exif), ("WEBP", what))
            for chunk in [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp), (b"tEXt", b"XML:com.adobe.xmp\0" + xmp),
                          (b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0x\0" + zlib.compress(xmp))]:  # fmt: skip
                decoder.require_same(make_png(rng, 9, 4, 8, 6, before=[chunk]), (chunk[0], what))


def some_images(rng):
    """Files of each format, small enough to be damaged everywhere."""
    image = make_image(rng, "RGB", (rng.randrange(1, 50), rng.randrange(1, 50)))
    yield "JPEG", encode(image, "JPEG", subsampling=rng.randrange(3))
    yield "progressive JPEG", encode(image, "JPEG", progressive=True)
    yield "CMYK JPEG", encode(image.convert("CMYK"), "JPEG")
    depth, kind = rng.choice(PNG_KINDS)
    yield "PNG", make_png(rng, *image.size, depth, kind, rng.random() < 0.5)
    yield "WebP", encode(image, "WEBP", lossless=rng.random() < 0.5)
    yield "BMP", encode(image.convert(rng.choice(["1", "L", "P", "RGB"])), "BMP")
    yield "runs", make_bmp(rng, *image.size, 8, 40, 1, pixels=make_runs(rng, *image.size, False))
    yield "PPM", encode(image.convert(rng.choice(["1", "L", "RGB"])), "PPM")
    yield "plain PPM", b"P3\n3 2\n255\n" + b" ".join(b"%d" % rng.randrange(256) for _ in range(18))


def test_truncated(decoder, seeded_rng):
    """What Pillow refuses is refused, and what it reads is read alike. But a PNG that ends in the last
    bytes of its compressed pixels, which hold no pixel any more, is refused here."""
    rng = seeded_rng
    for name, data in some_images(rng):
        ends = {rng.randrange(len(data)) for _ in range(25)} | {len(data) - i for i in range(1, 9)}
        for end in sorted(ends):
            theirs, ours = pillow(data[:end]), decoder(data[:end])
            if name == "PNG" and isinstance(ours, str) and 16 < len(data) - end < 28:
                continue
            assert (theirs is None) == isinstance(ours, str), (name, end, len(data), ours)
            assert theirs is None or theirs == ours, (name, end, len(data))


def test_what_follows_the_image(decoder, rng):
    for name, data in some_images(rng):
        if name == "plain PPM":
            continue
        for junk in [b"\0", b"\xff\xd9", b"junk" * 40, rng.randbytes(1000), data]:
            decoder.require_same(data + junk, name)


def test_damaged(decoder, seeded_rng):
    """Neither decoder crashes, and where both read a damaged file they read it alike. Not so progressive JPEGs, where
    libjpeg-turbo smooths what lacks, and does it otherwise from version to version."""
    rng = seeded_rng
    both = 0
    for _ in range(2):
        for name, data in some_images(rng):
            for _ in range(10):
                damaged = bytearray(data)
                for _ in range(rng.choice([1, 1, 2, 8])):
                    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
                theirs, ours = pillow(bytes(damaged)), decoder(bytes(damaged))
                if theirs is None or isinstance(ours, str) or name == "progressive JPEG":
                    continue
                both += 1
                assert theirs == ours, (name, damaged.hex())
    assert both > 20
