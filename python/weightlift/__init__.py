"""Convert timm checkpoints into transformers models, verified."""

import importlib

__all__ = ["version"]


def __getattr__(name):
    # The native module is loaded with the first use: `import weightlift` alone is as fast as the program.
    if name in __all__:
        return getattr(importlib.import_module("weightlift._core"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
