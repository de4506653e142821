"""Results: the objects of docs/json.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import Error, from_facts


class Result(Mapping[str, Any]):
    """What the program prints with ``--json``, as a mapping.

    A member is a key and an attribute: ``result["folder"]``, ``result.folder``. Keys give plain
    values, as in ``json.dumps(dict(result))``; attributes give results for objects. A member of the
    class that was not computed is absent as a key, and None as an attribute. docs/json.md describes
    every member.
    """

    def __init__(self, members: dict[str, Any]):
        self._members = members

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    if not TYPE_CHECKING:  # type checkers then know the members of each class

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in self._members:
                return _wrap(name, self._members[name])
            if any(name in getattr(cls, "__annotations__", {}) for cls in type(self).__mro__):
                return None
            raise AttributeError(f"{type(self).__name__} has no member {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._members})

    def __repr__(self) -> str:
        shown = (f"{name}={_short(value)}" for name, value in self._members.items() if name not in _UNSHOWN)
        return f"{type(self).__name__}({', '.join(shown)})"


class Item(Result):
    """A part of a result that has no class of its own; docs/json.md has its members."""

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)  # type: ignore[misc]


ResultT = TypeVar("ResultT", bound=Result)


class Verification(Result):
    """How a model folder compares with its source."""

    verified: bool
    tensors: int
    different_tensors: list[str]
    operations: int
    different_operations: int
    input: list[int]
    samples: int
    seed: int
    outputs: list[Item]
    first_difference: Item | None
    nan: int
    inf: int


class Publication(Result):
    """A commit of a model folder to a repository."""

    repo_id: str
    commit: str
    commit_url: str
    committed: int
    uploaded: int
    unchanged: int
    ignored: int
    nothing_changed: bool
    pull_request_url: str | None


class ConversionResult(Result):
    """What `convert` found and made."""

    source: str
    status: str
    options: dict[str, Any]
    folder: str
    form: str
    files: list[str]
    file: str
    source_sha256: str | None
    source_repository: Item | None
    bytes_read: int
    bytes_written: int | None
    parameters: int
    dtype: str
    logits_shape: list[int]
    labels: str
    tensors: Item
    ignored: list[Item]
    head: str | None
    images: list[Item]
    verification: Verification | None
    repository: str | None
    fetch: list[str] | None
    published: Publication | None
    notes: list[Item]
    seconds: float
    peak_bytes: int
    versions: dict[str, str]


class VerifyResult(Result):
    """What `verify` found. ``status`` is ``"ok"`` or ``"different"``."""

    source: str
    status: str
    folder: str
    verification: Verification
    ignored: list[Item]
    labels: Item | None
    image_processor: Item | None
    notes: list[Item]

    @property
    def verified(self) -> bool:
        """Whether nothing differs."""
        return bool(self["verification"]["verified"])

    def __bool__(self) -> bool:
        return self.verified


class DiffResult(Result):
    """What `diff` found. ``status`` is ``"ok"`` or ``"different"``."""

    source: str
    status: str
    a: Item
    b: Item
    tensors: int
    equal_tensors: int
    differences: list[Item]

    @property
    def equal(self) -> bool:
        """Whether every tensor has the same bits on both sides."""
        return not self["differences"]

    def __bool__(self) -> bool:
        return self.equal


class Inspection(Result):
    """What a checkpoint contains."""

    source: str
    status: str
    file: str
    format: str
    files: int
    bytes: int
    parameters: int
    sha256: str | None
    known: str | None
    form: str | None
    architecture: str | None
    tag: str | None
    family: str | None
    layer_type: str | None
    depths: list[int] | None
    hidden_sizes: list[int] | None
    embedding_size: int | None
    groups_width: int | None
    num_channels: int | None
    num_labels: int | None
    dtype: str | None
    labels: list[str] | None
    not_convertible: str | None
    state_dicts: list[Item]
    state_dict: str
    prefix: str
    naming: str
    outside: list[Item]
    ignored: list[str]
    globals: list[str]
    metadata: dict[str, str]
    tensors: list[Item]
    notes: list[Item]


class ModelInfo(Result):
    """A pretrained model of timm that weightlift knows."""

    name: str
    family: str
    default: bool
    input_size: list[int]
    test_input_size: list[int] | None
    crop_pct: float
    test_crop_pct: float | None
    interpolation: str
    crop_mode: str
    mean: list[float]
    std: list[float]
    num_classes: int
    license: str | None
    origin_url: str | None
    parameters: int
    file: str | None
    old_names: list[str]


class Prediction(Result):
    """A class with its score."""

    id: int
    label: str
    score: float


class Classification(Result):
    """The result of one image.

    ``predictions`` raises the error of an image that could not be classified; ``error`` is that
    error, or None.
    """

    source: str
    status: str
    image: str
    notes: list[Item]

    @property
    def error(self) -> Error | None:
        """Why the image has no predictions."""
        return from_facts(self["error"]) if "error" in self else None

    @property
    def predictions(self) -> list[Prediction]:
        """The classes with the highest scores, the best first."""
        error = self.error
        if error is not None:
            error.result = self
            raise error
        return [Prediction(prediction) for prediction in self["predictions"]]


class EvaluationResult(Result):
    """The accuracy of a model on labelled images."""

    source: str
    status: str
    images: int
    top1: float | None
    top5: float | None
    errors: int
    skipped: int
    matched_by: str
    classes: list[Item]
    confusion: list[Item]
    rows: list[Item] | None
    notes: list[Item]


class PullResult(Result):
    """What `pull` downloaded."""

    source: str
    status: str
    repo_id: str
    revision: str
    commit: str
    folder: str
    notes: list[Item]


class PushResult(Result):
    """What `push` published, or after a dry run would publish."""

    source: str
    status: str
    checked: str
    published: Publication | None
    training_state: list[str]
    dry_run: bool | None
    repo_id: str | None
    revision: str | None
    account: str | None
    creates_repository: bool | None
    creates_branch: bool | None
    noncommercial_license: str | None
    files: list[Item] | None
    notes: list[Item]


# Members whose objects have a class of their own.
_CLASSES: dict[str, type[Result]] = {"verification": Verification, "published": Publication}
# Members that are tables by names of the user, not objects with members.
_TABLES = {"options", "metadata", "versions", "parameters"}


def _wrap(name: str, value: Any) -> Any:
    if isinstance(value, dict) and name not in _TABLES:
        return _CLASSES.get(name, Item)(value)
    if isinstance(value, list):
        return [Item(item) if isinstance(item, dict) else item for item in value]
    return value


# Members that a short form leaves out.
_UNSHOWN = {"schema", "type", "options", "card", "versions", "peak_bytes"}


def _short(value: Any) -> str:
    """A value on one line: of large ones only the size."""
    most = 4
    if isinstance(value, dict):
        return "{}" if not value else f"{{... {len(value)} members}}"
    if isinstance(value, list) and (len(value) > most or any(isinstance(item, (dict, list)) for item in value)):
        return f"[... {len(value)} items]"
    return repr(value)


def parse(cls: type[ResultT], text: str) -> ResultT:
    """The result for a JSON text. Raises the error of a failed one, with the result in it."""
    result = cls(json.loads(text))
    if result["status"] in ("failed", "interrupted"):
        error = from_facts(result["error"])
        error.result = result
        raise error
    return result
