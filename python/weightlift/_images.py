"""Classification and preprocessing of images."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Union

from . import _core
from ._errors import UsageError
from ._progress import Events, Progress
from ._results import Classification, EvaluationResult, parse

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

    Image = Union[str, os.PathLike[str], bytes, PIL.Image.Image, np.ndarray]

Path = Union[str, "os.PathLike[str]"]


def _netpbm(array: Any, where: str) -> bytes:
    """The pixels of an array in the simplest format that weightlift decodes."""
    if array.dtype != "uint8" or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise UsageError("expected uint8 of shape (height, width, 3), (height, width, 1) or (height, width), "
                         f"got {array.dtype} of shape {array.shape}", where=where)  # fmt: skip
    height, width = array.shape[:2]
    kind = "P6" if array.ndim == 3 and array.shape[2] == 3 else "P5"
    pixels: bytes = array.tobytes()
    return f"{kind}\n{width} {height}\n255\n".encode() + pixels


def _from_pillow(image: Any, where: str) -> bytes:
    """As the pipelines of transformers read an image: rotated as EXIF says, then RGB."""
    import numpy
    import PIL.ImageOps

    image = PIL.ImageOps.exif_transpose(image)
    if image.mode != "L":
        image = image.convert("RGB")
    return _netpbm(numpy.asarray(image), where)


def _input(image: Any, where: str) -> tuple[str, bytes | None]:
    """The name of an image, and its bytes where it is no file."""
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image), None
    if isinstance(image, (bytes, bytearray, memoryview)):
        return where, bytes(image)
    pillow, numpy = sys.modules.get("PIL.Image"), sys.modules.get("numpy")
    if pillow is not None and isinstance(image, pillow.Image):
        return where, _from_pillow(image, where)
    if numpy is not None and isinstance(image, numpy.ndarray):
        return where, _netpbm(image, where)
    raise UsageError("expected a path, bytes, an image of Pillow or an array of numpy, got "
                     f"{type(image).__name__}", where=where)  # fmt: skip


def _inputs(images: Any) -> list[tuple[str, bytes | None]]:
    if isinstance(images, (list, tuple)):
        return [_input(image, f"images[{i}]") for i, image in enumerate(images)]
    return [_input(images, "image")]


def classify(
    folder: Path,
    images: Image | Sequence[Image],
    *,
    top_k: int = 5,
    threads: int = 0,
    max_pixels: int | None = None,
    progress: Progress = None,
) -> list[Classification]:
    """Classify images, with the scores of transformers' pipeline.

    Parameters
    ----------
    folder
        A transformers folder or repository, with an image processor.
    images
        One image or a list: paths (also of folders of images), bytes of a file, images of Pillow, or
        arrays of uint8 with the shape (height, width, 3).
    top_k
        The number of labels for each image.
    threads
        The images computed at the same time; 0: as many as there are cores.
    max_pixels
        Refuse images with more pixels: a small file may declare many.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    list of Classification
        One for each image, in order. An image that cannot be decoded does not stop the others:
        ``predictions`` of its result raises the error.

    Examples
    --------
    >>> result = weightlift.convert("examples/digits", "out", force=True)
    >>> [three] = weightlift.classify("out/digits", "examples/digits/images/three.png", top_k=2)
    >>> [(p.label, round(p.score, 3)) for p in three.predictions]
    [('three', 0.98), ('nine', 0.008)]
    """
    with Events(progress) as events:
        texts = _core.classify(folder, _inputs(images), _positive(top_k, "top_k"), threads,
                               _pixels(max_pixels), events)  # fmt: skip
    import json

    return [Classification(json.loads(text)) for text in texts]


def evaluate(
    folder: Path,
    images: Path,
    *,
    threads: int = 0,
    max_pixels: int | None = None,
    per_image: bool = False,
    progress: Progress = None,
) -> EvaluationResult:
    """Measure top-1 and top-5 accuracy on labelled images.

    Parameters
    ----------
    folder
        A transformers folder or repository, with an image processor.
    images
        A folder with one folder for each class, or a CSV file (file, label).
    threads, max_pixels, progress
        As for `classify`.
    per_image
        Also return ``rows``, the result of each image.

    Returns
    -------
    EvaluationResult
        Accuracy, figures for each class, and the confusion matrix.

    Raises
    ------
    FormatError
        Some images failed; ``error.result`` has the figures of the others.
    """
    with Events(progress) as events:
        return parse(EvaluationResult, _core.evaluate(folder, images, threads, _pixels(max_pixels), per_image,
                                                      events))  # fmt: skip


def preprocess(
    folder: Path,
    images: Image | Sequence[Image],
    *,
    as_: Literal["transformers", "timm"] = "transformers",
    threads: int = 0,
    max_pixels: int | None = None,
    progress: Progress = None,
) -> np.ndarray:
    """Prepare images for a network: ``pixel_values``, bit for bit as transformers or timm.

    Parameters
    ----------
    folder
        A folder or repository with a preprocessor_config.json.
    images
        As for `classify`.
    as_
        Pixels as transformers' Pillow backend makes them, or as timm's evaluation transform.
    threads, max_pixels, progress
        As for `classify`.

    Returns
    -------
    numpy.ndarray
        float32 of shape (N, C, H, W), read-only.

    Examples
    --------
    >>> result = weightlift.convert("examples/digits", "out", force=True)
    >>> weightlift.preprocess("out/digits", "examples/digits/images").shape
    (10, 3, 32, 32)
    """
    if as_ not in ("transformers", "timm"):
        raise UsageError(f"expected 'transformers' or 'timm', got {as_!r}", where="as_")
    with Events(progress) as events:
        data, shape = _core.preprocess(folder, _inputs(images), as_ == "timm", threads, _pixels(max_pixels),
                                       events)  # fmt: skip
    return data.view("float32").reshape(shape)


def _positive(value: int, where: str) -> int:
    if value < 1:
        raise UsageError(f"expected a number >= 1, got {value}", where=where)
    return value


def _pixels(max_pixels: int | None) -> int:
    return _core.MAX_PIXELS if max_pixels is None else _positive(max_pixels, "max_pixels")
