"""Writes layers.safetensors: one small case per kind of layer, computed by torch in float64 from
float32 inputs and weights.

A case NAME has "NAME.input" (N, C, H, W), its parameters by torch's names, "NAME.output" (float64
rounded to float32) and "NAME.options": for convolutions I64 [in_channels, out_channels, kernel_size,
stride, padding, dilation, groups, bias], for max pooling [kernel_size, stride, padding], for linear
layers [in_features, out_features, bias].

Needs torch and safetensors: python tests/data/make_layer_goldens.py
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent

# in, out, kernel, stride, padding, dilation, groups, bias; then the input's N, H, W
CONVOLUTIONS = {
    "stem": ((3, 16, 7, 2, 3, 1, 1, False), (1, 13, 16)),
    "one_channel": ((1, 8, 7, 2, 3, 1, 1, False), (1, 17, 17)),
    "plain3x3": ((16, 16, 3, 1, 1, 1, 1, False), (1, 9, 7)),
    "stride2": ((16, 24, 3, 2, 1, 1, 1, False), (1, 9, 8)),
    "pointwise": ((32, 16, 1, 1, 0, 1, 1, False), (1, 7, 5)),
    "pointwise_stride2": ((16, 32, 1, 2, 0, 1, 1, False), (1, 9, 8)),
    "pointwise_stride3": ((8, 8, 1, 3, 0, 1, 1, False), (2, 8, 9)),
    "odd_channels": ((20, 12, 3, 1, 1, 1, 1, False), (1, 6, 5)),
    "odd_pointwise": ((13, 21, 1, 1, 0, 1, 1, False), (1, 5, 6)),
    "batch": ((16, 16, 3, 1, 1, 1, 1, False), (3, 5, 6)),
    "bias": ((8, 16, 3, 1, 1, 1, 1, True), (1, 6, 6)),
    "dilation2": ((8, 8, 3, 1, 2, 2, 1, False), (1, 9, 9)),
    "dilation3_stride2": ((4, 8, 3, 2, 2, 3, 1, False), (1, 12, 11)),
    "groups": ((16, 32, 3, 1, 1, 1, 4, False), (1, 5, 4)),
    "depthwise": ((16, 16, 3, 1, 1, 1, 16, True), (1, 6, 7)),
    "no_padding": ((16, 8, 5, 1, 0, 1, 1, False), (1, 9, 8)),
    "single_pixel": ((16, 24, 3, 1, 1, 1, 1, False), (1, 1, 1)),
}
# kernel, stride, padding; then the input's N, C, H, W
MAX_POOLS = {
    "resnet": ((3, 2, 1), (2, 8, 13, 12)),
    "odd": ((3, 2, 1), (1, 5, 8, 7)),
    "even": ((2, 2, 0), (1, 8, 7, 9)),
}
# in, out, bias; then N
LINEARS = {"plain": ((37, 11, True), 1), "batch": ((64, 20, True), 3), "no_bias": ((16, 5, False), 1)}
ACTIVATIONS = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "gelu_pytorch_tanh": nn.GELU(approximate="tanh"),
    "mish": nn.Mish(),
    "hardswish": nn.Hardswish(),
    "leaky_relu": nn.LeakyReLU(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "linear": nn.Identity(),
}


def add_case(goldens, name, module, x, options=()):
    goldens[f"{name}.input"] = x
    for key, tensor in module.state_dict().items():
        goldens[f"{name}.{key}"] = tensor.clone()
    if options:
        goldens[f"{name}.options"] = torch.tensor([int(option) for option in options])
    goldens[f"{name}.output"] = module.double()(x.double()).float().contiguous()


@torch.no_grad()
def main():
    torch.manual_seed(11)
    goldens = {}
    for name, (options, (n, h, w)) in CONVOLUTIONS.items():
        cin, cout, kernel, stride, padding, dilation, groups, bias = options
        conv = nn.Conv2d(cin, cout, kernel, stride, padding, dilation, groups, bias)
        add_case(goldens, f"conv_{name}", conv, torch.randn(n, cin, h, w), options)
    norm = nn.BatchNorm2d(12).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        tensor.copy_(torch.randn(12))
    norm.running_var.copy_(torch.rand(12) + 0.01)
    add_case(goldens, "batch_norm", norm, torch.randn(2, 12, 5, 4))
    for name, (options, shape) in MAX_POOLS.items():
        add_case(goldens, f"max_pool_{name}", nn.MaxPool2d(*options), torch.randn(shape), options)
    add_case(goldens, "avg_pool", nn.AdaptiveAvgPool2d(1), torch.randn(2, 12, 7, 5))
    for name, (options, n) in LINEARS.items():
        add_case(goldens, f"linear_{name}", nn.Linear(*options), torch.randn(n, options[0]), options)
    grid = torch.cat([torch.linspace(-12, 12, 191), torch.tensor([-0.0])]).reshape(1, 4, 6, 8)
    for name, module in ACTIVATIONS.items():
        add_case(goldens, f"activation_{name}", module, grid.clone())
    save_file(goldens, HERE / "layers.safetensors")


if __name__ == "__main__":
    main()
