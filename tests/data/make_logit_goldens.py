"""Writes logits.safetensors: what timm's six ResNets answer on torch in float64, for weights and
inputs from counter_random.py, and how far torch's own float32 is from that.

Per network and input size HxW: "resnet50.224x224.logits" F64 [1000], and
"resnet50.224x224.float32_distance" F64 [], the largest |float32 - float64|.

Needs torch, timm and safetensors: python tests/data/make_logit_goldens.py
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "scripts")]
import reference_stack  # noqa: E402, F401
import timm  # noqa: E402

import counter_random  # noqa: E402

SEED = 7
NAMES = ["resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"]
SIZES = [(224, 224), (161, 193), (97, 225)]


@torch.no_grad()
def main():
    torch.manual_seed(0)
    goldens = {}
    for name in NAMES:
        model = timm.create_model(name).eval()
        model.load_state_dict(counter_random.random_resnet(model, SEED))
        inputs = {
            (h, w): counter_random.normal(SEED, f"input.{h}x{w}", (1, 3, h, w), 1.0) for h, w in SIZES
        }
        single = {size: model(x) for size, x in inputs.items()}
        model.double()
        for (h, w), x in inputs.items():
            exact = model(x.double())
            distance = (single[h, w].double() - exact).abs().max()
            goldens[f"{name}.{h}x{w}.logits"] = exact.reshape(-1).contiguous()
            goldens[f"{name}.{h}x{w}.float32_distance"] = distance.reshape(())
            print(f"{name} {h}x{w}: |logits| <= {exact.abs().max():.3f}, float32 off by {distance:.2e}")
    save_file(goldens, HERE / "logits.safetensors")


if __name__ == "__main__":
    main()
