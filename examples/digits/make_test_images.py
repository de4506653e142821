#!/usr/bin/env python3
"""Writes test/: images of the test split, which the network was not trained on, in a folder for each
digit.

    .venv-conformance/bin/python examples/digits/make_test_images.py
"""

import pathlib

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FOLDER = pathlib.Path(__file__).resolve().parent / "test"
LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PER_DIGIT = 10


def main():
    """The split and the images are those of train.py; grey, as which they are a third of the size."""
    digits = load_digits()
    _, images, _, targets = train_test_split(
        digits.images, digits.target, test_size=0.2, stratify=digits.target, random_state=0)
    for digit, label in enumerate(LABELS):
        (FOLDER / label).mkdir(parents=True, exist_ok=True)
        for i, pixels in enumerate(images[targets == digit][:PER_DIGIT]):
            grey = Image.fromarray(np.round(pixels * (255 / 16)).astype(np.uint8))
            grey.resize((32, 32), Image.Resampling.BICUBIC).save(FOLDER / label / f"{i}.png", optimize=True)


main()
