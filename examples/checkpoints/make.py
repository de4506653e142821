"""Makes the checkpoints in this folder: a small ResNet with random weights, as two trainers save it.

usage: .venv-conformance/bin/python examples/checkpoints/make.py   (scripts/conformance makes the environment)
"""
import argparse
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402, F401  (makes timm importable with a CPU torch)
import timm  # noqa: E402

torch.manual_seed(1)


def network(num_classes):
    model = timm.create_model("resnet18", layers=(1, 1, 1, 1), channels=(8, 8, 8, 8), num_classes=num_classes,
                              zero_init_last=False)
    model.train()
    for _ in range(3):
        model(torch.randn(4, 3, 32, 32))
    return model


def prefixed(prefix, model):
    return {prefix + name: value for name, value in model.state_dict().items()}


# As timm's train.py on several GPUs: DataParallel's prefix, an optimizer, and arguments that torch.load refuses.
model = network(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
model(torch.randn(4, 3, 32, 32)).sum().backward()
optimizer.step()
torch.save(
    {
        "epoch": 12,
        "arch": "resnet18",
        "state_dict": prefixed("module.", model),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(data_dir=pathlib.PurePosixPath("flowers"), lr=0.1),
    },
    HERE / "model_best.pth.tar",
)

# As a LightningModule with a backbone and its own head.
torch.save(
    {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": prefixed("backbone.", network(0))
        | {"head.0.weight": torch.randn(16, 8), "head.2.weight": torch.randn(3, 16)},
        "hyper_parameters": {"lr": 0.001},
    },
    HERE / "last.ckpt",
)
