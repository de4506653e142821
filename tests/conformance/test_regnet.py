"""RegNet X and Y: every architecture of the registry, and networks drawn afresh in each run, against the
reference pipeline's; the way back; and arguments of timm that leave no trace in the tensors."""

import contextlib
import copy
import io
import json

import compare
import numpy
import pytest
import reference
import timm
import torch
import torchvision
from conftest import seeded
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models.regnet import RegNet, RegNetCfg
from transformers import AutoImageProcessor, RegNetModel, pipeline

DRAWN = 50
ARCHITECTURES = sorted({n.split(".")[0] for n in timm.list_pretrained() if n.startswith(("regnetx", "regnety"))}
                       - {"regnety_040_sgn"})
# Above 100 M parameters: one block in each stage.
DEEP = {"regnetx_320", "regnety_320", "regnety_640", "regnety_1280", "regnety_2560"}


def folder_name(architecture):
    return architecture.replace("regnet", "regnet-").replace("_", "-")


def run(weightlift, source, out, *flags):
    weightlift("convert", source, "-o", out, "--name", "converted", *flags)
    return out / "converted"


def make_shallow(architecture):
    """The architecture with one block in each stage: timm has no argument for that."""
    with torch.device("meta"):
        model = timm.create_model(architecture, zero_init_last=False)
    for stage in (model.s1, model.s2, model.s3, model.s4):
        for name in [n for n, _ in stage.named_children() if n != "b1"]:
            delattr(stage, name)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif name.endswith(("running_var", "bn.weight")):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() > 1:
                tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)
            else:
                tensor.normal_(std=0.1)
    return model.eval()


@torch.no_grad()
def assert_as_exact_as_torch(folder, model, size):
    """The distance from float64 is at most twice that of timm's own float32."""
    loaded = copy.deepcopy(reference.load(folder)).double()
    x = torch.randn(1, reference.channels_of(model), size, size)
    float32 = model(x).double()
    exact = copy.deepcopy(model).double()(x.double())
    limit = 2 * (float32 - exact).abs().max() + 1e-12 * exact.abs().max()
    assert (loaded(x.double()).logits - exact).abs().max() <= limit


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if n not in DEEP])
def test_architectures(name, weightlift, rng, tmp_path):
    model = reference.make_model(name)
    source = reference.save_timm_folder(model, tmp_path / name)
    expected = reference.save_reference_folder(model, source, tmp_path / "expected", reference.imagenet_labels())
    weightlift("convert", source, "-o", tmp_path / "out")
    converted = tmp_path / "out" / folder_name(name)
    compare.assert_same_folder(converted, expected)
    compare.assert_loads_and_agrees(converted, model, 64)
    assert_as_exact_as_torch(converted, model, 64)
    back = run(weightlift, converted, tmp_path / "timm", "--to", "timm")
    compare.assert_same_bytes(back / "model.safetensors", source / "model.safetensors")


@pytest.mark.parametrize("name", sorted(DEEP))
def test_large_architectures(name, weightlift, rng, tmp_path):
    model = make_shallow(name)
    save_file(model.state_dict(), tmp_path / "shallow.safetensors")
    converted = run(weightlift, tmp_path / "shallow.safetensors", tmp_path / "out")
    expected = tmp_path / "expected"
    reference.convert(model).save_pretrained(expected)
    compare.assert_same_folder(converted, expected)
    compare.assert_loads_and_agrees(converted, model, 32)


def draw(rng, index):
    """A timm RegNet with parameters of its own. Widths follow from them as in timm."""
    num_classes = [0, 1, 2, 10, rng.randrange(3, 60)][index % 5]
    cfg = dict(depth=rng.randint(4, 12), w0=rng.choice([8, 16, 24, 32]), wa=round(rng.uniform(8, 24), 2),
               wm=round(rng.uniform(1.8, 2.6), 3), group_size=rng.choice([1, 4, 8, 12, 24]),
               se_ratio=rng.choice([0.0, 0.25]), stem_width=rng.choice([8, 16, 32]))
    if not cfg["se_ratio"]:
        cfg["act_layer"] = rng.choice(["relu", "relu", "silu", "gelu", "hard_swish"])
    return cfg, dict(in_chans=index % 4 + 1, num_classes=num_classes)


def make_drawn(rng, index):
    """Draws until the parameters give four stages, which timm's class has."""
    while True:
        cfg, arguments = draw(rng, index)
        try:
            return reference.fill(RegNet(RegNetCfg(**cfg), zero_init_last=False, **arguments)), cfg, arguments
        except (AssertionError, AttributeError, ValueError):
            continue


@pytest.fixture(scope="module")
def drawn(weightlift, tmp_path_factory):
    """Every drawn network as a lone file with timm's config, and the one run that converted them all."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = seeded("drawn regnets")
    models, sources = [], []
    for i in range(DRAWN):
        model, cfg, arguments = make_drawn(rng, i)
        source = folder / "timm" / f"drawn{i}"
        source.mkdir(parents=True)
        save_file(model.state_dict(), source / "model.safetensors")
        config = dict(architecture="regnety_002" if cfg["se_ratio"] else "regnetx_002", model_args=cfg | arguments)
        (source / "config.json").write_text(json.dumps(config))
        models.append(model)
        sources.append(source)
    done = weightlift("convert", *sources, "-o", folder / "out", check=False)
    return models, sources, folder / "out", done


@pytest.mark.parametrize("index", range(DRAWN))
def test_drawn_networks(index, drawn, rng, tmp_path):
    models, sources, out, done = drawn
    model, source = models[index], sources[index]
    print((source / "config.json").read_text())
    converted = out / source.name
    assert converted.is_dir(), done.stderr
    expected = tmp_path / "expected"
    reference.convert(model).save_pretrained(expected)
    for name in ("config.json", "model.safetensors"):
        compare.assert_same_bytes(converted / name, expected / name)
    compare.assert_loads_and_agrees(converted, model, 33)


@torch.no_grad()
@pytest.mark.parametrize("name", ["regnetx_002", "regnety_008_tv"])
def test_torchvision_and_back(name, weightlift, rng, tmp_path):
    model = reference.make_model(name, num_classes=7)
    folder = run(weightlift, reference.save_timm_folder(model, tmp_path / name), tmp_path / "transformers")
    written = run(weightlift, folder, tmp_path / "torchvision", "--to", "torchvision")
    scope = {}
    code = (written / "README.md").read_text().split("```python\n")[1].split("```")[0]
    here = code.replace('"converted/', f'"{written}/')
    exec(here, scope)  # the card's own code
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(scope["model"](x), model(x))
    torch.save(scope["model"].state_dict(), tmp_path / "torchvision.pth")
    again = run(weightlift, tmp_path / "torchvision.pth", tmp_path / "again")
    compare.assert_same_bytes(again / "model.safetensors", folder / "model.safetensors")


@torch.no_grad()
@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_y_400mf", "regnet_x_8gf"])
def test_torchvisions_own_files(name, weightlift, rng, tmp_path):
    model = reference.fill(torchvision.models.get_model(name, num_classes=5))
    torch.save({"model": model.state_dict(), "epoch": 3}, tmp_path / "model_best.pth")
    folder = run(weightlift, tmp_path / "model_best.pth", tmp_path / "out")
    loaded = copy.deepcopy(reference.load(folder))
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(loaded(x).logits, model(x), rtol=1e-5, atol=1e-5)
    back = run(weightlift, folder, tmp_path / "back", "--to", "torchvision")
    state = torch.load(back / "model.pth", weights_only=True)
    assert all(torch.equal(state[key], tensor) for key, tensor in model.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize("name", ["regnetx_002", "regnety_002"])
def test_backbone(name, weightlift, rng, tmp_path):
    model = reference.make_model(name)
    source = reference.save_timm_folder(model, tmp_path / name)
    folder = run(weightlift, source, tmp_path / "out", "--head", "none")
    loaded, info = RegNetModel.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(copy.deepcopy(loaded).eval()(x).last_hidden_state, model.forward_features(x))


def test_seer_has_no_classes(weightlift, rng, tmp_path):
    """As the tags of SEER: num_classes 0."""
    model = reference.make_model("regnety_002", num_classes=0)
    source = reference.save_timm_folder(model, tmp_path / "seer")
    folder = run(weightlift, source, tmp_path / "out")
    expected = tmp_path / "expected"
    reference.convert(model).save_pretrained(expected)
    for name in ("config.json", "model.safetensors"):
        compare.assert_same_bytes(folder / name, expected / name)


# Each changes the outputs, and none of them the tensors' names and shapes (downsample: the names alone).
SILENT = {
    "output_stride": dict(output_stride=16),
    "global_pool": dict(global_pool="max"),
    "linear_out": dict(linear_out=True),
    "downsample": dict(downsample="avg"),
    "act_layer": dict(act_layer="silu"),
}


@pytest.mark.parametrize("name", SILENT)
def test_arguments_without_a_trace_are_refused(name, weightlift, rng, tmp_path):
    model = reference.make_model("regnety_002", num_classes=3, **SILENT[name])
    source = tmp_path / "source"
    source.mkdir()
    save_file(model.state_dict(), source / "model.safetensors")
    (source / "config.json").write_text(json.dumps(dict(
        architecture="regnety_002", num_classes=3, model_args=dict(num_classes=3, **SILENT[name]))))
    done = weightlift("convert", source, "-o", tmp_path / "out", check=False)
    assert done.returncode == 3 and name in done.stderr, done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@torch.no_grad()
@pytest.mark.parametrize("act", ["silu", "gelu", "hard_swish"])
def test_activations_of_x(act, weightlift, rng, tmp_path):
    model = reference.make_model("regnetx_002", act_layer=act)
    source = tmp_path / "source"
    source.mkdir()
    save_file(model.state_dict(), source / "model.safetensors")
    (source / "config.json").write_text(json.dumps(dict(
        architecture="regnetx_002", model_args=dict(act_layer=act))))
    folder = run(weightlift, source, tmp_path / "out")
    compare.assert_loads_and_agrees(folder, model, 64)


@torch.no_grad()
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_dtype_and_bin(dtype, weightlift, rng, tmp_path):
    model = reference.make_model("regnety_002")
    source = reference.save_timm_folder(model, tmp_path / "regnety_002")
    folder = run(weightlift, source, tmp_path / "out", "--dtype", dtype, "--weights-format", "bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    expected = reference.convert(model).to(getattr(torch, dtype)).state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


def test_diff_and_verify(weightlift, rng, tmp_path):
    model = reference.make_model("regnety_002")
    source = reference.save_timm_folder(model, tmp_path / "regnety_002")
    folder = run(weightlift, source, tmp_path / "out")
    weightlift("verify", source, folder)
    weightlift("diff", source, folder)
    tensors = load_file(source / "model.safetensors")
    tensors["s3.b2.se.fc1.bias"][0] += 1e-3
    save_file(tensors, source / "model.safetensors")
    assert weightlift("verify", source, folder, check=False).returncode == 4
    done = weightlift("diff", source, folder, check=False)
    assert done.returncode == 4 and "s3.b2.se.fc1.bias" in done.stdout


def test_classify_and_the_cards_code(weightlift, rng, tmp_path):
    """As transformers' pipeline scores images, and the card's code as it stands."""
    model = reference.make_model("regnety_002", num_classes=5)
    source = reference.save_timm_folder(model, tmp_path / "flowers", label_names=["a", "b", "c", "d", "e"])
    weightlift("convert", source, "-o", tmp_path / "out")
    folder = tmp_path / "out" / "flowers"
    image = Image.fromarray(numpy.random.default_rng(rng.randrange(2**32)).integers(
        0, 256, (70, 90, 3), dtype=numpy.uint8)).resize((270, 300))
    image.save(tmp_path / "image.png")
    line = json.loads(weightlift("classify", folder, tmp_path / "image.png", "--json").stdout)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    classify = pipeline("image-classification", model=str(folder), image_processor=processor)
    theirs = {p["label"]: p["score"] for p in classify(str(tmp_path / "image.png"))}
    assert len(line["predictions"]) == 5
    for ours in line["predictions"]:
        assert abs(ours["score"] - theirs[ours["label"]]) < 1e-5
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.chdir(folder.parent):
        exec(code, {})
    assert len(printed.getvalue().splitlines()) == 5
