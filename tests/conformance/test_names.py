"""Sources by name: what the Hub's timm repositories become, and one cache for timm and the program."""

import hashlib
import json
import subprocess

import compare
import pytest
import reference
import timm
from conftest import PROGRAM
from standin import hub  # noqa: F401 (a fixture)

TIMM = """
    import hashlib, json, reference_stack, sys, timm
    network = timm.create_model(sys.argv[1], pretrained=True)
    state = {k: hashlib.sha256(v.numpy().tobytes()).hexdigest() for k, v in network.state_dict().items()}
    print(json.dumps(state))
"""

LOAD = """
    import json, reference_stack, safetensors.torch, sys, torch, transformers
    network, info = transformers.AutoModelForImageClassification.from_pretrained(
        sys.argv[1], output_loading_info=True)
    transformers.AutoImageProcessor.from_pretrained(sys.argv[1])
    given = safetensors.torch.load_file(sys.argv[2])
    loaded = network.state_dict()
    print(json.dumps([all(torch.equal(t, loaded[n]) for n, t in given.items()),
                      [str(v) for v in info.values() if v]]))
"""


def full_name(architecture):
    return f"{architecture}.{timm.models.get_pretrained_cfg(architecture).tag}"


def run(hub, *arguments, **environment):
    command = [str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=hub.environment(**environment)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def digests(model):
    return {k: hashlib.sha256(v.numpy().tobytes()).hexdigest() for k, v in model.state_dict().items()}


def test_the_six_by_their_names_to_the_hub(hub, rng, tmp_path):
    """The old script's whole job: no name means the six, and each becomes a repository."""
    commits = {}
    for name in reference.SIX:
        model = reference.make_model(name)
        source = reference.save_timm_folder(model, tmp_path / name)
        commits[name] = hub.add_repo(f"timm/{full_name(name)}", source)
        reference.save_reference_folder(
            model, source, tmp_path / "expected" / name, reference.imagenet_labels()
        )
    run(hub, "convert", "-o", tmp_path / "out", "--push-to-hub")
    for name in reference.SIX:
        converted = tmp_path / "out" / name.replace("resnet", "resnet-")
        compare.assert_same_folder(converted, tmp_path / "expected" / name)
        card = (converted / "README.md").read_text()
        assert f"`timm/{full_name(name)}` of the Hub at commit `{commits[name]}`" in card
    equal, wrong = hub.python(LOAD, "alice/resnet-50", tmp_path / "out/resnet-50/model.safetensors")
    assert equal and not wrong


def test_regnets_by_their_names_to_the_hub(hub, rng, tmp_path):
    model = reference.make_model("regnety_002")
    source = reference.save_timm_folder(model, tmp_path / "regnety_002")
    commit = hub.add_repo("timm/regnety_002.pycls_in1k", source)
    expected = reference.save_reference_folder(model, source, tmp_path / "expected", reference.imagenet_labels())
    run(hub, "convert", "regnety_002", "-o", tmp_path / "out", "--push-to-hub")
    converted = tmp_path / "out" / "regnet-y-002"
    compare.assert_same_folder(converted, expected)
    card = (converted / "README.md").read_text()
    assert f"`timm/regnety_002.pycls_in1k` of the Hub at commit `{commit}`" in card
    assert '\nlicense: "mit"\n' in card and "\n- regnet\n" in card
    equal, wrong = hub.python(LOAD, "alice/regnet-y-002", converted / "model.safetensors")
    assert equal and not wrong


def test_weights_of_seer_need_their_license_accepted(hub, rng, tmp_path):
    """Small weights in the place of the largest ones: names and licenses are the registry's."""
    model = reference.make_model("regnety_002", num_classes=0)
    hub.add_repo("timm/regnety_320.seer", reference.save_timm_folder(model, tmp_path / "seer"))
    command = [str(PROGRAM), "convert", "regnety_320.seer", "-o", str(tmp_path / "out"), "--push-to-hub"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=hub.environment())
    assert done.returncode == 2 and "seer-license" in done.stderr and not (tmp_path / "out").exists()
    run(hub, *command[1:], "--accept-license", "seer-license")
    assert (tmp_path / "out" / "regnet-y-320.seer" / "config.json").exists()


def test_timm_reads_what_the_program_fetched(hub, rng, tmp_path):
    model = reference.make_model("resnet18")
    source = reference.save_timm_folder(model, tmp_path / "source")
    hub.add_repo("timm/resnet18.a1_in1k", source)
    run(hub, "convert", "resnet18", "-o", tmp_path / "out")
    before = len(hub.requests())
    for name in ["resnet18.a1_in1k", "hf-hub:timm/resnet18.a1_in1k"]:
        assert hub.python(TIMM, name, HF_HUB_OFFLINE="1") == digests(model)
    assert len(hub.requests()) == before


def test_torchs_file_where_there_is_no_safetensors(hub, rng, tmp_path):
    model = reference.make_model("resnet18")
    timm.models.save_for_hf(model, tmp_path / "source", safe_serialization=False)
    hub.add_repo("alice/flowers", tmp_path / "source")
    run(hub, "convert", "alice/flowers", "-o", tmp_path / "out")
    source = reference.save_timm_folder(model, tmp_path / "safe")
    reference.save_reference_folder(
        model, source, tmp_path / "expected", reference.imagenet_labels())
    compare.assert_same_folder(tmp_path / "out" / "flowers", tmp_path / "expected")


@pytest.mark.parametrize("name", ["resnet18.tv_in1k", "hf-hub:timm/resnet18.tv_in1k"])
def test_the_program_reads_what_timm_fetched(hub, rng, tmp_path, name):
    """By its name timm fetches the weights alone, and knows the config itself; so do we."""
    model = reference.make_model("resnet18.tv_in1k")
    source = reference.save_timm_folder(model, tmp_path / "source")
    commit = hub.add_repo("timm/resnet18.tv_in1k", source)
    assert hub.python(TIMM, name) == digests(model)
    before = len(hub.requests())
    run(hub, "convert", "resnet18.tv_in1k", "-o", tmp_path / "out",
        HF_HUB_OFFLINE="1")
    assert len(hub.requests()) == before
    converted = tmp_path / "out" / "resnet-18.tv_in1k"
    reference.save_reference_folder(
        model, source, tmp_path / "expected", reference.imagenet_labels())
    compare.assert_same_folder(converted, tmp_path / "expected")
    card = (converted / "README.md").read_text()
    digest = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    assert f"`timm/resnet18.tv_in1k` of the Hub at commit `{commit}`" in card and digest in card
    assert 'license: "bsd-3-clause"' in card


def test_labels_and_processor_of_other_repositories(hub, rng, tmp_path):
    """The two downloads that the old script made."""
    model = reference.make_model("resnet18")
    hub.add_repo("timm/resnet18.a1_in1k", reference.save_timm_folder(model, tmp_path / "source"))
    labels = [f"label {i} {rng.random()}" for i in range(1000)]
    (tmp_path / "labels").mkdir()
    file = tmp_path / "labels" / "imagenet-1k-id2label.json"
    file.write_text(json.dumps(dict(enumerate(labels))))
    hub.add_repo("huggingface/label-files", tmp_path / "labels", type="dataset")
    processor = reference.ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=224 / 256)
    processor.save_pretrained(tmp_path / "convnext")
    hub.add_repo("facebook/convnext-base-224-22k-1k", tmp_path / "convnext")
    address = "hf://datasets/huggingface/label-files/imagenet-1k-id2label.json"
    run(hub, "convert", "resnet18", "-o", tmp_path / "out", "--id2label", address,
        "--image-processor", "facebook/convnext-base-224-22k-1k")
    written = json.loads((tmp_path / "out/resnet-18/config.json").read_text())
    assert [written["id2label"][str(i)] for i in range(1000)] == labels
    compare.assert_same_text(
        tmp_path / "out/resnet-18/preprocessor_config.json",
        tmp_path / "convnext/preprocessor_config.json",
    )
    # huggingface_hub finds the dataset's file where we put it.
    found = hub.python("""
        import json, sys, huggingface_hub
        print(json.dumps(huggingface_hub.hf_hub_download(
            "huggingface/label-files", sys.argv[1], repo_type="dataset", local_files_only=True)))
    """, file.name)
    assert json.load(open(found)) == {str(i): label for i, label in enumerate(labels)}
