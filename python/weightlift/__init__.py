"""Convert timm checkpoints into transformers models, verify them, and publish them.

The functions do what the commands of the program ``weightlift`` do. Their results are the objects
that the program prints with ``--json``: mappings whose members are also attributes.

>>> import weightlift as wl
>>> result = wl.convert("examples/digits", "out")
>>> result.verification.verified
True
>>> wl.classify(result.folder, "examples/digits/images/three.png", top_k=1)[0].predictions[0].label
'three'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import __version__ as __version__
    from ._errors import (
        AuthError as AuthError,
        Error as Error,
        ExistsError as ExistsError,
        FormatError as FormatError,
        InternalError as InternalError,
        Interrupted as Interrupted,
        IoError as IoError,
        MismatchError as MismatchError,
        NetworkError as NetworkError,
        NoMemoryError as NoMemoryError,
        NotFoundError as NotFoundError,
        UnsupportedError as UnsupportedError,
        UsageError as UsageError,
    )
    from ._images import classify as classify, evaluate as evaluate, preprocess as preprocess
    from ._jobs import (
        convert as convert,
        diff as diff,
        inspect as inspect,
        models as models,
        pull as pull,
        push as push,
        verify as verify,
    )
    from ._results import (
        Classification as Classification,
        ConversionResult as ConversionResult,
        DiffResult as DiffResult,
        EvaluationResult as EvaluationResult,
        Inspection as Inspection,
        Item as Item,
        ModelInfo as ModelInfo,
        Prediction as Prediction,
        Publication as Publication,
        PullResult as PullResult,
        PushResult as PushResult,
        Result as Result,
        Verification as Verification,
        VerifyResult as VerifyResult,
    )
    from ._tensors import Checkpoint as Checkpoint, load_file as load_file, open as open

# Where each name is. A module is imported with the first use of one of its names: `import weightlift`
# alone takes no longer than the start of the program.
_PLACES = {
    "_core": ["__version__"],
    "_errors": [
        "AuthError", "Error", "ExistsError", "FormatError", "InternalError", "Interrupted", "IoError",
        "MismatchError", "NetworkError", "NoMemoryError", "NotFoundError", "UnsupportedError", "UsageError",
    ],
    "_images": ["classify", "evaluate", "preprocess"],
    "_jobs": ["convert", "diff", "inspect", "models", "pull", "push", "verify"],
    "_results": [
        "Classification", "ConversionResult", "DiffResult", "EvaluationResult", "Inspection", "Item", "ModelInfo",
        "Prediction", "Publication", "PullResult", "PushResult", "Result", "Verification", "VerifyResult",
    ],
    "_tensors": ["Checkpoint", "load_file", "open"],
}  # fmt: skip
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

# `from weightlift import *` leaves the builtin open() alone.
__all__ = sorted(name for name in _PLACE_OF if name != "open")


if not TYPE_CHECKING:  # type checkers then know which names exist

    def __getattr__(name: str):
        if name not in _PLACE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_PLACE_OF[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACE_OF})
