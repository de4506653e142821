"""Converted folders against the reference pipeline's: the six, and networks drawn afresh in each run."""

import dataclasses

import compare
import pytest
import reference
from conftest import seeded

DRAWN = 50


@pytest.mark.parametrize("name", reference.SIX)
def test_the_six(name, weightlift, rng, tmp_path):
    model = reference.make_model(name)
    source = reference.save_timm_folder(model, tmp_path / name)
    expected = reference.save_reference_folder(
        model, source, tmp_path / "expected", reference.imagenet_labels())
    weightlift("convert", source, "-o", tmp_path / "out")
    converted = tmp_path / "out" / name.replace("resnet", "resnet-")
    compare.assert_same_folder(converted, expected)
    compare.assert_loads_and_agrees(converted, model, 224)


@dataclasses.dataclass
class Network:
    """One that ResNetConfig supports and timm can build."""

    architecture: str
    arguments: dict  # of timm.create_model
    labels: list | None  # what each class should be called
    model_config: dict  # of save_for_hf


def draw_labels(rng, count):
    """Names for the classes, and where save_for_hf is to put them."""
    words = ["crane", "\u00e9l\u00e8ve", "\u72ac", "a \"b\"", "back\\slash", "Zebra", "it's", "\U0001f986", "tab\tbed"]
    names = [f"{rng.choice(words)} {rng.randrange(2 * count)}" for _ in range(count)]
    unique = [f"n{i:08d}" for i in rng.sample(range(10**6), count)]
    where = rng.choice(["list", "dict", "descriptions", "pretrained_cfg"])
    if where == "list":
        return names, dict(label_names=names)
    if where == "dict":
        return names, dict(label_names={str(i): n for i, n in enumerate(names)})
    if where == "descriptions":
        return names, dict(label_names=unique, label_descriptions=dict(zip(unique, names)))
    return names, dict(pretrained_cfg=dict(label_names=names))


def draw_pretrained_cfg(rng, in_chans):
    size = rng.randrange(32, 97)
    cfg = dict(
        input_size=(in_chans, size, size),
        crop_pct=rng.choice([0.875, 0.9, 0.95, 0.965, 1.0, round(rng.uniform(0.5, 1.0), 3)]),
        interpolation=rng.choice(["bilinear", "bicubic"]),
        mean=tuple(round(rng.random(), rng.randrange(1, 6)) for _ in range(in_chans)),
        std=tuple(round(rng.uniform(0.1, 1), rng.randrange(1, 17)) for _ in range(in_chans)),
    )
    return {k: v for k, v in cfg.items() if k == "input_size" or rng.random() < 0.7}


def draw(rng, index):
    """Class and channel counts come in turn, so that every run has all of them; the rest is drawn."""
    num_classes = [0, 1, 2, 10, 1000, rng.randrange(3, 60)][index % 6]
    in_chans = index // 6 % 4 + 1
    arguments = dict(
        layers=tuple(rng.randint(1, 3) for _ in range(4)),
        channels=tuple(rng.choice([16, 64, rng.randint(1, 40)]) for _ in range(4)),
        in_chans=in_chans,
        num_classes=num_classes,
        pretrained_cfg_overlay=draw_pretrained_cfg(rng, in_chans),
    )
    harmless = dict(stem_width=32, drop_rate=0.1, drop_path_rate=0.05, stem_type="", avg_down=False,
                    cardinality=1, base_width=64, output_stride=32)
    arguments.update({k: v for k, v in harmless.items() if rng.random() < 0.15})
    labels, model_config = None, {}
    if num_classes == 1000:
        labels = reference.imagenet_labels()  # timm writes the default tag, which stands for ImageNet-1k
        if rng.random() < 0.4:
            arguments["pretrained_cfg_overlay"]["tag"] = None
            labels = None
    if num_classes and rng.random() < 0.5:
        labels, model_config = draw_labels(rng, num_classes)
    return Network(rng.choice(reference.SIX), arguments, labels, model_config)


@pytest.fixture(scope="module")
def drawn(weightlift, tmp_path_factory):
    """Every drawn network, its timm folder, and the one run of the program that converted them all."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = seeded("drawn networks")
    networks = [draw(rng, i) for i in range(DRAWN)]
    models, sources = [], []
    for i, network in enumerate(networks):
        models.append(reference.make_model(network.architecture, **network.arguments))
        sources.append(reference.save_timm_folder(models[-1], folder / "timm" / f"drawn{i}", **network.model_config))
    done = weightlift("convert", *sources, "-o", folder / "out", check=False)
    return networks, models, sources, folder / "out", done


@pytest.mark.parametrize("index", range(DRAWN))
def test_drawn_networks(index, drawn, rng, tmp_path):
    networks, models, sources, out, done = drawn
    network, model, source = networks[index], models[index], sources[index]
    print(network)
    converted = out / source.name
    assert converted.is_dir(), done.stderr
    expected = reference.save_reference_folder(model, source, tmp_path / "expected", network.labels)
    compare.assert_same_folder(converted, expected)
    compare.assert_loads_and_agrees(converted, model, 33)


def test_drawn_networks_end_with_success(drawn):
    done = drawn[-1]
    assert done.returncode == 0, done.stderr
