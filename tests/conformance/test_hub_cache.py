"""One cache for both: what the program pulls is what huggingface_hub finds, and the reverse."""

import os
import subprocess

import pytest
from conftest import PROGRAM
from standin import hub  # noqa: F401 (a fixture)

MODES = [{}, dict(lfs_download="cdn", regular_download="relative307", page=2)]

OFFLINE = """
    import json, os, pathlib, huggingface_hub
    folder = huggingface_hub.snapshot_download("alice/net", local_files_only=True)
    config = huggingface_hub.hf_hub_download("alice/net", "sub/config.json", local_files_only=True)
    scanned = huggingface_hub.scan_cache_dir()
    repo, = scanned.repos
    files = {f.file_name: f.size_on_disk for r in repo.revisions for f in r.files}
    print(json.dumps([folder, config, [str(w) for w in scanned.warnings], repo.repo_id,
                      sorted(repo.refs), files]))
"""

DOWNLOAD = """
    import json, sys, huggingface_hub
    print(json.dumps(huggingface_hub.snapshot_download("alice/net", **json.loads(sys.argv[1]))))
"""


@pytest.fixture(params=MODES, ids=["direct", "elsewhere"])
def net(request, hub, tmp_path, rng):
    """A repository; its commit."""
    hub.set_mode(**request.param)
    folder = tmp_path / "net"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(rng.randbytes(3_000_001))
    (folder / "sub" / "config.json").write_bytes(rng.randbytes(100).hex().encode())
    (folder / "empty.txt").touch()
    commit = hub.add_repo("alice/net", folder)
    files = {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    return commit, files


def pull(hub, *arguments, **environment):
    command = [str(PROGRAM), "pull", "alice/net", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=hub.environment(**environment)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def gets_of_bytes(hub):
    return [r for r in hub.requests() if r[0] == "GET" and ("/resolve" in r[1] or "/_lfs/" in r[1])]


def assert_whole(folder, files):
    for path, content in files.items():
        with open(os.path.join(folder, path), "rb") as file:
            assert file.read() == content, path


def test_python_reads_what_the_program_pulled(hub, net):
    commit, files = net
    folder = pull(hub)
    assert_whole(folder, files)
    before = len(hub.requests())
    found, config, warnings, repo_id, refs, sizes = hub.python(OFFLINE, HF_HUB_OFFLINE="1")
    assert found == folder and config == os.path.join(folder, "sub", "config.json")
    assert warnings == [] and repo_id == "alice/net" and refs == ["main"]
    assert len(sizes) == len(files) + 1  # .gitattributes
    assert len(hub.requests()) == before
    asked = len(gets_of_bytes(hub))
    assert hub.python(DOWNLOAD, "{}") == folder
    assert len(gets_of_bytes(hub)) == asked


def test_the_program_reads_what_python_downloaded(hub, net):
    commit, files = net
    folder = hub.python(DOWNLOAD, "{}")
    asked = len(gets_of_bytes(hub))
    assert pull(hub) == folder
    assert pull(hub, HF_HUB_OFFLINE="1") == folder
    assert len(gets_of_bytes(hub)) == asked
    assert_whole(folder, files)


def test_the_program_fetches_what_python_did_not(hub, net):
    commit, files = net
    hub.python(DOWNLOAD, '{"allow_patterns": ["*.json"]}')
    asked = len(gets_of_bytes(hub))
    assert_whole(pull(hub), files)
    assert not any("config.json" in r[1] for r in gets_of_bytes(hub)[asked:])


def test_local_folders_are_also_shared(hub, net, tmp_path):
    commit, files = net
    target = tmp_path / "out"
    pull(hub, "--local-dir", target)
    assert_whole(target, files)
    asked = len(gets_of_bytes(hub))
    hub.python(DOWNLOAD, f'{{"local_dir": "{target}"}}')
    assert len(gets_of_bytes(hub)) == asked
    other = tmp_path / "python"
    hub.python(DOWNLOAD, f'{{"local_dir": "{other}"}}')
    asked = len(gets_of_bytes(hub))
    pull(hub, "--local-dir", other)
    assert len(gets_of_bytes(hub)) == asked
    assert_whole(other, files)
