"""The module beside torch, in one process."""

import json
import sys

import numpy as np
import pytest
import torch
import weightlift as wl
from conftest import DIGITS, ROOT, python

sys.path.append(str(ROOT / "scripts"))
import reference_stack  # noqa: E402,F401

CODE = """
import json, sys
order = sys.argv[1]
if order == "torch first":
    import torch
    torch.nn.functional.conv2d(torch.ones(1, 64, 32, 32), torch.ones(64, 64, 3, 3))  # starts its threads
import weightlift as wl
results = wl.classify(sys.argv[2], "examples/digits/images")
if order == "torch last":
    import torch
    torch.nn.functional.conv2d(torch.ones(1, 64, 32, 32), torch.ones(64, 64, 3, 3))
    results = wl.classify(sys.argv[2], "examples/digits/images")
assert wl.verify("examples/digits", sys.argv[2], threads=2).verified
print(json.dumps([result["predictions"] for result in results]))
"""


def test_torch_before_after_and_without_gives_the_same_bits(digits):
    alone, first, last = (json.loads(python(CODE, order, digits).stdout) for order in ("alone", "torch first", "torch last"))
    assert alone == first == last


def test_torch_has_the_same_bits_before_and_after_native_work(digits):
    images, weights = torch.randn(1, 64, 32, 32), torch.randn(64, 64, 3, 3)
    before = torch.nn.functional.conv2d(images, weights)
    wl.verify("examples/digits", digits)
    assert torch.equal(torch.nn.functional.conv2d(images, weights), before)


def test_a_child_after_fork_works_beside_torch(digits):
    python(
        """
        import os, signal, sys, torch, weightlift as wl
        assert wl.verify("examples/digits", sys.argv[1], threads=4).verified
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            assert wl.verify("examples/digits", sys.argv[1], threads=4).verified
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        """,
        digits,
        OMP_NUM_THREADS="4",
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_load_file_has_the_tensors_of_torch_load(room, legacy):
    state = {
        "a": torch.randn(3, 4).t(),  # not in row-major order
        "b": torch.arange(5),
        "c": torch.randn(7).to(torch.float16),
        "d": torch.tensor(True),
        "e": torch.randn(2, 3).to(torch.bfloat16),
    }
    torch.save({"state_dict": state, "epoch": 3}, "model.pth", _use_new_zipfile_serialization=not legacy)
    tensors = wl.load_file("model.pth")
    assert list(tensors) == list(state)
    for name, array in tensors.items():
        bits = state[name].contiguous()
        expected = bits.view(torch.uint8 if bits.dim() else bits.dtype).numpy().tobytes()
        assert array.shape == tuple(bits.shape) and array.tobytes() == expected, name


def test_a_choice_without_a_network_is_a_warning(room, caplog):
    torch.save({"state_dict_g": {"a": torch.ones(1)}, "state_dict_d": {"b": torch.ones(1)}}, "gan.pth")
    wl.load_file("gan.pth")
    [record] = caplog.records
    assert record.levelname == "WARNING" and "other state dicts: 'state_dict_" in record.getMessage()
    assert list(wl.load_file("gan.pth", weights_key="state_dict_d")) == ["b"]


def test_bfloat16_becomes_a_tensor(room):
    expected = torch.randn(3, 4).to(torch.bfloat16)
    torch.save({"a": expected}, "model.pth")
    array = wl.load_file("model.pth", copy=True)["a"]
    assert torch.equal(torch.from_numpy(array.view("int16")).view(torch.bfloat16), expected)


def test_arrays_become_tensors():
    array = wl.load_file("examples/digits")["fc.weight"]
    with pytest.warns(UserWarning, match="not writable"):
        tensor = torch.from_numpy(array)
    assert tensor.data_ptr() == array.ctypes.data and tensor.shape == (10, 128)


def test_transformers_loads_what_convert_made(room):
    import transformers

    folder = wl.convert("examples/digits", "out").folder
    model = transformers.ResNetForImageClassification.from_pretrained(folder).eval()
    image = DIGITS / "images" / "three.png"
    pixels = wl.preprocess(folder, image)
    with torch.no_grad():
        scores = torch.softmax(model(torch.tensor(pixels)).logits, -1)[0].numpy()
    [result] = wl.classify(folder, image, top_k=10)
    mine = np.zeros(10, "f4")
    for prediction in result.predictions:
        mine[prediction.id] = prediction.score
    np.testing.assert_allclose(mine, scores, rtol=0, atol=1e-5)
    assert "torch" in sys.modules
