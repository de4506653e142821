"""Writes names and shapes of tensors in the order of state_dict(), for small RegNets.

regnets.txt: RegNet X and Y as timm, transformers and torchvision build them. other_regnets.txt: networks of
timm's RegNet class that transformers' RegNet does not have.

A network is a line "= NAME", then one line per tensor: the name and its dimensions.

Needs the reference stack: python tests/data/make_regnets.py
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402,F401

import timm  # noqa: E402
import torch  # noqa: E402
from torchvision.models.regnet import BlockParams, RegNet  # noqa: E402
from transformers import RegNetConfig, RegNetForImageClassification  # noqa: E402

CLASSES = 3
DEPTHS = [1, 1, 2, 1]
WIDTHS = [8, 16, 32, 64]
GROUP = 8
# timm computes DEPTHS and WIDTHS from these.
RULE = dict(depth=5, w0=8, wa=12.0, wm=2.0, group_size=GROUP)
OTHERS = {
    "preact": dict(preact=True),
    "average pool": dict(downsample="avg"),
    "no shortcuts": dict(downsample=""),
    "se_ratio": dict(se_ratio=0.5),
    "bottle_ratio": dict(bottle_ratio=2.0),
    "num_features": dict(num_features=96),
    "layer norm": dict(norm_layer="layernorm2d"),
    "catavgmax": dict(global_pool="catavgmax"),
}


def networks():
    for kind, se_ratio in (("x", None), ("y", 0.25)):
        yield f"timm {kind}", timm.create_model(f"regnet{kind}_002", num_classes=CLASSES, **RULE)
        yield f"transformers {kind}", RegNetForImageClassification(RegNetConfig(
            layer_type=kind, depths=DEPTHS, hidden_sizes=WIDTHS, groups_width=GROUP, num_labels=CLASSES))
        blocks = BlockParams(DEPTHS, WIDTHS, [GROUP] * 4, [1.0] * 4, [2] * 4, se_ratio)
        yield f"torchvision {kind}", RegNet(blocks, num_classes=CLASSES)


def others():
    for name, arguments in OTHERS.items():
        yield name, timm.create_model("regnety_002", num_classes=CLASSES, **(RULE | arguments))


def write(file_name, found):
    with torch.device("meta"), open(HERE / file_name, "w") as out:
        for name, network in found:
            print("=", name, file=out)
            for key, tensor in network.state_dict().items():
                print(key, *tensor.shape, file=out)


if __name__ == "__main__":
    write("regnets.txt", networks())
    write("other_regnets.txt", others())
