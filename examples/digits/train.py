#!/usr/bin/env python3
"""Trains a small ResNet. Writes all other files of this folder except the README:

    .venv-conformance/bin/python examples/digits/train.py

scripts/conformance makes that environment. The data are scikit-learn's digits: 1,797 handwritten
digits of 8x8 pixels, a copy of the test set of "Optical Recognition of Handwritten Digits" (UCI Machine
Learning Repository). Here each is enlarged to 32x32 and its grey made RGB.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import reference_stack  # noqa: E402,F401

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
SEED = 0
SIZE = 32
EPOCHS = 15
BATCH_SIZE = 64
LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def enlarge(pixels):
    """An 8x8 digit with values 0..16 as the RGB image that the network sees."""
    grey = np.round(pixels * (255 / 16)).astype(np.uint8)
    return Image.fromarray(grey).resize((SIZE, SIZE), Image.Resampling.BICUBIC).convert("RGB")


def load_split():
    """Train and test images with their digits, 80 to 20, each digit in proportion."""
    digits = load_digits()
    images = [enlarge(p) for p in digits.images]
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=SEED)


def to_tensor(images):
    """(N, 3, 32, 32) float32, 0..1."""
    return torch.from_numpy(np.stack([np.asarray(p) for p in images])).permute(0, 3, 1, 2) / 255


def make_model(mean, std):
    # Without a pretrained_cfg of its own timm would stamp the model with resnet18's default tag,
    # license and origin, which are those of other weights.
    pretrained_cfg = dict(
        architecture="resnet18",
        input_size=(3, SIZE, SIZE),
        interpolation="bicubic",
        crop_pct=1.0,
        mean=(mean,) * 3,
        std=(std,) * 3,
        num_classes=len(LABELS),
        pool_size=(1, 1),
        first_conv="conv1",
        classifier="fc",
    )
    return timm.create_model(
        "resnet18",
        pretrained_cfg=pretrained_cfg,
        channels=(16, 32, 64, 128),
        in_chans=3,
        num_classes=len(LABELS),
    )


def train(model, pixel_values, targets):
    steps = EPOCHS * (len(targets) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    model.train()
    for epoch in range(EPOCHS):
        batches = torch.randperm(len(targets)).split(BATCH_SIZE)[: steps // EPOCHS]
        for batch in batches:
            # A digit is the same digit when it is written a little higher or further left.
            shift = torch.randint(-3, 4, (2,)).tolist()
            x = torch.roll(pixel_values[batch], shift, dims=(2, 3))
            loss = torch.nn.functional.cross_entropy(model(x), targets[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")


@torch.no_grad()
def count_correct(pixel_values, targets):
    """Of the folder as written, not of the model in memory."""
    model = timm.create_model(f"local-dir:{FOLDER}", pretrained=True).eval()
    return int((model(pixel_values).argmax(1) == targets).sum())


def save_images(images, targets):
    """The first test image of each digit."""
    folder = FOLDER / "images"
    folder.mkdir(exist_ok=True)
    for digit, label in enumerate(LABELS):
        images[int(np.argmax(targets == digit))].save(folder / f"{label}.png")


def main():
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    train_images, test_images, train_targets, test_targets = load_split()
    train_pixels, test_pixels = to_tensor(train_images), to_tensor(test_images)
    mean, std = round(train_pixels.mean().item(), 4), round(train_pixels.std().item(), 4)

    model = make_model(mean, std)
    train(model, (train_pixels - mean) / std, torch.from_numpy(train_targets))
    timm.models.save_for_hf(
        model, FOLDER, model_config=dict(label_names=LABELS), safe_serialization=True)
    save_images(test_images, test_targets)

    correct = count_correct((test_pixels - mean) / std, torch.from_numpy(test_targets))
    print(f"test accuracy: {correct} of {len(test_targets)} ({100 * correct / len(test_targets):.2f} %)")


if __name__ == "__main__":
    main()
