"""What scripts/make_registry.py and the registry.py of each family share: timm's networks without weights."""

import contextlib
import functools
import inspect
import unittest.mock
import warnings

import reference_stack  # noqa: F401
import torch

NORMS = {
    "groupnorm": "group norm",
    "GroupNormAct": "group norm",
    "EvoNorm2dS0": "evonorm",
    "FilterResponseNormTlu2d": "filter response norm",
}


class SkipInitialization(torch.overrides.TorchFunctionMode):
    """Skips the functions that fill weights with random values. On the meta device they only take time."""

    FUNCTIONS = {"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "clamp_", "erfinv_"}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(function, "__name__", "") in self.FUNCTIONS:
            return args[0] if args else kwargs["tensor"]  # as torch.nn.init passes it
        return function(*args, **kwargs)


@contextlib.contextmanager
def no_weights():
    """Networks built inside are on torch's meta device: no allocations, no random numbers."""
    with torch.device("meta"), SkipInitialization(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def recorded_arguments(classes):
    """Networks of these classes built inside have `given`: the constructor's arguments by name."""
    with contextlib.ExitStack() as stack:
        for network in classes:
            stack.enter_context(unittest.mock.patch.object(network, "__init__", recording(network.__init__)))
        yield


def recording(constructor):
    @functools.wraps(constructor)
    def record(self, *args, **kwargs):
        bound = inspect.signature(constructor).bind(self, *args, **kwargs)
        bound.apply_defaults()
        constructor(self, *args, **kwargs)
        self.given = {name: value for name, value in bound.arguments.items() if name != "self"}

    return record


def tree(model):
    """All modules with their classes and arguments, all tensors with their shapes."""
    modules = [(path, type(m).__qualname__, m.extra_repr()) for path, m in model.named_modules()]
    tensors = [(path, tuple(t.shape)) for path, t in model.state_dict().items()]
    return modules, tensors


def class_name(layer):
    """The name of a layer: of a class, of timm's name for one, or of a class with bound arguments."""
    if isinstance(layer, functools.partial):
        layer = layer.func
    return layer if isinstance(layer, str) else layer.__name__


def norm_reasons(model):
    """The normalizations of a network other than batch norm."""
    names = {type(m).__name__ for m in model.modules() if "Norm" in type(m).__name__}
    names -= {"BatchNorm2d", "BatchNormAct2d", "ConvNormAct"}
    return [NORMS.get(name, name) for name in sorted(names)]


def head_reasons(given):
    """The arguments outside the blocks that ResNet and RegNet of transformers do not support."""
    reasons = []
    if given["output_stride"] != 32:
        reasons.append(f"dilated stages (output_stride {given['output_stride']})")
    if given["global_pool"] not in ("avg", "fast", "fastavg"):
        reasons.append(f"other pooling (global_pool '{given['global_pool']}')")
    return reasons
