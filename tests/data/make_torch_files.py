"""Makes torch/: files written by torch.save (2.13), as trainers, old versions and odd tensors make them.

manifest.txt next to them lists what torch.load finds inside, one tensor a line: file, keys that lead to
its dict, name as JSON, dtype, shape as JSON, bytes in hex in row-major order.
"""

import argparse
import collections
import hashlib
import io
import json
import pathlib

import numpy
import torch

FOLDER = pathlib.Path(__file__).parent / "torch"
DTYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.float8_e5m2: "F8_E5M2",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e8m0fnu: "F8_E8M0",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.int16: "I16", torch.uint16: "U16", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int32: "I32", torch.uint32: "U32", torch.float32: "F32", torch.complex64: "C64",
    torch.float64: "F64", torch.int64: "I64", torch.uint64: "U64",
}  # fmt: skip
WITHOUT_STORAGE = {dtype for dtype, name in DTYPES.items() if name.startswith("F8") or name in ("U16", "U32", "U64")}


def tensor_of_bytes(dtype, shape, seed):
    count = 1
    for dim in shape:
        count *= dim
    generator = torch.Generator().manual_seed(seed)
    high = 2 if dtype == torch.bool else 256
    size = count * torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, high, (size,), generator=generator, dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)


def layouts():
    base = torch.arange(48, dtype=torch.float32)
    image = tensor_of_bytes(torch.float16, (4, 3, 3, 3), 7)
    tied = torch.ones(2)
    return {
        "whole": base,
        "view": base[5:11],
        "stepped": base[1:20:3],
        "transposed": base.view(6, 8).t(),
        "permuted": base.view(2, 3, 8).permute(2, 0, 1),
        "channels_last": image.to(memory_format=torch.channels_last),
        "one_by_one": torch.arange(8.0).view(4, 2, 1, 1).to(memory_format=torch.channels_last),
        "expanded": torch.tensor([3.0]).expand(5, 2),
        "odd_stride": torch.as_strided(base, (1, 4), (99, 1), 2),
        "overlapping": torch.as_strided(base, (3, 4), (1, 1), 2),
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "tied": tied,
        "tied_again": tied,
        "shared": tied.view(2, 1),
    }


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(2, 2))


def training():
    """As timm and others save it, with objects that need their own classes."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    average = collections.OrderedDict((f"module.{name}", value * 2) for name, value in model.state_dict().items())
    return {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("out"), betas=(0.9, 0.999)),
        "metric": numpy.float64(0.5),
        "history": collections.defaultdict(list, loss=[0.1, 0.2]),
        "random": numpy.arange(3),
        "state_dict_ema": average,
        "empty": b"",
        "note": b"bytes",
        "classes": {"a", "b"},
    }


def files():
    dtypes = {str(dtype): tensor_of_bytes(dtype, (2, 3), seed) for seed, dtype in enumerate(DTYPES)}
    plain = {name: value for name, value in dtypes.items() if value.dtype not in WITHOUT_STORAGE}
    parameters = {"p": torch.nn.Parameter(torch.ones(2)), "b": torch.nn.Buffer(torch.zeros(2))}
    parameters["p"].note = "kept"
    return {
        "dtypes.pth": (dtypes, {}),
        "layouts.pth": (layouts(), {}),
        "network.pth.tar": (network().state_dict(), {}),
        "parameters.pth": (parameters, {}),
        "training.ckpt": (training(), {}),
        "protocol3.pth": (layouts(), {"pickle_protocol": 3}),
        "protocol4.pth": (layouts(), {"pickle_protocol": 4}),
        "protocol5.ckpt": (training(), {"pickle_protocol": 5}),
        "legacy.pth": (layouts(), {"_use_new_zipfile_serialization": False}),
        "legacy_dtypes.pth": (plain, {"_use_new_zipfile_serialization": False}),
        "legacy_training.pth": (training(), {"_use_new_zipfile_serialization": False}),
    }


def dicts_of(value, path=(), level=1):
    """Every dict with tensors in it that text keys lead to, as weightlift lists them."""
    if not isinstance(value, dict) or type(value) not in (dict, collections.OrderedDict):
        return
    if any(isinstance(item, torch.Tensor) for item in value.values()):
        yield path, value
    for key, item in value.items():
        if isinstance(key, str) and level < 4:
            yield from dicts_of(item, (*path, key), level + 1)


def describe(path):
    for keys, tensors in dicts_of(torch.load(path, weights_only=False)):
        for name, value in tensors.items():
            if not isinstance(value, torch.Tensor):
                continue
            raw = value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            yield "\t".join(
                [path.name, ".".join(keys), json.dumps(name), DTYPES[value.dtype], json.dumps(list(value.shape), separators=(",", ":")), raw.hex()]
            )


def golden():
    """Known beforehand to the last byte."""
    buffer = io.BytesIO()
    torch.save(collections.OrderedDict(w=torch.tensor([1.0, -2.0])), buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    assert digest == "9b983b094fa7fb4b5d9e0c261de325d57c6ed5bea2bc3ddf2f52cfdc80fad9d6", digest
    (FOLDER / "golden.pth").write_bytes(buffer.getvalue())


def main():
    FOLDER.mkdir(exist_ok=True)
    golden()
    for name, (value, options) in files().items():
        torch.save(value, FOLDER / name, **options)
    lines = [line for path in sorted(FOLDER.glob("*")) if path.suffix != ".txt" for line in describe(path)]
    (FOLDER / "manifest.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
