"""Random tensors that depend on (seed, name, index) alone; tests/support/counter_random.h makes the
same to the bit."""

import numpy as np
import torch

_MASK = (1 << 64) - 1


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def _words(seed, name, count):
    key = _mix(np.array([seed], np.uint64)) ^ np.uint64(_fnv1a(name))
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _mix(key + steps)


def normal(seed, name, shape, deviation):
    """Close to a normal distribution: the sum of four uniform numbers."""
    words = _words(seed, name, int(np.prod(shape)))
    total = np.full(words.shape, -2 * 65535, np.int64)
    for i in range(4):
        total += ((words >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.int64)
    scale = np.float32(deviation * (np.sqrt(3.0) / 65536.0))
    return torch.from_numpy(scale * total.astype(np.float32)).reshape(shape)


def uniform(seed, name, shape, low, width):
    words = _words(seed, name, int(np.prod(shape)))
    values = (words >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return torch.from_numpy(np.float32(low) + np.float32(width) * values).reshape(shape)


def random_resnet(model, seed):
    """A state dict for a timm ResNet whose activations keep their size from layer to layer."""
    bottleneck = any(".bn3." in name for name in model.state_dict())
    last_norm = ".bn3." if bottleneck else ".bn2."
    state = {}
    for name, tensor in model.state_dict().items():
        shape = tuple(tensor.shape)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        elif len(shape) == 4:
            state[name] = normal(seed, name, shape, np.sqrt(2.0 / (shape[1] * shape[2] * shape[3])))
        elif len(shape) == 2:
            state[name] = normal(seed, name, shape, np.sqrt(1.0 / shape[1]))
        elif name.endswith(".weight"):
            damped = name.startswith("layer") and last_norm in name
            state[name] = uniform(seed, name, shape, 0.125 if damped else 0.5, 0.125 if damped else 1)
        elif name.endswith(".running_var"):
            state[name] = uniform(seed, name, shape, 0.5, 1)
        else:
            state[name] = normal(seed, name, shape, 0.125)
    return state
