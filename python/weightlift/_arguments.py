"""Arguments of the public functions, checked for the native module."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterable
from typing import Any, Union

from ._errors import UsageError

Path = Union[str, "os.PathLike[str]"]

_MOST_THREADS = 1024


def path(value: Any, where: str) -> str:
    """A path, or a name or address that stands for one."""
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise UsageError(f"expected a path, got {type(value).__name__}", where=where)
    text = os.fsdecode(os.fspath(value))
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        raise UsageError(f"no file can have the name {text!r}", where=where) from None
    if b"\0" in encoded:
        raise UsageError("a path cannot contain a NUL character", where=where)
    return text


def text(value: Any, where: str) -> str:
    """A text without surrogates, which have no bytes; a path among them."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise UsageError(f"expected a text, got {type(value).__name__}", where=where)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"expected UTF-8, got {value!r}", where=where) from None
    return value


def texts(values: Any, where: str) -> list[str]:
    """One text, or several."""
    if isinstance(values, (str, os.PathLike)):
        return [text(values, where)]
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise UsageError(f"expected a text or several, got {type(values).__name__}", where=where)
    return [text(value, where) for value in values]


def number(value: Any, where: str) -> bool | int | float:
    """A boolean or a number that JSON has, also as a scalar of numpy."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, (bool, int)) and -(2**63) <= value < 2**64:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise UsageError(f"expected a number, got {value!r}", where=where)


def threads(value: Any) -> int:
    """A number of threads; 0 for all cores."""
    count = operator.index(value)
    if not 0 <= count <= _MOST_THREADS:
        raise UsageError(f"expected 0 to {_MOST_THREADS}, got {count}", where="threads")
    return count


def positive(value: Any, where: str) -> int:
    """A number from 1 to that of the largest file."""
    count = operator.index(value)
    if not 1 <= count < 2**63:
        raise UsageError(f"expected a number >= 1, got {count}", where=where)
    return count


def options(**given: Any) -> str:
    """The given options as a JSON object, by the names of docs/json.md; None stands for the default."""
    members: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, (str, os.PathLike)):
            members[name] = text(value, name)
        elif isinstance(value, (bool, int, float)) or getattr(value, "ndim", None) == 0:
            members[name] = number(value, name)
        else:
            members[name] = texts(value, name)
    return json.dumps(members)
