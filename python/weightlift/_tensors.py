"""Tensors of checkpoints as numpy arrays."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _arguments as arguments
from . import _core
from ._arguments import Path
from ._progress import Events, logger

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    Array = Any  # numpy is imported with the first array

# The dtypes of safetensors as numpy's; those that numpy lacks are in ml_dtypes.
_NUMPY = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16",
    "I32": "int32", "U32": "uint32", "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64",
    "U64": "uint64",
}  # fmt: skip
_ML_DTYPES = {
    "BF16": ("bfloat16", "uint16"),
    "F8_E4M3": ("float8_e4m3fn", "uint8"),
    "F8_E5M2": ("float8_e5m2", "uint8"),
    "F8_E8M0": ("float8_e8m0fnu", "uint8"),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", "uint8"),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", "uint8"),
}


def _dtype(name: str) -> Any:
    import numpy

    if name in _NUMPY:
        return numpy.dtype(_NUMPY[name])
    known, bits = _ML_DTYPES[name]
    try:
        import ml_dtypes
    except ImportError:
        return numpy.dtype(bits)
    return numpy.dtype(getattr(ml_dtypes, known, bits))


class Checkpoint(Mapping[str, Array]):
    """The tensors of one state dict of a weights file, by name: what `open` returns.

    Reads a tensor when it is asked for, and nothing before. Use it in a ``with`` statement; arrays
    from it outlive it.
    """

    def __init__(self, path: Path, *, weights_key: str | None = None):
        self._file: _core.TensorFile | None = _core.TensorFile(
            arguments.path(path, "path"), arguments.text(weights_key or "", "weights_key"), Events(None)
        )
        self._names: dict[str, None] = dict.fromkeys(self._file.keys())
        chosen, others, known = self._file.choice()
        if others:
            # What was not asked for may be what was wanted.
            logger.log(logging.INFO if known or weights_key else logging.WARNING,
                       "%s: using %r; other state dicts: %s; choose one with weights_key=", path,
                       chosen or "the top level", ", ".join(map(repr, others)))  # fmt: skip

    def _opened(self) -> _core.TensorFile:
        if self._file is None:
            raise ValueError("the checkpoint is closed")
        return self._file

    def __getitem__(self, name: str) -> Array:
        return self.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def get_tensor(self, name: str, *, copy: bool = False) -> Array:
        """The tensor of that name, as `load_file` gives it. Raises KeyError where there is none."""
        import numpy  # noqa: F401  (its own error where it is missing)

        dtype, shape = self._describe(name)
        file = self._opened()
        data = file.copy(name, Events(None)) if copy else file.view(name)
        array: Array = data.view(_dtype(dtype)).reshape(shape)
        if not copy:
            array.flags.writeable = False  # numpy leaves an empty one writeable
        return array

    def dtype(self, name: str) -> str:
        """The dtype as safetensors names it: ``"F32"``, ``"BF16"``."""
        return self._describe(name)[0]

    def shape(self, name: str) -> tuple[int, ...]:
        """The dimensions, outermost first."""
        return tuple(self._describe(name)[1])

    def _describe(self, name: str) -> tuple[str, list[int]]:
        file = self._opened()
        if name not in self._names:
            raise KeyError(name)
        return file.describe(name)

    def metadata(self) -> dict[str, str]:
        """``__metadata__`` of a safetensors file; empty for other formats."""
        return dict(self._opened().metadata())

    def close(self) -> None:
        """Ends the access. Arrays that were taken before stay valid."""
        self._file = None

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<weightlift.Checkpoint of {len(self)} tensors{'' if self._file else ', closed'}>"


def open(path: Path, *, weights_key: str | None = None) -> Checkpoint:
    """Open a weights file of any format, to read single tensors. Nothing in a pickle runs.

    Parameters
    ----------
    path
        A weights file (safetensors, ``torch.save``), an index of shards, or a folder with one.
    weights_key
        Which state dict of a file with several; default: that of the network, as `inspect` shows.

    Returns
    -------
    Checkpoint
        A mapping of names to arrays.

    Examples
    --------
    >>> with weightlift.open("examples/checkpoints/model_best.pth.tar") as f:
    ...     bias = f["module.fc.bias"]
    >>> bias.shape, bias.dtype
    ((3,), dtype('float32'))
    """
    return Checkpoint(path, weights_key=weights_key)


def load_file(path: Path, *, weights_key: str | None = None, copy: bool = False) -> dict[str, Array]:
    """Load the tensors of a weights file of any format. Nothing in a pickle runs.

    Arrays are read-only views of the mapped file: loading copies nothing, and the file stays mapped
    until the last array is gone. **Do not shorten or overwrite the file meanwhile**: the system ends
    a process that reads a page which its file has lost (SIGBUS). ``copy=True`` is for such files.

    Parameters
    ----------
    path
        A weights file (safetensors, ``torch.save``), an index of shards, or a folder with one.
    weights_key
        Which state dict of a file with several; default: that of the network, as `inspect` shows.
    copy
        Copy the elements into memory, as arrays that can be changed. The copy is checked:
        FormatError where the file changed.

    Returns
    -------
    dict of str to numpy.ndarray
        In the file's order and by the file's names. bfloat16 and float8 are dtypes of `ml_dtypes`
        where it is installed; else their bits as uint16 and uint8.

    Examples
    --------
    >>> tensors = weightlift.load_file("examples/digits")
    >>> tensors["fc.weight"].shape
    (10, 128)
    """
    with Checkpoint(path, weights_key=weights_key) as file:
        return {name: file.get_tensor(name, copy=copy) for name in file}
