"""Makes safetensors/: files written by the safetensors package (0.8.0) and by transformers (5.23.0).

manifest.txt next to them lists what the real reader finds inside, one tensor a line:
file, name as JSON, dtype, shape as JSON, bytes in hex (a digest beyond 64 bytes).
"""

import hashlib
import json
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "safetensors"
DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.float8_e5m2, torch.float8_e4m3fn,
    torch.float8_e8m0fnu, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.int16, torch.uint16,
    torch.float16, torch.bfloat16, torch.int32, torch.uint32, torch.float32, torch.complex64,
    torch.float64, torch.int64, torch.uint64,
]  # fmt: skip
NAMES = [
    "b10", "b9", "a", "B", "\u00e9", "\U0001f600", "\u2028", 'quote"', "back\\slash", "a/b",
    "../../etc/passwd", "C:\\x", "\b\f\n\r\t", "\x01\x1f\x7f", "layer1.0.conv1.weight", "__metadata_",
]  # fmt: skip


def tensor_of_bytes(dtype, shape, seed):
    count = 1
    for dim in shape:
        count *= dim
    generator = torch.Generator().manual_seed(seed)
    high = 2 if dtype == torch.bool else 256
    size = count * torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, high, (size,), generator=generator, dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)


def save(name, tensors, metadata=None):
    save_file(tensors, FOLDER / f"{name}.safetensors", metadata=metadata)


def save_resnet():
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
    import reference_stack  # noqa: F401
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 4], depths=[1, 1], layer_type="basic", num_labels=3
    )
    torch.manual_seed(0)
    ResNetForImageClassification(config).save_pretrained(FOLDER / "resnet")
    (FOLDER / "resnet" / "model.safetensors").rename(FOLDER / "transformers.safetensors")
    for left in (FOLDER / "resnet").iterdir():
        left.unlink()
    (FOLDER / "resnet").rmdir()


def describe(path):
    with safe_open(path, framework="pt") as file:
        for name in file.offset_keys():
            tensor = file.get_tensor(name)
            raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            stored = file.get_slice(name).get_dtype()
            shape = json.dumps(list(tensor.shape), separators=(",", ":"))
            value = raw.hex() if len(raw) <= 64 else "sha256:" + hashlib.sha256(raw).hexdigest()
            yield "\t".join((path.name, json.dumps(name), stored, shape, value))


def main():
    FOLDER.mkdir(exist_ok=True)
    save("dtypes", {str(d).split(".")[1]: tensor_of_bytes(d, (2, 3), i) for i, d in enumerate(DTYPES)})
    save("names", {name: tensor_of_bytes(torch.float32, (1,), i) for i, name in enumerate(NAMES)})
    save(
        "shapes",
        {
            "scalar": torch.tensor(7, dtype=torch.int64),
            "empty": torch.zeros(0),
            "empty_middle": torch.zeros(2, 0, 3),
            "ones": tensor_of_bytes(torch.float16, (1, 1, 1, 1, 1), 0),
            "odd": tensor_of_bytes(torch.uint8, (3,), 1),
            "odd_too": tensor_of_bytes(torch.bfloat16, (5,), 2),
        },
    )
    save("none", {})
    save("pt", {"w": torch.tensor([1.0, -2.0])}, {"format": "pt"})
    save("metadata", {"w": torch.tensor([1.0])}, {'a"\\\n\x02\u00e9': 'v"\\\t\x7f/\u2028'})
    special = [0x7FC00000, 0x7F800001, 0xFFC00001, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x807FFFFF]
    save("special", {"w": torch.tensor(special, dtype=torch.uint32).view(torch.float32)})
    save_resnet()
    for path in FOLDER.glob("*.safetensors"):
        path.chmod(0o644)
    lines = [line for path in sorted(FOLDER.glob("*.safetensors")) for line in describe(path)]
    (FOLDER / "manifest.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
