"""Writes images/: small images of every kind that is decoded, and images/samples.txt, a line for each: name,
format, width, height, and SHA-256 of the samples of ImageOps.exif_transpose(Image.open(file)).convert("RGB"), then "L".

Needs the reference stack: python tests/data/make_images.py
"""

import hashlib
import io
import pathlib
import random
import struct
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "images"
sys.path.insert(0, str(HERE.parent / "conformance"))

from image_files import PNG_KINDS, make_bmp, make_jpeg, make_png, make_runs  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

SIZE = (11, 7)
RNG = random.Random(1)


def image(mode="RGB", size=SIZE):
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = bytes((x * 20 + y * 9 + band * 60) % 256 for y in range(size[1]) for x in range(size[0]) for band in range(bands))
    return Image.frombytes(mode, size, pixels)


def encode(image, format, **arguments):
    out = io.BytesIO()
    image.save(out, format, **arguments)
    return out.getvalue()


def exif(orientation):
    return b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0" + struct.pack("<HHI", orientation, 0, 0)


def jpegs():
    yield "444.jpg", encode(image(), "JPEG", subsampling=0, optimize=True)
    yield "422.jpg", encode(image(), "JPEG", subsampling=1, optimize=True)
    yield "420.jpg", encode(image(size=(19, 18)), "JPEG", subsampling=2, optimize=True)
    yield "440.jpg", make_jpeg(RNG, 13, 18, [(1, 2), (1, 1), (1, 1)])
    yield "411.jpg", make_jpeg(RNG, 35, 9, [(4, 1), (1, 1), (1, 1)], restart=1)
    yield "progressive.jpg", encode(image(), "JPEG", progressive=True)
    yield "gray.jpg", encode(image("L"), "JPEG", optimize=True)
    yield "rgb.jpg", make_jpeg(RNG, 9, 9, [(1, 1)] * 3, adobe=0)
    yield "cmyk.jpg", encode(image("CMYK"), "JPEG", optimize=True)
    yield "cmyk_without_adobe.jpg", make_jpeg(RNG, 9, 9, [(1, 1)] * 4)
    yield "ycck.jpg", make_jpeg(RNG, 17, 9, [(2, 1), (1, 1), (1, 1), (2, 1)], adobe=2)
    yield "turned.jpg", encode(image(), "JPEG", optimize=True, exif=b"Exif\0\0" + exif(6))


def pngs():
    for depth, kind in PNG_KINDS:
        yield f"kind{kind}_{depth}.png", make_png(RNG, *SIZE, depth, kind)
    for depth, kind in [(1, 0), (2, 3), (8, 2), (16, 6)]:
        yield f"interlaced{kind}_{depth}.png", make_png(RNG, *SIZE, depth, kind, interlaced=True)
    yield "transparent.png", make_png(RNG, *SIZE, 4, 3, colors=9, before=[(b"tRNS", b"\x80\0\xff")])
    yield "transparent_color.png", make_png(RNG, *SIZE, 8, 2, before=[(b"tRNS", bytes(6))])
    for orientation in range(1, 9):
        yield f"orientation{orientation}.png", make_png(RNG, 3, 2, 8, 2, before=[(b"eXIf", exif(orientation))])
    yield "xmp.png", make_png(RNG, 3, 2, 8, 2, before=[(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0tiff:Orientation="8"')])
    profile = b"Raw profile type exif\0\nexif\n%8d\n" % len(exif(6)) + exif(6).hex().encode()
    yield "raw_profile.png", make_png(RNG, 3, 2, 8, 2, after=[(b"tEXt", profile)])
    yield "animated.png", encode(image(), "PNG", save_all=True, append_images=[image("L").convert("RGB")])


def webps():
    yield "lossy.webp", encode(image(size=(35, 18)), "WEBP", quality=60)
    yield "lossless.webp", encode(image(), "WEBP", lossless=True)
    yield "alpha.webp", encode(image("RGBA"), "WEBP", quality=70)
    yield "turned.webp", encode(image(), "WEBP", exif=b"Exif\0\0" + exif(8))
    frames = [image("L").convert("RGB"), image("RGB", SIZE).rotate(180)]
    yield "animated.webp", encode(image(), "WEBP", save_all=True, append_images=frames)


def bmps():
    for bits in [1, 4, 8, 16, 24, 32]:
        yield f"bits{bits}.bmp", make_bmp(RNG, *SIZE, bits, colors=5 if bits == 4 else 9 if bits == 8 else 0)
    yield "from_top.bmp", make_bmp(RNG, *SIZE, 24, from_top=True)
    yield "core.bmp", make_bmp(RNG, *SIZE, 4, header=12)
    yield "565.bmp", make_bmp(RNG, *SIZE, 16, 40, 3, (0xF800, 0x7E0, 0x1F, 0))
    yield "masks.bmp", make_bmp(RNG, *SIZE, 32, 108, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    yield "rle8.bmp", make_bmp(RNG, *SIZE, 8, 40, 1, colors=9, pixels=make_runs(RNG, *SIZE, False))
    yield "rle4.bmp", make_bmp(RNG, *SIZE, 4, 40, 2, pixels=make_runs(RNG, *SIZE, True))


def ppms():
    yield "plain.pbm", b"P1\n# bits\n3 2\n010\n1 1 0\n"
    yield "plain.pgm", b"P2 3 2 15 0 3 15 # half\n7 8 14\n"
    yield "plain.ppm", b"P3\n2 1\n1000\n0 500 1000 1 2 3\n"
    yield "bits.pbm", b"P4\n11 2\n" + RNG.randbytes(4)
    yield "bytes.pgm", b"P5\n3 2\n255\n" + RNG.randbytes(6)
    yield "pairs.pgm", b"P5\n3 2\n65535\n" + struct.pack(">6H", 0, 1, 254, 255, 256, 65535)
    yield "ten_bits.pgm", b"P5\n3 1\n1023\n" + struct.pack(">3H", 1, 3, 5)
    yield "bytes.ppm", b"P6\n3 2\n255\n" + RNG.randbytes(18)
    yield "maxval.ppm", b"P6\n2 1\n100\n" + bytes([0, 1, 50, 99, 100, 200])
    yield "pairs.ppm", b"P6\n2 1\n4095\n" + struct.pack(">6H", 0, 8, 9, 2048, 4095, 65535)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def main():
    warnings.simplefilter("ignore")  # of palettes whose transparency Pillow ignores
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    lines = []
    for name, data in [*jpegs(), *pngs(), *webps(), *bmps(), *ppms()]:
        (FOLDER / name).write_bytes(data)
        opened = Image.open(FOLDER / name)
        turned = ImageOps.exif_transpose(opened)
        samples = [sha256(turned.convert(mode).tobytes()) for mode in ("RGB", "L")]
        format = {"WEBP": "WebP"}.get(opened.format, opened.format)
        lines.append(" ".join([name, format, *map(str, turned.size), *samples]))
    (FOLDER / "samples.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
