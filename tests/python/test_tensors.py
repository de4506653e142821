"""Tensors as arrays: the bytes of the file, read-only, as long as they are needed."""

import gc
import json
import os
import pathlib
import signal
import struct
import sys

import numpy as np
import pytest
import weightlift as wl
from conftest import python

DTYPES = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
          "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "?", "C64": "<c8", "BF16": "<u2",
          "F8_E4M3": "u1", "F8_E5M2": "u1"}  # fmt: skip


def write_safetensors(path, tensors, **metadata):
    """Writes {name: (dtype, array of its bits)}."""
    header, data = {"__metadata__": {"format": "pt", **metadata}}, b""
    for name, (dtype, array) in tensors.items():
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_bits(dtype, shape, seed=None):
    rng = np.random.default_rng(seed)
    if dtype == "BOOL":
        return rng.integers(0, 2, shape).astype("?")
    size = np.dtype(DTYPES[dtype]).itemsize
    return np.frombuffer(rng.bytes(int(np.prod(shape)) * size), DTYPES[dtype]).reshape(shape)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_every_dtype_has_the_bits_of_the_file(dtype):
    tensors = {f"t{i}": (dtype, random_bits(dtype, shape)) for i, shape in enumerate([(2, 3), (), (0, 4), (5,)])}
    write_safetensors("t.safetensors", tensors)
    for name, array in wl.load_file("t.safetensors").items():
        expected = tensors[name][1]
        assert array.shape == expected.shape and array.tobytes() == expected.tobytes()
        assert array.dtype.itemsize == expected.dtype.itemsize


def test_dtypes_of_ml_dtypes_where_it_is_installed():
    import ml_dtypes

    write_safetensors("t.safetensors", {"a": ("BF16", np.array([0x3F80], "<u2")), "b": ("F8_E5M2", np.array([0x3C], "u1"))})
    tensors = wl.load_file("t.safetensors")
    assert tensors["a"].dtype == ml_dtypes.bfloat16 and tensors["a"].astype("f4") == 1
    assert tensors["b"].dtype == ml_dtypes.float8_e5m2 and tensors["b"].astype("f4") == 1


def test_dtypes_without_ml_dtypes_are_their_bits(room):
    write_safetensors("t.safetensors", {"a": ("BF16", np.array([0x3F80], "<u2")), "b": ("F8_E4M3", np.array([7], "u1"))})
    done = python(
        """
        import sys
        sys.modules["ml_dtypes"] = None
        import weightlift
        for array in weightlift.load_file("t.safetensors").values():
            print(array.dtype, array)
        """
    )
    assert sorted(done.stdout.splitlines()) == ["uint16 [16256]", "uint8 [7]"]


def test_arrays_are_read_only_views():
    array = wl.load_file("examples/digits")["fc.weight"]
    assert not array.flags.writeable and not array.flags.owndata
    with pytest.raises(ValueError):
        array[0] = 0
    with pytest.raises(ValueError):
        array.flags.writeable = True


def test_loading_copies_nothing_and_arrays_outlive_the_file(room):
    write_safetensors("big.safetensors", {f"t{i}": ("F32", np.full((1024, 1024), i, "<f4")) for i in range(25)})
    done = python(
        """
        import gc, weightlift
        import numpy  # before the measurement
        def kib(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1])
        weightlift.load_file("examples/digits")
        before = kib()
        tensors = weightlift.load_file("big.safetensors")
        assert kib() - before < 8000, kib() - before
        last = tensors.pop("t24")
        del tensors
        gc.collect()
        assert "big.safetensors" in open("/proc/self/maps").read()
        assert last[1023, 1023] == 24
        del last
        gc.collect()
        assert "big.safetensors" not in open("/proc/self/maps").read()
        """
    )
    assert done.stdout == ""


def test_open_reads_single_tensors():
    write_safetensors("t.safetensors", {"a": ("F32", np.arange(6, dtype="<f4").reshape(2, 3)), "b": ("I64", np.array(7))}, made="here")
    with wl.open("t.safetensors") as f:
        assert list(f.keys()) == list(f) == ["a", "b"] and len(f) == 2 and "a" in f and "c" not in f
        assert f.dtype("a") == "F32" and f.shape("a") == (2, 3) and f.metadata() == {"format": "pt", "made": "here"}
        a = f["a"]
        with pytest.raises(KeyError):
            f["c"]
        assert f.get("c") is None
        with pytest.raises(TypeError):
            f["a"] = a
    assert a[1, 2] == 5
    with pytest.raises(ValueError, match="the checkpoint is closed"):
        f["a"]
    assert "closed" in repr(f)


def test_the_names_are_those_of_the_file():
    path = "examples/checkpoints/model_best.pth.tar"
    found = wl.inspect(path)
    assert list(wl.load_file(path)) == [tensor.name for tensor in found.tensors] or found.prefix
    assert "module.fc.weight" in wl.load_file(path)


def test_the_choice_among_state_dicts_is_logged(caplog):
    caplog.set_level("INFO", logger="weightlift")
    wl.load_file("examples/checkpoints/last.ckpt")
    path = "examples/checkpoints/model_best.pth.tar"
    wl.load_file(path)
    assert all(record.levelname == "INFO" for record in caplog.records)


def test_nothing_in_a_pickle_runs(room):
    evil = b"cposix\nsystem\n(S'touch ran'\ntR."
    pathlib.Path("evil.pth").write_bytes(evil)
    with pytest.raises(wl.Error):
        wl.load_file("evil.pth")
    assert not pathlib.Path("ran").exists()


def test_a_missing_file_is_not_a_name_of_the_hub(hub):
    with pytest.raises(wl.NotFoundError, match="no such file"):
        wl.load_file("resnet50")
    assert hub.requests() == []


def test_a_file_that_shrinks_ends_a_process_that_views_it(room):
    # Zeros in place of the lost pages would be wrong values without an error.
    write_safetensors("t.safetensors", {"a": ("F32", np.ones((1 << 20,), "<f4"))})
    done = python(
        """
        import os, weightlift
        weightlift.verify("examples/digits", "examples/digits")  # native work installs the guard
        a = weightlift.load_file("t.safetensors")["a"]
        os.truncate("t.safetensors", 4096)
        print(a.sum())
        """,
        check=False,
    )
    assert done.returncode == -signal.SIGBUS and done.stdout == ""


def test_a_copy_outlives_a_file_that_shrinks(room):
    write_safetensors("t.safetensors", {"a": ("F32", np.ones((1 << 20,), "<f4"))})
    copied = wl.load_file("t.safetensors", copy=True)["a"]
    with wl.open("t.safetensors") as f:
        os.truncate("t.safetensors", 4096)
        assert copied.sum() == 1 << 20 and copied.flags.writeable
        with pytest.raises(wl.FormatError, match="changed"):
            f.get_tensor("a", copy=True)


def test_a_copy_after_a_view_notices_a_file_that_shrank(room):
    write_safetensors("t.safetensors", {"a": ("F32", np.ones((1 << 20,), "<f4"))})
    with wl.open("t.safetensors") as f:
        view = f["a"]
        os.truncate("t.safetensors", 4096)
        with pytest.raises(wl.FormatError, match="changed"):
            f.get_tensor("a", copy=True)
    assert view.shape == (1 << 20,)


def test_an_empty_array_is_read_only(room):
    write_safetensors("t.safetensors", {"a": ("F32", np.ones((0, 3), "<f4"))})
    assert not wl.load_file("t.safetensors")["a"].flags.writeable


def test_a_missing_numpy_is_an_import_error():
    done = python(
        """
        import sys
        sys.modules["numpy"] = None
        import weightlift
        try:
            weightlift.load_file("examples/digits")
        except ImportError as error:
            print(type(error).__name__)
        """
    )
    assert done.stdout == "ModuleNotFoundError\n"


def test_arrays_survive_their_names():
    array = wl.load_file("examples/digits")["fc.weight"]
    copy = np.array(array)
    gc.collect()
    assert (array == copy).all() and sys.getrefcount(array) < 10
