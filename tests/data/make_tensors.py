"""Makes tensor/: what torch (2.13.0, CPU) makes of conversions and of allclose.

conversions.txt: for each pair of dtypes the sha256 of the converted elements of a list that
tests/tensor/convert_test.cpp builds by the same rule. Every NaN is replaced by one of its dtype
first, since torch's NaN bits depend on the machine.
allclose.txt: pairs of float32 near the edge of a tolerance, as bits, with torch's answer.
"""

import hashlib
import pathlib

import torch

FOLDER = pathlib.Path(__file__).parent / "tensor"
NAMES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
ONE_NAN = {"F16": 0x7E00, "BF16": 0x7FC0, "F32": 0x7FC00000, "F64": 0x7FF8000000000000}
# Low halves of a float32 around every edge at which a 16-bit type rounds.
LOW = [step + edge for step in range(0, 0x10000, 0x2000) for edge in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF)]
# What is added to the bits of a float64 made of a float32: around half a unit of the float32.
EDGES_64 = [0, 1, 2**28 - 1, 2**28, 2**28 + 1]


def inputs(name):
    """All values of a 16-bit type; 65536 high halves with LOW for F32; of every 16th such F32 for
    F64 the double with EDGES_64 added."""
    if name in ("F16", "BF16"):
        return torch.arange(65536, dtype=torch.int32).to(torch.int16).view(NAMES[name])
    high = torch.arange(65536, dtype=torch.int64).repeat_interleave(len(LOW))
    bits = high * 65536 + torch.tensor(LOW, dtype=torch.int64).repeat(65536)
    floats = bits.to(torch.int32).view(torch.float32)
    if name == "F32":
        return floats
    doubles = floats[::16].double()
    doubles = doubles[doubles.isfinite()]
    edges = torch.tensor(EDGES_64, dtype=torch.int64).repeat(doubles.numel())
    return (doubles.view(torch.int64).repeat_interleave(len(EDGES_64)) + edges).view(torch.float64)


def digest(tensor, name):
    bits = tensor.view(INTEGERS[tensor.element_size()]).clone()
    bits[tensor.isnan()] = torch.tensor(ONE_NAN[name], dtype=torch.int64).to(bits.dtype)
    return hashlib.sha256(bits.numpy().tobytes()).hexdigest()


def conversions():
    for source in NAMES:
        values = inputs(source)
        for target, dtype in NAMES.items():
            if target != source:
                yield f"{source} {target} {values.numel()} {digest(values.to(dtype), target)}"


def allclose():
    generator = torch.Generator().manual_seed(0)
    special = [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-45, 3e38, -3e38]
    pairs = [(a, b, 1e-5, 1e-8) for a in special for b in special]
    for rtol, atol in ((1e-5, 1e-8), (1e-3, 1e-5), (0.1, 0.0), (0.0, 0.1), (0.0, 0.0)):
        for b in torch.randn(40, generator=generator).tolist():
            edge = torch.tensor(b + (atol + rtol * abs(b)) * (1 if b > 0 else -1))
            # From one float inside the tolerance to one outside it.
            for step in range(-3, 4):
                near = (edge.view(torch.int32) + step).view(torch.float32).item()
                pairs.append((near, b, rtol, atol))
    for a, b, rtol, atol in pairs:
        left, right = torch.tensor([a]), torch.tensor([b])
        bits = [x.view(torch.int32).item() & 0xFFFFFFFF for x in (left, right)]
        close = torch.allclose(left, right, rtol=rtol, atol=atol, equal_nan=True)
        yield f"{bits[0]} {bits[1]} {rtol} {atol} {int(close)}"


def main():
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "conversions.txt").write_text("\n".join(conversions()) + "\n")
    (FOLDER / "allclose.txt").write_text("\n".join(allclose()) + "\n")


if __name__ == "__main__":
    main()
