"""The stand-in Hub against the real clients: what they do with the Hub, they can do with it."""

import pytest
from standin import hub  # noqa: F401 (a fixture)


def make_folder(path, rng, size=3_000_000):
    files = {
        "README.md": b"---\nlicense: mit\n---\n# A model\n",
        "config.json": b'{"a": 1}',
        "empty.bin": b"",
        "sub/a b#\u00e9.txt": b"text",
        "model.safetensors": rng.randbytes(size),
    }
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


UPLOAD = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    assert api.whoami()["name"] == "alice"
    api.create_repo("alice/m", private=True)
    api.create_repo("alice/m", exist_ok=True)
    first = api.upload_folder(repo_id="alice/m", folder_path=sys.argv[1], commit_message="one")
    again = api.upload_folder(repo_id="alice/m", folder_path=sys.argv[1], commit_message="two")
    listed = {f.path: f.size for f in api.list_repo_tree("alice/m", recursive=True, expand=True)
              if hasattr(f, "size")}
    titles = [c.title for c in api.list_repo_commits("alice/m")]
    print(json.dumps([first.oid == again.oid, listed, titles]))
"""

DOWNLOAD = """
    import json, pathlib, huggingface_hub
    commit = huggingface_hub.HfApi().repo_info("alice/m").sha
    snapshot = pathlib.Path(huggingface_hub.snapshot_download("alice/m"))
    assert snapshot.name == commit
    want = pathlib.Path(sys.argv[1])
    names = [p.relative_to(want) for p in want.rglob("*") if p.is_file()]
    print(json.dumps([(snapshot / n).read_bytes() == (want / n).read_bytes() for n in names]))
"""

MODES = {
    "plain": {},
    "everything": dict(
        multipart_over=1_000_000,
        chunk_size=700_000,
        page=2,
        lfs_download="cdn",
        lfs_upload="cdn",
        regular_download="relative307",
    ),
}


@pytest.mark.parametrize("modes", MODES)
def test_huggingface_hub_uploads_lists_and_downloads(hub, tmp_path, rng, modes):
    folder = make_folder(tmp_path / "in", rng)
    hub.set_mode(**MODES[modes])
    skipped, listed, titles = hub.python(UPLOAD, folder)
    assert skipped
    assert listed.pop(".gitattributes") > 0
    want = [p for p in folder.rglob("*") if p.is_file()]
    assert listed == {p.relative_to(folder).as_posix(): p.stat().st_size for p in want}
    assert titles == ["one", "initial commit"]
    assert hub.python(DOWNLOAD, folder) == [True] * len(want)
    put = [path for method, path, status in hub.requests() if method == "PUT" and status == 200]
    assert len(put) == (5 if modes == "everything" else 1)
    assert {path.split("/")[2] for path in put} == {"part" if modes == "everything" else "object"}


ERRORS = """
    import json, huggingface_hub
    from huggingface_hub import CommitOperationAdd as Add
    api = huggingface_hub.HfApi()
    def error(job):
        try:
            return "none: " + str(job())
        except Exception as e:
            return f"{type(e).__name__} {e.response.status_code}"
    one = [Add("x", b"1")]
    head = api.repo_info("timm/m").sha
    print(json.dumps({
        "entry": error(lambda: api.hf_hub_download("timm/m", "no.txt")),
        "revision": error(lambda: api.hf_hub_download("timm/m", "config.json", revision="v9")),
        "repository": error(lambda: api.model_info("timm/none")),
        "private": error(lambda: api.model_info("alice/private")),
        "gated": error(lambda: api.hf_hub_download("timm/gated", "config.json")),
        "foreign": error(lambda: api.create_commit("timm/m", one, commit_message="m")),
        "stale": error(lambda: api.create_commit("bob/m", one, commit_message="m",
                                                 parent_commit=head)),
        "bad token": error(lambda: huggingface_hub.HfApi(token="hf_no").whoami()),
        "exists": [api.repo_exists("timm/m"), api.repo_exists("timm/none"),
                   api.revision_exists("timm/m", "v1"), api.revision_exists("timm/m", "v2"),
                   api.file_exists("timm/m", "config.json"), api.file_exists("timm/m", "no.txt")],
    }))
"""


def test_huggingface_hub_raises_as_of_the_hub(hub, tmp_path, rng):
    folder = make_folder(tmp_path / "in", rng, 1000)
    hub.add_repo("timm/m", folder, tags=["v1"])
    hub.add_repo("bob/m", folder)
    hub.add_repo("alice/private", folder, private=True)
    hub.add_repo("timm/gated", folder, gated="manual")
    assert hub.python(ERRORS, token="hf_bob_write") == {
        "entry": "RemoteEntryNotFoundError 404",
        "revision": "RevisionNotFoundError 404",
        "repository": "RepositoryNotFoundError 404",
        "private": "RepositoryNotFoundError 404",
        "gated": "GatedRepoError 403",
        "foreign": "HfHubHTTPError 403",
        "stale": "HfHubHTTPError 412",
        "bad token": "HfHubHTTPError 401",
        "exists": [True, False, True, False, True, False],
    }


PULL_REQUEST = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    api.create_branch("alice/m", branch="dev/x")
    api.create_tag("alice/m", tag="v1", revision="dev/x")
    made = api.create_commit("alice/m", [
        huggingface_hub.CommitOperationAdd("new.txt", b"new"),
        huggingface_hub.CommitOperationDelete("config.json"),
        huggingface_hub.CommitOperationDelete("sub/"),
    ], commit_message="pr", create_pr=True)
    refs = api.list_repo_refs("alice/m", include_pull_requests=True)
    print(json.dumps([
        made.pr_revision, made.pr_url,
        sorted(api.list_repo_files("alice/m", revision=made.pr_revision)),
        len(api.list_repo_files("alice/m")),
        [r.name for r in refs.branches + refs.tags + refs.pull_requests]]))
"""


def test_huggingface_hub_makes_pull_requests_and_refs(hub, tmp_path, rng):
    hub.add_repo("alice/m", make_folder(tmp_path / "in", rng, 1000))
    assert hub.python(PULL_REQUEST) == [
        "refs/pr/1",
        hub.url + "/alice/m/discussions/1",
        [".gitattributes", "README.md", "empty.bin", "model.safetensors", "new.txt"],
        6,
        ["main", "dev/x", "v1", "refs/pr/1"],
    ]


TRANSFORMERS = """
    import json, reference_stack, torch
    from transformers import AutoImageProcessor, ConvNextImageProcessor
    from transformers import ResNetConfig, ResNetForImageClassification
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_labels=3)
    model = ResNetForImageClassification(config).eval()
    model.push_to_hub("alice/tiny")
    ConvNextImageProcessor().push_to_hub("alice/tiny")
    again = ResNetForImageClassification.from_pretrained("alice/tiny").eval()
    AutoImageProcessor.from_pretrained("alice/tiny")
    pixels = torch.randn(1, 3, 32, 32)
    print(json.dumps(torch.equal(model(pixels).logits, again(pixels).logits)))
"""


def test_transformers_pushes_and_loads(hub):
    assert hub.python(TRANSFORMERS) is True
    assert ("POST", "/api/models/alice/tiny/commit/main", 200) in hub.requests()


TIMM = """
    import json, reference_stack, pathlib, timm, torch, safetensors.torch
    def equal(a, b):
        return all(torch.equal(x, b.state_dict()[n]) for n, x in a.state_dict().items())
    model = timm.create_model("resnet10t", num_classes=3)
    timm.models.push_to_hf_hub(model, "alice/r", model_config={"num_classes": 3})
    by_id = timm.create_model("hf-hub:alice/r", pretrained=True)
    named = timm.create_model("resnet18.a1_in1k")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir()
    safetensors.torch.save_file(named.state_dict(), folder / "model.safetensors")
    import urllib.request, os
    body = json.dumps({"id": "timm/resnet18.a1_in1k", "folder": str(folder)}).encode()
    urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/_test/repo", body)
    by_name = timm.create_model("resnet18.a1_in1k", pretrained=True)
    print(json.dumps([equal(model, by_id), equal(named, by_name)]))
"""


def test_timm_pushes_and_fetches_by_name(hub, tmp_path):
    assert hub.python(TIMM, tmp_path / "named") == [True, True]
