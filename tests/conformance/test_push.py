"""What the program pushes is what huggingface_hub lists and transformers loads."""

import hashlib
import json
import os
import subprocess

import pytest
import transformers
from conftest import PROGRAM
from standin import hub  # noqa: F401 (a fixture)

MODES = {"basic": {}, "multipart": dict(multipart_over=100_000, chunk_size=70_000)}

LIST = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    entries = [f for f in api.list_repo_tree("alice/net", recursive=True) if hasattr(f, "size")]
    files = {f.path: [f.size, f.lfs.sha256 if f.lfs else f.blob_id] for f in entries}
    titles = [c.title for c in api.list_repo_commits("alice/net")]
    print(json.dumps([files, titles, api.repo_info("alice/net").private]))
"""

LOAD = """
    import json, reference_stack, safetensors.torch, torch, transformers
    network = transformers.AutoModelForImageClassification.from_pretrained("alice/net")
    loaded, given = network.state_dict(), safetensors.torch.load_file(sys.argv[1])
    equal = all(torch.equal(tensor, loaded[name]) for name, tensor in given.items())
    print(json.dumps([equal, sorted(given) == sorted(loaded), type(network).__name__]))
"""

AGAIN = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    before = api.repo_info("alice/net").sha
    after = api.upload_folder(repo_id="alice/net", folder_path=sys.argv[1], commit_message="again")
    print(json.dumps(before == after.oid))
"""


@pytest.fixture
def folder(tmp_path):
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic", num_labels=5
    )
    path = tmp_path / "net"
    transformers.ResNetForImageClassification(config).save_pretrained(path)
    (path / "README.md").write_text("---\nlicense: mit\n---\n# A network\n")
    return path


def push(hub, *arguments):
    command = [str(PROGRAM), "push", *map(str, arguments), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=hub.environment()
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def oid_of(path, lfs):
    content = path.read_bytes()
    if lfs:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.mark.parametrize("modes", MODES)
def test_what_is_pushed_is_listed_and_loaded(hub, folder, modes):  # noqa: F811
    hub.set_mode(**MODES[modes])
    pushed = push(hub, folder, "alice/net", "--private")
    assert pushed["status"] == "ok"
    assert pushed["published"]["repo_id"] == "alice/net"
    assert pushed["published"]["committed"] == len(os.listdir(folder))
    files, titles, private = hub.python(LIST)
    assert files.pop(".gitattributes")
    assert files == {
        path.name: [path.stat().st_size, oid_of(path, path.suffix == ".safetensors")]
        for path in folder.iterdir()
    }
    assert titles[0] == "Add model and image processor" and private
    loaded = hub.python(LOAD, folder / "model.safetensors")
    assert loaded == [True, True, "ResNetForImageClassification"]


def test_neither_side_sends_again_what_the_other_pushed(hub, folder):  # noqa: F811
    push(hub, folder, "alice/net")
    assert hub.python(AGAIN, folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Another text\n")
    assert not hub.python(AGAIN, folder)
    pushed = push(hub, folder, "alice/net")
    assert pushed["status"] == "already" and pushed["published"]["nothing_changed"]
