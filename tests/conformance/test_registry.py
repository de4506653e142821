"""`weightlift models` against timm's own registry."""

import json
import warnings

import pytest
import reference
import timm
import torch
from conftest import RELEASE_CHECK
from timm.models import _registry as timm_registry

PLAIN = [n for n in timm.list_pretrained() if n.split(".")[0] in reference.SIX]
REGNETS = [n for n in timm.list_pretrained("regnet[xy]*") if not n.startswith("regnety_040_sgn")]
NAMES = PLAIN + REGNETS
OLD = {old: name for old, name in timm_registry._deprecated_models.items() if name in PLAIN}


def models(weightlift, *arguments):
    return [json.loads(line) for line in weightlift("models", *arguments, "--json").stdout.splitlines()]


def expected_row(name):
    architecture = name.split(".")[0]
    cfg = timm.get_pretrained_cfg(name)
    with torch.device("meta"):
        model = timm.create_model(architecture, num_classes=cfg.num_classes)
    return dict(
        name=name,
        default=timm.get_pretrained_cfg(architecture).tag == cfg.tag,
        input_size=list(cfg.input_size),
        test_input_size=cfg.test_input_size and list(cfg.test_input_size),
        crop_pct=cfg.crop_pct,
        test_crop_pct=cfg.test_crop_pct,
        interpolation=cfg.interpolation,
        crop_mode=cfg.crop_mode,
        mean=list(cfg.mean),
        std=list(cfg.std),
        num_classes=cfg.num_classes,
        license=cfg.license,
        parameters=sum(p.numel() for p in model.parameters()),
        file=cfg.url.rsplit("/", 1)[1] if cfg.url else None,
    )


def test_timm_lists_the_supported_models():
    assert len(PLAIN) == 48
    assert len(OLD) == 13


def test_every_name_in_timms_order(weightlift):
    assert [row["name"] for row in models(weightlift)] == NAMES
    assert [row["name"] for row in models(weightlift, "--family", "regnet")] == REGNETS


def test_every_row(weightlift):
    rows = {row["name"]: row for row in models(weightlift)}
    for name in NAMES:
        expected = expected_row(name)
        assert {key: rows[name].get(key) for key in expected} == expected
        assert not [key for key, value in rows[name].items() if value is None], "unknown facts are absent"


@pytest.mark.parametrize("glob", ["resnet50", "resnet50*", "*tv*", "resnet18.a?_in1k", "*.gluon_in1k", "resnet1*", "regnety_*.seer*"])
def test_patterns(glob, weightlift):
    matching = set(timm.list_pretrained(glob))
    expected = [n for n in NAMES if n in matching]
    assert [row["name"] for row in models(weightlift, glob)] == expected


@pytest.mark.parametrize("old", sorted(OLD))
def test_old_names(old, weightlift):
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cfg = timm.create_model(old).pretrained_cfg
    assert [row["name"] for row in models(weightlift, old)] == [f"{cfg['architecture']}.{cfg['tag']}"]


@pytest.mark.parametrize("unknown", ["resnet51", "resnet50.a9_in1k", "ResNet50"])
def test_unknown_names_are_not_found(unknown, weightlift):
    assert not [n for n in timm.list_pretrained(unknown) if n in NAMES]
    done = weightlift("models", unknown, "--json", check=False)
    assert done.returncode == 3 and f"{unknown}: no supported timm model matches" in done.stderr
    assert json.loads(done.stdout)["error"]["kind"] == "not_found"


def test_generated_labels_agree_with_timm():
    import conftest
    import make_imagenet_labels

    written = conftest.ROOT / "weightlift" / "models" / "imagenet_labels.cpp"
    assert make_imagenet_labels.source() == written.read_text()


@pytest.mark.skipif(not RELEASE_CHECK, reason="builds all of timm in three minutes: scripts/release-check runs it")
def test_generated_tables_agree_with_timm():
    import conftest
    import make_registry

    sources = make_registry.sources()
    assert sorted(path.name for path in sources) == ["known_to_timm.cpp", "regnet_tags.cpp", "resnet_tags.cpp"]
    for path, text in sources.items():
        assert text == (conftest.ROOT / path).read_text(), path


def regnet_architectures():
    """The members of RegNetArchitecture that are generated for each RegNet X and Y, with timm's network."""
    import make_registry
    from timm_networks import no_weights, recorded_arguments

    family = make_registry.load_families()["regnet"]
    with recorded_arguments([family.NETWORK]):
        for name in timm.list_models("regnet*"):
            with no_weights():
                model = timm.create_model(name)
            members = family.architecture(model)
            if members is not None:
                yield name, members, model


def test_transformers_builds_the_shapes_of_regnets():
    import transformers

    names = []
    for name, (layer_type, depths, widths, groups_width, _), model in regnet_architectures():
        config = transformers.RegNetConfig(layer_type=layer_type, depths=depths, hidden_sizes=widths,
                                           groups_width=groups_width, num_labels=1000)
        with torch.device("meta"):
            converted = transformers.RegNetForImageClassification(config)
        shapes = [sorted(tuple(t.shape) for t in m.state_dict().values()) for m in (model, converted)]
        assert shapes[0] == shapes[1], name
        names.append(name)
    assert len(names) == 30
    assert sorted(names) == sorted(n for n in timm.list_models("regnet[xy]*") if not n.endswith("_sgn"))


def test_timm_lists_the_regnets():
    assert len(REGNETS) == 61
