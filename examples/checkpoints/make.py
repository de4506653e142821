"""Makes the checkpoints of this folder: a small ResNet as two trainers would have left it, with random weights.

usage: python examples/checkpoints/make.py   (torch and timm: scripts/conformance has made them a home)
"""
import argparse
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import reference_stack  # noqa: E402, F401  (what timm needs of torchvision)
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


# timm's train.py on several GPUs: DataParallel's prefix, an optimizer, arguments that torch.load refuses.
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

# A LightningModule with a backbone and a head of its own.
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
