"""The safetensors reader against the real one: never laxer, and stricter only on purpose."""

import json
import struct

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

MUTATIONS = 300


def accepts(weightlift, path):
    done = weightlift("inspect", path, "--json", check=False)
    assert done.returncode in (0, 3), done.stderr
    assert done.returncode == 0 or done.stderr.count("\n") == 1, "a refusal is one line"
    return done.returncode == 0


def reference_accepts(path):
    try:
        with safe_open(path, framework="pt"):
            return True
    except (SafetensorError, OSError):
        return False


def assemble(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD = {"a": entry([2], 0, 8), "b": entry([1], 8, 12)}

# Both accept or both refuse.
AGREED = {
    "good": assemble(GOOD, bytes(12)),
    "trailing white space": assemble(json.dumps(GOOD).encode() + b"\r \t\n", bytes(12)),
    "leading white space": assemble(b" \t" + json.dumps(GOOD).encode(), bytes(12)),
    "metadata null": assemble({"__metadata__": None, **GOOD}, bytes(12)),
    "metadata number": assemble({"__metadata__": {"a": 1}, **GOOD}, bytes(12)),
    "scalar": assemble({"a": entry([], 0, 8, "I64")}, bytes(8)),
    "empty tensor": assemble({"a": entry([0, 3], 0, 0), "b": entry([1], 0, 4)}, bytes(4)),
    "empty tensor inside": assemble({"a": entry([2], 0, 8), "e": entry([0], 4, 4)}, bytes(8)),
    "unaligned": assemble({"a": entry([1], 0, 1, "U8"), "b": entry([1], 1, 5)}, bytes(5)),
    "hole": assemble({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)),
    "overlap": assemble({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "byte too many": assemble(GOOD, bytes(13)),
    "byte too few": assemble(GOOD, bytes(11)),
    "wrong size": assemble({"a": entry([3], 0, 8)}, bytes(8)),
    "overflow": assemble({"a": entry([2**32, 2**32], 0, 0)}),
    "float dimension": assemble({"a": entry([2.0], 0, 8)}, bytes(8)),
    "negative dimension": assemble({"a": entry([-2], 0, 8)}, bytes(8)),
    "lower-case dtype": assemble({"a": entry([2], 0, 8, "f32")}, bytes(8)),
    "no offsets": assemble({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "unknown field": assemble({"a": {**entry([2], 0, 8), "more": [[[1]]]}}, bytes(8)),
    "byte order mark": assemble(b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), bytes(12)),
    "NUL padding": assemble(json.dumps(GOOD).encode() + b"\0\0", bytes(12)),
    "two documents": assemble(b"{}{}"),
    "no UTF-8": assemble(b'{"\xff":1}'),
    "array": assemble(b"[]"),
    "header beyond the file": struct.pack("<Q", 1000) + b"{}",
    "huge header": struct.pack("<Q", 2**64 - 1) + b"{}",
    "short": b"\x01\0\0",
    "nothing": b"",
}

# The real reader accepts these; readers disagree about them, or other tools cannot hold them.
STRICTER = {
    "a name twice": assemble(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                             b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "a name twice, once escaped": assemble(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                                           b'"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "entry as array": assemble(b'{"a":["F32",[1],[0,4]]}', bytes(4)),
    "rank 1000": assemble({"a": entry([1] * 1000, 0, 4)}, bytes(4)),
    "empty name": assemble({"": entry([1], 0, 4)}, bytes(4)),
    "NUL in a name": assemble({"a\0b": entry([1], 0, 4)}, bytes(4)),
}


@pytest.mark.parametrize("name", AGREED)
def test_agrees_with_the_real_reader(name, weightlift, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(AGREED[name])
    assert accepts(weightlift, path) == reference_accepts(path)


@pytest.mark.parametrize("name", STRICTER)
def test_is_stricter_on_purpose(name, weightlift, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(STRICTER[name])
    assert reference_accepts(path)
    assert not accepts(weightlift, path)


def mutate(rng, content):
    """Changes, removes or repeats a few bytes, mostly of the header."""
    data = bytearray(content)
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data)) if rng.random() < 0.1 else rng.randrange(8, header_end)
        at = min(at, len(data) - 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at] = rng.choice(b'0123456789{}[]",:. -eE\\unltrf')
        elif kind == 2:
            del data[at]
        else:
            data[at:at] = data[at:at + rng.randint(1, 20)]
    if rng.random() < 0.7:  # keep the length right, so that the header itself is looked at
        data[:8] = struct.pack("<Q", max(0, header_end - 8 + len(data) - len(content)))
    return bytes(data)


def test_never_accepts_what_the_real_reader_refuses(weightlift, rng, tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {"conv1.weight": torch.randn(2, 3), "bn1.num_batches_tracked": torch.tensor(3), "x": torch.zeros(0, 2)}
    save_file(tensors, path, metadata={"format": "pt"})
    content = path.read_bytes()
    refused = 0
    for _ in range(MUTATIONS):
        path.write_bytes(mutate(rng, content))
        if not reference_accepts(path):
            refused += 1
            assert not accepts(weightlift, path), path.read_bytes()
    assert refused > MUTATIONS / 4
