"""Progress and notes of native work, for Python."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any, Union

from ._errors import UsageError

#: progress(step, done, total): bytes, or for images their number; total is 0 where it is unknown.
ProgressCallback = Callable[[str, int, int], None]
Progress = Union[ProgressCallback, bool, None]

logger = logging.getLogger("weightlift")


class Events:
    """Receives the events of native work; notes go to the logger ``weightlift``."""

    def __init__(self, progress: Progress):
        if progress is True:
            progress = _Bar()
        elif progress is not None and progress is not False and not callable(progress):
            raise UsageError(f"expected a function, True or None, got {progress!r}", where="progress")
        self._callback = progress or None
        self._step = ""
        self._total = 0

    def __call__(self, kind: str, first: Any, second: Any = None) -> None:
        if kind == "note":
            logger.log(logging.WARNING if first == "warning" else logging.INFO, "%s", second)
            return
        if kind == "step":
            self._step, self._total = first, second
        if self._callback is not None:
            self._callback(self._step, 0 if kind == "step" else first, self._total)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._callback, _Bar):
            self._callback.close()


class _Bar:
    """A bar of tqdm for each step."""

    def __init__(self) -> None:
        try:
            tqdm = importlib.import_module("tqdm.auto").tqdm
        except ImportError:
            raise UsageError("tqdm is not installed; pip install 'weightlift[progress]', or pass a function",
                             where="progress=True") from None  # fmt: skip
        self._make = tqdm
        self._bar: Any = None
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        if self._bar is None or step != self._step:
            self.close()
            images = step in ("classify", "evaluate")
            self._bar = self._make(desc=step, total=total or None, unit="image" if images else "B",
                                   unit_scale=not images, leave=False)  # fmt: skip
            self._step = step
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
