"""examples/scale: Kubernetes' own schemas accept the Jobs, and their numbers agree."""

import json
import pathlib
import re

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "scale"
FILES = ["kubernetes.yaml", "kubernetes-merge.yaml"]


def oldest_release():
    """The Kubernetes that the example names."""
    return re.search(r"Kubernetes cluster \(([0-9.]+) or newer\)", (FOLDER / FILES[0]).read_text())[1]


def newest_release():
    return kubernetes_validate.latest_version()


def load(name):
    return yaml.safe_load((FOLDER / name).read_text())


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("release", [oldest_release(), newest_release()])
@pytest.mark.parametrize("name", FILES)
def test_kubernetes_accepts_the_job(name, release):
    kubernetes_validate.validate(load(name), release, strict=True)


@pytest.mark.parametrize("key", ["backoffLimitPerIndex", "onExitCodes", "readOnlyRootFilesystem", "claimName"])
def test_a_misspelt_key_is_refused(key):
    text = json.dumps(load(FILES[0]))
    assert key in keys_of(json.loads(text))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(json.loads(text.replace(key, key + "s")), oldest_release(), strict=True)


def test_every_pod_has_a_shard():
    spec = load(FILES[0])["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    shards = [a for a in container["args"] if a.startswith("--shards")]
    assert shards == [f"--shards={spec['completions']}"]
    assert spec["maxFailedIndexes"] == spec["completions"]


def test_the_merge_reads_the_folder_that_the_pods_write():
    pods, merge = (load(name)["spec"]["template"]["spec"] for name in FILES)
    output = [a for a in pods["containers"][0]["args"] if a.startswith("--output")]
    assert output == [f"--output={merge['containers'][0]['args'][-1]}"]
    for key in ("image", "securityContext"):
        assert pods["containers"][0][key] == merge["containers"][0][key]
    assert pods["volumes"][0] == merge["volumes"][0]


def test_the_image_is_that_of_this_version():
    header = (ROOT / "include" / "weightlift" / "version.h").read_text()
    version = ".".join(re.findall(r"#define WEIGHTLIFT_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
    assert load(FILES[0])["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"/weightlift:{version}")
