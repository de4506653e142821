"""Files that torch and timm load although they are unusual: the converted folder has the weights that
timm's network has after load_state_dict. And files that hold no such weights: the message names the cause."""

import argparse
import collections
import copy
import io
import json
import re
import zipfile

import numpy
import pytest
import reference
import timm
import torch
from test_any_checkpoint import SMALL, another, assert_converts, assert_same_state, convert, load, prefixed, small
from torch import nn
from torch.nn.utils import parametrizations, prune
from transformers import ResNetConfig, ResNetForImageClassification


def loaded(model, state_dict):
    """What timm makes of the tensors: a float32 network."""
    result = copy.deepcopy(model).float()
    result.load_state_dict(state_dict)
    return reference.convert(result).state_dict()


def keep_batchnorm_fp32(model):
    """apex's option of that name."""
    model = copy.deepcopy(model).half()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.float()
    return model.state_dict()


def in_turn(dtypes):
    def cast(model):
        names = {name: i for i, name in enumerate(n for n, _ in model.named_parameters())}
        return {
            name: tensor.to(dtypes[names[name] % len(dtypes)]) if name in names else tensor
            for name, tensor in model.state_dict().items()
        }

    return cast


MIXED = {
    "apex": keep_batchnorm_fp32,
    "float16 and bfloat16": in_turn([torch.float16, torch.bfloat16]),
    "bfloat16 and float32": in_turn([torch.bfloat16, torch.float32]),
    "float64 among float32": in_turn([torch.float32, torch.float32, torch.float64]),
    "all four": in_turn([torch.float32, torch.float16, torch.float64, torch.bfloat16]),
    "float64 head": lambda model: {
        name: tensor.double() if name.startswith("fc.") else tensor for name, tensor in model.state_dict().items()
    },
}


@pytest.mark.parametrize("kind", MIXED)
def test_mixed_dtypes_become_float32(weightlift, rng, tmp_path, kind):
    model = small(rng)
    state_dict = MIXED[kind](model)
    torch.save(state_dict, tmp_path / "mixed.pth")
    folder = assert_converts(weightlift, tmp_path / "mixed.pth", tmp_path, loaded(model, state_dict))
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    done = weightlift("verify", tmp_path / "mixed.pth", folder, "--json")
    assert json.loads(done.stdout)["status"] == "ok"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_chosen_dtype_overrides_mixed_ones(weightlift, rng, tmp_path, dtype):
    model = small(rng)
    state_dict = keep_batchnorm_fp32(model)
    torch.save(state_dict, tmp_path / "mixed.pth")
    folder = convert(weightlift, tmp_path / "mixed.pth", tmp_path / "out", "--dtype", dtype)
    wanted = getattr(torch, dtype)
    expected = loaded(model, state_dict)
    assert_same_state(
        load(folder).state_dict(), {n: t.to(wanted) if t.is_floating_point() else t for n, t in expected.items()}
    )


def test_float8_among_others_is_refused(weightlift, rng, tmp_path):
    state_dict = in_turn([torch.float32, torch.float8_e4m3fn])(small(rng))
    torch.save(state_dict, tmp_path / "mixed.pth")
    done = weightlift("convert", tmp_path / "mixed.pth", "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and "expected F32, F16, BF16 or F64, got F8_E4M3" in done.stderr


@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.uint8, torch.int16, torch.int8, torch.bool, torch.float16, torch.bfloat16, torch.uint16]
)
def test_counters_of_any_dtype(weightlift, rng, tmp_path, dtype):
    model = small(rng)
    state_dict = {
        name: tensor.to(dtype) if name.endswith("num_batches_tracked") else tensor
        for name, tensor in model.state_dict().items()
    }
    torch.save(state_dict, tmp_path / "counters.pth")
    assert_converts(weightlift, tmp_path / "counters.pth", tmp_path, loaded(model, state_dict))


def wrap_stage(wrap):
    def wrapped(model):
        model = copy.deepcopy(model)
        model.layer2 = wrap(model.layer2)
        model.layer3[0] = wrap(model.layer3[0])
        return model.state_dict()

    return wrapped


WRAPPERS = {
    "compiled stage": wrap_stage(torch.compile),
    "activation checkpointing": lambda model: {
        re.sub(r"^layer2\.", "layer2._checkpoint_wrapped_module.", name): tensor
        for name, tensor in model.state_dict().items()
    },
    "DataParallel stage": wrap_stage(nn.DataParallel),
    "compiled and parallel": wrap_stage(lambda module: torch.compile(nn.DataParallel(module))),
    "FSDP": lambda model: {
        "_fsdp_wrapped_module." + re.sub(r"^(layer\d)\.(\d)\.", r"\1._fsdp_wrapped_module.\2.", name): tensor
        for name, tensor in model.state_dict().items()
    },
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_wrappers_in_the_middle_of_names(weightlift, rng, tmp_path, kind):
    model = small(rng)
    state_dict = WRAPPERS[kind](model)
    assert list(state_dict) != list(model.state_dict())
    torch.save({"model": state_dict}, tmp_path / "wrapped.pth")
    assert_converts(weightlift, tmp_path / "wrapped.pth", tmp_path, reference.convert(model).state_dict())


def test_names_that_become_equal_are_refused(weightlift, rng, tmp_path):
    state_dict = small(rng).state_dict()
    state_dict["layer2._orig_mod.0.conv1.weight"] = state_dict["layer2.0.conv1.weight"] + 1
    torch.save(state_dict, tmp_path / "twice.pth")
    done = weightlift("convert", tmp_path / "twice.pth", "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and "is also 'layer2.0.conv1.weight'" in done.stderr


class OnTpu:
    """Pickles as torch pickles a tensor of a device without storages."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce_ex__(self, _):
        arguments = (self.tensor, self.tensor.dtype, "cpu", False)
        return torch._utils._rebuild_device_tensor_from_cpu_tensor, arguments


def test_tensors_of_tpus(weightlift, rng, tmp_path):
    model = small(rng)
    file = tmp_path / "tpu.pth"
    torch.save({name: OnTpu(tensor) for name, tensor in model.state_dict().items()}, file)
    assert_same_state(torch.load(file, weights_only=True), model.state_dict())
    assert_converts(weightlift, file, tmp_path, reference.convert(model).state_dict())


class OldTensor:
    """A tensor, or a parameter, as torch 0.x pickled it."""

    def __init__(self, tensor, parameter=False):
        self.tensor, self.parameter = tensor, parameter

    def __reduce_ex__(self, _):
        if self.parameter:
            return nn.Parameter, (OldTensor(self.tensor), True)
        if self.tensor.dtype != torch.float32:
            return self.tensor.__reduce_ex__(2)
        state = (self.tensor.storage(), self.tensor.storage_offset(), self.tensor.size(), self.tensor.stride())
        return torch.FloatTensor, (), state


def test_tensors_of_torch_0(weightlift, rng, tmp_path):
    model = small(rng)
    parameters = dict(model.named_parameters())
    file = tmp_path / "old.pth"
    torch.save({n: OldTensor(t, n in parameters) for n, t in model.state_dict().items()}, file)
    read = torch.load(file, weights_only=True)
    assert_same_state({name: tensor.data for name, tensor in read.items()}, model.state_dict())
    assert_converts(weightlift, file, tmp_path, reference.convert(model).state_dict())


def recursive():
    inner = []
    outer = (inner, 1)
    inner.append(outer)
    return outer


def recursive_four():
    inner = {}
    outer = (inner, 1, 2, 3)
    inner["me"] = outer
    return outer


@pytest.mark.parametrize("value", [recursive, recursive_four])
def test_values_that_contain_themselves(weightlift, rng, tmp_path, value):
    model = small(rng)
    file = tmp_path / "recursive.pth"
    torch.save({"state_dict": model.state_dict(), "meta": value()}, file)
    torch.load(file, weights_only=False)
    assert_converts(weightlift, file, tmp_path, reference.convert(model).state_dict())


def test_a_zip_inside_a_tensor(weightlift, rng, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "an archive in a tensor")
    model = small(rng)
    file = tmp_path / "zip.pth"
    code = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
    torch.save({"state_dict": model.state_dict(), "code_zip": code}, file)
    assert torch.equal(torch.load(file)["code_zip"], code)
    folder = convert(weightlift, file, tmp_path / "out", "--ignore", "code_zip")
    assert_same_state(load(folder).state_dict(), reference.convert(model).state_dict())


CONTAINERS = {
    "tuple": (lambda first, second: (first, {"lr": 0.1}), None),
    "list": (lambda first, second: [{"epoch": 1}, first], None),
    "integer keys": (lambda first, second: {0: second, 1: first}, "1"),
    "two in a tuple": (lambda first, second: (first, second), "0"),
    "ensemble": (lambda first, second: {"models": [second, first]}, "models.1"),
    "defaultdict": (lambda first, second: collections.defaultdict(dict, {"state_dict": first}), None),
    "VISSL": (
        lambda first, second: {
            "classy_state_dict": {
                "base_model": {"model": {"trunk": prefixed("_feature_blocks.", first), "heads": {}}}
            },
            "phase": 3,
        },
        "classy_state_dict.base_model.model.trunk",
    ),
    "VISSL, with the prefix": (
        lambda first, second: {
            "classy_state_dict": {"base_model": {"model": {"trunk": prefixed("_feature_blocks.", first)}}}
        },
        "classy_state_dict.base_model.model.trunk._feature_blocks",
    ),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_state_dicts_in_containers(weightlift, rng, tmp_path, kind):
    model = small(rng)
    make, key = CONTAINERS[kind]
    file = tmp_path / "container.pth"
    torch.save(make(model.state_dict(), another(model).state_dict()), file)
    flags = ["--weights-key", key] if key else []
    inspection = json.loads(weightlift("inspect", file, "--json").stdout)
    if key:
        assert any(key.startswith(found["path"]) and found["path"] for found in inspection["state_dicts"])
    assert_converts(weightlift, file, tmp_path, reference.convert(model).state_dict(), *flags)


def caffe_network(rng):
    """transformers' network with the strides of Caffe's ResNet, and its weights by timm's names."""
    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[32, 48, 64, 80],
        depths=[1, 2, 1, 1],
        layer_type=rng.choice(["bottleneck", "basic"]),
        hidden_act=rng.choice(["relu", "relu", "gelu"]),
        downsample_in_bottleneck=True,
        downsample_in_first_stage=rng.random() < 0.3,
        id2label={i: f"kind {i}" for i in range(7)},
        label2id={f"kind {i}": i for i in range(7)},
    )
    model = ResNetForImageClassification(config).eval()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5) if "var" in name else tensor.normal_(std=0.2)
    return model


def timm_name(name):
    name = re.sub(r"^classifier\.1", "fc", name)
    name = re.sub(r"^resnet\.embedder\.embedder\.convolution", "conv1", name)
    name = re.sub(r"^resnet\.embedder\.embedder\.normalization", "bn1", name)
    name = re.sub(r"^resnet\.encoder\.stages\.(\d+)\.layers", lambda m: f"layer{int(m[1]) + 1}", name)
    name = re.sub(r"shortcut\.convolution", "downsample.0", name)
    name = re.sub(r"shortcut\.normalization", "downsample.1", name)
    name = re.sub(r"layer\.(\d)\.convolution", lambda m: f"conv{int(m[1]) + 1}", name)
    return re.sub(r"layer\.(\d)\.normalization", lambda m: f"bn{int(m[1]) + 1}", name)


@torch.no_grad()
@pytest.mark.parametrize("names", ["timm", "transformers"])
def test_a_given_transformers_config(weightlift, rng, tmp_path, names):
    model = caffe_network(rng)
    rename = timm_name if names == "timm" else str
    torch.save({rename(name): tensor for name, tensor in model.state_dict().items()}, tmp_path / "caffe.pth")
    model.config.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    folder = assert_converts(
        weightlift, tmp_path / "caffe.pth", tmp_path, model.state_dict(), "--config", config
    )
    x = torch.randn(2, 3, 64, 64)
    converted = load(folder)
    # A copy, whose tensors are aligned as the model's: torch's sums depend on it.
    assert torch.equal(copy.deepcopy(converted)(x).logits, model(x).logits)
    assert converted.config.id2label == model.config.id2label
    weightlift("verify", tmp_path / "caffe.pth", folder, "--config", config)


def test_a_given_config_is_checked(weightlift, rng, tmp_path):
    model = caffe_network(rng)
    torch.save({timm_name(name): tensor for name, tensor in model.state_dict().items()}, tmp_path / "caffe.pth")
    model.config.hidden_sizes = [32, 48, 64, 96]
    model.config.save_pretrained(tmp_path)
    done = weightlift(
        "convert", tmp_path / "caffe.pth", "-o", tmp_path / "out", "--config", tmp_path / "config.json", check=False
    )
    assert done.returncode != 0
    assert "hidden_sizes is [32, 48, 64, 96], but the tensors have [32, 48, 64, 80]" in done.stderr


def test_a_given_timm_config(weightlift, rng, tmp_path):
    model = small(rng)
    folder = reference.save_timm_folder(model, tmp_path / "in", label_names=list("abcde"))
    (folder / "model.safetensors").rename(tmp_path / "lone.safetensors")
    (folder / "config.json").rename(tmp_path / "given.json")
    converted = assert_converts(
        weightlift,
        tmp_path / "lone.safetensors",
        tmp_path,
        reference.convert(model).state_dict(),
        "--config",
        tmp_path / "given.json",
    )
    assert list(load(converted).config.id2label.values()) == list("abcde")
    assert (converted / "preprocessor_config.json").exists()


def training_checkpoint(model, **args):
    return {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": model.state_dict(),
        "args": argparse.Namespace(model="resnet18", **args),
    }


PLAIN_ARGUMENTS = [
    dict(model_kwargs={}),
    dict(model_kwargs={"act_layer": "relu", "drop_path_rate": 0.1}, gp="avg", bn_eps=None),
    dict(model_kwargs={"output_stride": 32, "layers": [1, 2, 1, 1], "channels": [8, 12, 16, 20]}),
]


@pytest.mark.parametrize("args", PLAIN_ARGUMENTS)
def test_arguments_of_timms_script_that_change_nothing(weightlift, rng, tmp_path, args):
    model = reference.make_model("resnet18", num_classes=5, **SMALL)
    torch.save(training_checkpoint(model, **args), tmp_path / "last.pth.tar")
    assert_converts(weightlift, tmp_path / "last.pth.tar", tmp_path, reference.convert(model).state_dict())


OTHER_ARGUMENTS = [
    (dict(model_kwargs={"output_stride": 16}), "args.model_kwargs.output_stride: expected 32, got 16"),
    (dict(model_kwargs={"act_layer": "silu"}), "args.model_kwargs.act_layer: expected"),
    (dict(model_kwargs={"aa_layer": "blurpool"}), "args.model_kwargs.aa_layer: expected"),
    (dict(model_kwargs={}, gp="max"), "args.model_kwargs.global_pool: expected"),
    (dict(model_kwargs={}, bn_eps=0.01), "args.model_kwargs.bn_eps: unsupported argument, got 0.01"),
    (dict(model_kwargs={"layers": [1, 1, 1, 1]}), "blocks per stage: expected [1, 1, 1, 1], got [1, 2, 1, 1]"),
]


@pytest.mark.parametrize("args, message", OTHER_ARGUMENTS)
def test_arguments_of_timms_script_that_change_the_network(weightlift, rng, tmp_path, args, message):
    model = reference.make_model("resnet18", num_classes=5, **SMALL)
    torch.save(training_checkpoint(model, **args), tmp_path / "last.pth.tar")
    done = weightlift("convert", tmp_path / "last.pth.tar", "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and message in done.stderr


def pruned(model):
    for module in (model.conv1, model.layer3[0].conv1):
        prune.l1_unstructured(module, "weight", amount=0.3)
    return model.state_dict()


def spectral(model):
    model.layer2[0].conv1 = torch.nn.utils.spectral_norm(model.layer2[0].conv1)
    return model.state_dict()


def parametrized(model):
    model.layer1[0].conv1 = parametrizations.spectral_norm(model.layer1[0].conv1)
    return model.state_dict()


def weight_normalized(model):
    model.layer1[0].conv1 = parametrizations.weight_norm(model.layer1[0].conv1)
    return model.state_dict()


def quantization_aware(model):
    model.train()
    model.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")
    return torch.ao.quantization.prepare_qat(model).state_dict()


def three_dimensional(model):
    return {n: t.unsqueeze(2) if t.dim() == 4 else t for n, t in model.state_dict().items()}


def flattened(model):
    flat = torch.cat([tensor.flatten() for tensor in model.state_dict().values() if tensor.is_floating_point()])
    return {"_fsdp_wrapped_module._flat_param": flat}


NO_WEIGHTS = {
    "parameters only": (lambda m: dict(m.named_parameters()), "parameters without buffers", "save model.state_dict()"),
    "whole model in a dict": (lambda m: {"model": m, "epoch": 1}, "'model' holds a whole model", "state_dict()"),
    "whole model": (lambda m: m, "a whole model", "state_dict()"),
    "method": (lambda m: {"state_dict": m.state_dict}, "holds the method state_dict", "parentheses"),
    "lone method": (lambda m: m.state_dict, "holds the method state_dict", "parentheses"),
    "numpy": (lambda m: {n: t.numpy() for n, t in m.state_dict().items()}, "a numpy array", "torch.from_numpy()"),
    "numpy in a dict": (
        lambda m: {"model": {n: t.numpy() for n, t in m.state_dict().items()}},
        "'model.conv1.weight' holds a numpy array",
        "torch.from_numpy()",
    ),
    "pruned": (pruned, "pruned weights", "prune.remove()"),
    "spectral norm": (spectral, "spectral normalization", "remove_spectral_norm()"),
    "parametrized spectral norm": (parametrized, "parametrized weights", "remove_parametrizations()"),
    "weight norm": (weight_normalized, "parametrized weights", "remove_parametrizations()"),
    "quantization-aware": (quantization_aware, "quantization-aware training", "float checkpoint"),
    "3-d convolutions": (three_dimensional, "convolutions of three dimensions", ""),
    "NVIDIA": (
        lambda m: {re.sub(r"^layer(\d)", lambda k: f"layers.{int(k[1]) - 1}", n): t for n, t in m.state_dict().items()},
        "layer names of NVIDIA's DeepLearningExamples",
        "rename layers.0 to layer1",
    ),
    "FSDP, flattened": (flattened, "flattened parameters of FSDP", "FULL_STATE_DICT"),
}


@pytest.mark.parametrize("kind", NO_WEIGHTS)
def test_the_message_names_the_cause(weightlift, rng, tmp_path, kind):
    make, cause, advice = NO_WEIGHTS[kind]
    file = tmp_path / "model.pth"
    torch.save(make(small(rng)), file)
    done = weightlift("convert", file, "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and cause in done.stderr and advice in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def exported(folder):
    program = torch.export.export(nn.Linear(2, 2), (torch.randn(1, 2),))
    torch.export.save(program, folder / "model.pt2")
    return folder / "model.pt2"


def zipped(folder):
    torch.save({"w.weight": torch.ones(2)}, folder / "inner.pth")
    with zipfile.ZipFile(folder / "outer.zip", "w") as archive:
        archive.write(folder / "inner.pth", "inner.pth")
    return folder / "outer.zip"


def keras(folder):
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    return folder / "model.keras"


def hdf5(folder):
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    return folder / "model.h5"


def arrays(folder):
    numpy.savez(folder / "model.npz", a=numpy.ones(3))
    return folder / "model.npz"


def onnx(folder):
    # ir_version, producer_name, graph
    (folder / "model.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x032.1\x3a\x06\x0a\x04main")
    return folder / "model.onnx"


def distributed(folder):
    import torch.distributed.checkpoint as dcp

    dcp.save({"w": torch.ones(2)}, checkpoint_id=folder / "dcp")
    return folder / "dcp"


def unpacked(folder):
    torch.save({"w.weight": torch.ones(2)}, folder / "model.pth")
    with zipfile.ZipFile(folder / "model.pth") as archive:
        archive.extractall(folder)
    return folder / "model"


def scripted(folder):
    torch.jit.script(nn.Linear(2, 2)).save(folder / "model.pt")
    return folder / "model.pt"


def mixin(folder):
    from huggingface_hub import PyTorchModelHubMixin

    class Mine(nn.Module, PyTorchModelHubMixin):
        def __init__(self, width: int):
            super().__init__()
            self.layer = nn.Linear(width, 2)

    Mine(width=3).save_pretrained(folder / "mine")
    return folder / "mine"


OTHER_FILES = {
    exported: ("torch.export", "state dict"),
    zipped: ("a zip archive that contains 'inner.pth'", "unpack it"),
    keras: ("a Keras model", ""),
    hdf5: ("HDF5", ""),
    arrays: ("NumPy arrays", ""),
    onnx: ("an ONNX model", "checkpoint that it was made from"),
    distributed: ("a distributed checkpoint", "dcp_to_torch"),
    unpacked: ("an unpacked torch file", "zip -0"),
    scripted: ("a TorchScript archive", "state dict"),
    mixin: ("PyTorchModelHubMixin", "convert the weights file itself"),
}


@pytest.mark.parametrize("make", OTHER_FILES, ids=lambda make: make.__name__)
def test_other_files_are_named(weightlift, tmp_path, make):
    cause, advice = OTHER_FILES[make]
    done = weightlift("convert", make(tmp_path), "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and cause in done.stderr and advice in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unpacked_file_can_be_packed_again(weightlift, rng, tmp_path):
    """What the message advises."""
    model = small(rng)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    packed = tmp_path / "again.pth"
    with zipfile.ZipFile(tmp_path / "model.pth") as archive, zipfile.ZipFile(packed, "w") as again:
        for name in archive.namelist():
            again.writestr(name, archive.read(name))
    assert_converts(weightlift, packed, tmp_path, reference.convert(model).state_dict())


def test_a_cached_repository(weightlift, rng, tmp_path):
    model = small(rng)
    root = tmp_path / "models--me--flowers"
    commit = "0123456789" * 4
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    reference.save_timm_folder(model, root / "snapshots" / commit)
    reference.save_timm_folder(another(model), root / "snapshots" / ("a" * 40))
    for source in (root, root / "snapshots" / commit):
        out = tmp_path / f"out-{source.name}"
        weightlift("convert", source, "-o", out)
        assert [path.name for path in out.iterdir()] == ["flowers"]
        assert_same_state(load(out / "flowers").state_dict(), reference.convert(model).state_dict())
    (root / "refs" / "main").unlink()
    done = weightlift("convert", root, "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and "expected one snapshot of a cached repository, got 2" in done.stderr


def test_weights_that_end_in_zeros(weightlift, rng, tmp_path):
    model = small(rng)
    folder = reference.save_timm_folder(model, tmp_path / "in")
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) * 2 // 3] + bytes(len(content) - len(content) * 2 // 3))
    done = weightlift("convert", folder, "-o", tmp_path / "out", "--json")
    notes = json.loads(done.stdout)["notes"]
    assert [note["severity"] for note in notes if note["code"] == "zero-tail"] == ["warning"]
    fresh = reference.save_timm_folder(timm.create_model("resnet18", num_classes=5, **SMALL), tmp_path / "fresh")
    done = weightlift("convert", fresh, "-o", tmp_path / "out", "--json")
    assert not any(note["code"] == "zero-tail" for note in json.loads(done.stdout)["notes"])


def test_inspect_shows_tensors_of_any_network(weightlift, rng, tmp_path):
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=1)
    torch.save({"a": {"b": {"c": vit.state_dict()}}}, tmp_path / "vit.pth")
    shown = json.loads(weightlift("inspect", tmp_path / "vit.pth", "--json").stdout)
    assert shown["state_dict"] == "a.b.c" and len(shown["tensors"]) == len(vit.state_dict())
    optimizer = torch.optim.Adam(vit.parameters())
    vit(torch.randn(1, 3, 224, 224)).sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert "tensors without names below: state" in weightlift("inspect", tmp_path / "optimizer.pt").stdout


def test_a_processor_for_thirteen_channels_is_refused(weightlift, rng, tmp_path):
    model = small(rng, in_chans=13)
    torch.save(model.state_dict(), tmp_path / "sentinel.pth")
    done = weightlift(
        "convert",
        tmp_path / "sentinel.pth",
        "-o",
        tmp_path / "out",
        "--image-processor",
        "resnet50.a1_in1k",
        check=False,
    )
    assert done.returncode != 0 and "--image-processor: images have one or three channels" in done.stderr
