"""Image files that no encoder at hand writes: any layout of a JPEG's components, any kind of PNG and BMP.
Pixels are random, which needs no encoder: random coefficients are a JPEG, and random bytes behind any filter a PNG."""

import struct
import zlib

DC_SYMBOLS = range(8)
AC_SYMBOLS = [0x00, 0x01, 0x11, 0x21, 0x51, 0x02, 0x12, 0x32, 0x03, 0x13, 0x04, 0xF0]


class Bits:
    def __init__(self):
        self.text = []

    def add(self, value, count):
        if count:
            self.text.append(format(value, f"0{count}b"))

    def take(self):
        """As bytes, padded with ones, 0xFF followed by the zero that marks it as data."""
        text = "".join(self.text)
        self.text = []
        text += "1" * (-len(text) % 8)
        return int("1" + text, 2).to_bytes(len(text) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\x00")


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def huffman_table(place, symbols):
    """Codes of four bits: the symbol's place in the list."""
    counts = [0] * 16
    counts[3] = len(symbols)
    return segment(0xC4, bytes([place, *counts, *symbols]))


def add_block(rng, bits, state, i):
    """A DC coefficient near the one before, a few AC coefficients, and the end of the block."""
    value = max(-60, min(60, state[i] + rng.randrange(-12, 13)))
    difference, state[i] = value - state[i], value
    size = abs(difference).bit_length()
    bits.add(size, 4)
    bits.add(difference if difference >= 0 else difference + (1 << size) - 1, size)
    place = 1
    for _ in range(rng.randrange(5)):
        symbol = rng.choice(AC_SYMBOLS[1:-1])
        place += (symbol >> 4) + 1
        if place > 63:
            break
        bits.add(AC_SYMBOLS.index(symbol), 4)
        bits.add(rng.getrandbits(symbol & 15), symbol & 15)
    bits.add(AC_SYMBOLS.index(0), 4)


def make_jpeg(rng, width, height, sampling, adobe=None, jfif=False, ids=None, restart=0, before_frame=b""):
    """A baseline JPEG. sampling: (horizontal, vertical) of each component; adobe: the transform of that
    marker, None without one."""
    ids = ids or range(1, len(sampling) + 1)
    out = [b"\xff\xd8"]
    if jfif:
        out.append(segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"))
    if adobe is not None:
        out.append(segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe])))
    out.append(before_frame)
    out.append(segment(0xDB, bytes([0] + [rng.randrange(4, 20) for _ in range(64)])))
    parts = b"".join(bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(ids, sampling))
    out.append(segment(0xC0, struct.pack(">BHHB", 8, height, width, len(sampling)) + parts))
    out.append(huffman_table(0x00, list(DC_SYMBOLS)) + huffman_table(0x10, AC_SYMBOLS))
    if restart:
        out.append(segment(0xDD, struct.pack(">H", restart)))
    out.append(segment(0xDA, bytes([len(sampling)]) + b"".join(bytes([i, 0]) for i in ids) + b"\0\x3f\0"))
    most_h, most_v = max(h for h, _ in sampling), max(v for _, v in sampling)
    if len(sampling) == 1:  # the blocks of a single component are consecutive at any sampling
        sampling, most_h, most_v = [(1, 1)], 1, 1
    units = -(-width // (8 * most_h)) * -(-height // (8 * most_v))
    bits, state = Bits(), [0] * len(sampling)
    for unit in range(units):
        if restart and unit and unit % restart == 0:
            out.append(bits.take() + bytes([0xFF, 0xD0 + (unit // restart - 1) % 8]))
            state = [0] * len(sampling)
        for i, (h, v) in enumerate(sampling):
            for _ in range(h * v):
                add_block(rng, bits, state, i)
    out.append(bits.take() + b"\xff\xd9")
    return b"".join(out)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PNG_KINDS = [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3),
             (8, 4), (16, 4), (8, 6), (16, 6)]  # fmt: skip
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png_rows(rng, width, height, bits_per_pixel, interlaced):
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    for left, top, step_x, step_y in passes:
        columns, rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
        if columns > 0:
            for _ in range(rows):
                yield bytes([rng.randrange(5)]) + rng.randbytes((columns * bits_per_pixel + 7) // 8)


def make_png(rng, width, height, depth, kind, interlaced=False, colors=None, before=(), after=(), split=None):
    """A PNG. colors: how many the palette has; before, after: chunks around the pixels; split: bytes per IDAT."""
    rows = b"".join(png_rows(rng, width, height, depth * PNG_CHANNELS[kind], interlaced))
    out = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))]
    if kind == 3:
        out.append(chunk(b"PLTE", rng.randbytes(3 * (colors or 1 << depth))))
    out += [chunk(*pair) for pair in before]
    packed = zlib.compress(rows, rng.randrange(10))
    split = split or len(packed)
    out += [chunk(b"IDAT", packed[i : i + split]) for i in range(0, len(packed), split)]
    out += [chunk(*pair) for pair in after]
    return b"".join(out) + chunk(b"IEND", b"")


BMP_MASKS = [
    (32, (0xFF0000, 0xFF00, 0xFF, 0)), (32, (0xFF000000, 0xFF0000, 0xFF00, 0)), (32, (0xFF000000, 0xFF00, 0xFF, 0)),
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)), (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), (32, (0xFF000000, 0xFF00, 0xFF, 0xFF0000)), (32, (0, 0, 0, 0)),
    (24, (0xFF0000, 0xFF00, 0xFF, 0)), (16, (0xF800, 0x7E0, 0x1F, 0)), (16, (0x7C00, 0x3E0, 0x1F, 0)),
]  # fmt: skip


def make_bmp(rng, width, height, bits, header=40, compression=0, masks=None, colors=0, from_top=False, pixels=None,
             palette=None, gap=0):  # fmt: skip
    """A BMP. pixels: bytes instead of random ones; gap: bytes between palette and pixels."""
    if pixels is None:
        pixels = rng.randbytes((width * bits + 31) // 32 * 4 * height)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, -height if from_top else height, 1, bits, compression,
                           len(pixels), 2835, 2835, colors, 0)  # fmt: skip
        words = struct.pack("<IIII", *(masks or (0, 0, 0, 0)))
        # Masks follow a header of 40 bytes, of three colors, and inside of larger ones.
        head += words[:12] if header == 40 and masks else (words + bytes(124))[: header - 40]
    if bits <= 8:
        count = colors or 1 << bits
        head += palette if palette is not None else rng.randbytes(count * (3 if header == 12 else 4))
    start = 14 + len(head) + gap
    return b"BM" + struct.pack("<III", start + len(pixels), 0, start) + head + bytes(gap) + pixels


def make_runs(rng, width, height, nibbles):
    """Run lengths of a whole image, in all the ways there are."""
    out = bytearray()
    for _ in range(height):
        x = 0
        while x < width:
            count = rng.randrange(1, min(255, width - x) + 1)
            if count > 2 and rng.random() < 0.5:
                taken = (count + 1) // 2 if nibbles else count
                out += bytes([0, count]) + rng.randbytes(taken) + bytes(taken % 2)
            else:
                out += bytes([count]) + rng.randbytes(1)
            x += count
            if x < width and rng.random() < 0.1:
                out += bytes([0, 2, 1, 0])
                x += 1
        if rng.random() < 0.9:
            out += b"\0\0"
            continue
        out += b"\0\0"
    return bytes(out) + b"\0\1"
