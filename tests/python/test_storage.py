"""Conversions with URLs, on fsspec's memory and on its local files. tests/scale/test_s3.py has the same on S3."""

import json
import logging
import math
import os
import pathlib
import runpy
import shutil
import signal
import sys
import tempfile

import fsspec
import pytest
import weightlift as wl
from conftest import DIGITS, ROOT, python
from fsspec.implementations.memory import MemoryFileSystem
from weightlift import _places, _storage

BEST = pathlib.Path("examples/checkpoints/model_best.pth.tar")
FILES = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]


@pytest.fixture(autouse=True)
def memory(monkeypatch, tmp_path):
    """An empty memory, in which `runs/digits` is a folder and `runs/best.pth.tar` a file."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    for path in DIGITS.iterdir():
        if path.is_file():
            memory.pipe(f"/runs/digits/{path.name}", path.read_bytes())
    memory.pipe("/runs/best.pth.tar", BEST.resolve().read_bytes())
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    yield memory
    memory.store.clear()
    assert os.listdir(tmp_path / "scratch") == []


def names(memory, folder):
    return sorted(path.rsplit("/", 1)[-1] for path in memory.find(folder))


def convert(source="memory://runs/digits", output="memory://models", **options):
    return wl.convert(source, output, **options)


def test_a_folder_becomes_the_files_of_a_local_conversion(memory):
    result = convert()
    assert (result.status, result.source, result.folder) == ("converted", "memory://runs/digits", "memory://models/digits")
    assert result.verification.verified and names(memory, "/models/digits") == sorted(result.files) == FILES
    local = wl.convert("examples/digits", "out")
    for name in FILES:
        assert memory.cat(f"/models/digits/{name}") == (pathlib.Path(local.folder) / name).read_bytes()


def test_a_file_keeps_its_name_and_no_text_shows_the_scratch_folder(memory, caplog):
    caplog.set_level(logging.INFO, logger="weightlift")
    memory.pipe("/labels.txt", b"daisy\nrose\ntulip\n")
    memory.pipe("/one.png", (DIGITS / "images" / "one.png").read_bytes())
    processor = convert().folder
    result = convert("memory://runs/best.pth.tar", id2label="memory://labels.txt", image_processor=processor,
                     images=["memory://one.png"])  # fmt: skip
    assert result.folder == "memory://models/best" and result.options["id2label"] == "memory://labels.txt"
    assert result.images[0].source[0]["label"] in ("daisy", "rose", "tulip")
    assert "daisy" in json.loads(memory.cat("/models/best/config.json"))["id2label"].values()
    scratch = tempfile.gettempdir()
    assert scratch not in json.dumps(dict(result)) and caplog.records and scratch not in caplog.text
    assert scratch.encode() not in b"".join(memory.cat(f"/models/best/{name}") for name in names(memory, "/models/best"))


@pytest.mark.parametrize("source, output", [("examples/digits", "memory://models"), ("memory://runs/digits", "out")])
def test_one_side_may_be_local(memory, source, output):
    assert [convert(source, output, if_changed=True).status for _ in range(2)] == ["converted", "already"]
    result = convert(source, output, if_changed=True, checksum=True)
    assert (result.status, result.source, result.folder) == ("already", source, f"{output}/digits")
    assert [note.code for note in result.notes] == ["up-to-date"]
    assert wl.verify("examples/digits", result.folder) if output == "out" else names(memory, "/models/digits")


def test_an_existing_folder_is_refused_or_replaced(memory):
    convert(weights_format="bin")
    with pytest.raises(wl.ExistsError) as caught:
        convert()
    assert str(caught.value) == "memory://models/digits: already exists; use force=True to replace it"
    assert caught.value.hints == ["replace"]
    memory.pipe("/models/digits/notes.txt", b"mine")
    convert(force=True)
    assert names(memory, "/models/digits") == sorted([*FILES, "notes.txt"])
    with pytest.raises(wl.ExistsError, match="has no record of its source"):
        convert(if_changed=True)
    convert(if_changed=True, force=True)
    assert convert(if_changed=True).status == "already"
    convert(force=True)
    assert ".weightlift.json" not in names(memory, "/models/digits")


def test_a_folder_that_is_no_model_is_not_replaced(memory):
    memory.pipe("/models/digits/holiday.jpg", b"")
    with pytest.raises(wl.ExistsError, match="not a model folder .no config.json, but holiday.jpg"):
        convert(force=True)
    assert names(memory, "/models/digits") == ["holiday.jpg"]


@pytest.mark.parametrize("output", ["memory://models", "out"])
def test_if_changed_converts_again_what_changed(memory, output):
    labels = "\n".join(f"class {i}" for i in range(10)).encode()
    memory.pipe("/labels.txt", labels)
    options = dict(id2label="memory://labels.txt", if_changed=True)

    def run(**more):
        result = convert(output=output, **{**options, **more})
        reasons = [note.parameters["reason"] for note in result.notes if note.code == "converted-again"]
        return result.status, reasons

    assert run() == ("converted", [])
    assert run() == run(threads=1) == ("already", [])
    assert run(dtype="float16") == ("converted", ["the options differ"])
    assert run()[0] == "converted" and run()[0] == "already"
    memory.pipe("/labels.txt", labels + b"\n")
    assert run()[0] == "converted" and run()[0] == "already"
    memory.pipe("/runs/digits/model.safetensors", memory.cat("/runs/digits/model.safetensors"))  # only its time
    assert run(checksum=True)[0] == "already"
    assert run()[0] == "converted" and run()[0] == "already"
    if output == "out":
        os.remove("out/digits/model.safetensors")
    else:
        memory.rm("/models/digits/model.safetensors")
    assert run() == ("converted", [f"{'out/digits/' if output == 'out' else ''}model.safetensors is missing"])
    assert run()[0] == "already"
    with pytest.raises(wl.UsageError, match="checksum: only decides how if_changed compares"):
        convert(output=output, checksum=True)


def test_a_record_that_cannot_be_read_converts_again(memory):
    convert(if_changed=True)
    for text in (b"", b"[]", b'{"storage": {"schema": "weightlift-storage/1", "options": 1, "source": 2, "objects": 3}}'):
        memory.pipe("/models/digits/.weightlift.json", text)
        result = convert(if_changed=True)
        assert result.status == "converted" and result.notes[0].parameters["reason"] == "its record cannot be read"
    assert convert(if_changed=True).status == "already"


@pytest.mark.parametrize("failing", [*FILES, ".weightlift.json"])
def test_a_failed_upload_leaves_no_mark_and_a_rerun_completes(memory, monkeypatch, failing):
    put_file = MemoryFileSystem.put_file

    def put(self, file, path, **options):
        if path.endswith("/" + failing):
            raise OSError("lost")
        put_file(self, file, path, **options)

    convert(if_changed=True)
    memory.pipe("/runs/digits/model.safetensors", memory.cat("/runs/digits/model.safetensors"))
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "put_file", put)
        with pytest.raises(wl.IoError) as caught:
            convert(if_changed=True)
    assert str(caught.value) == f"memory://models/digits/{failing}: OSError: lost"
    # The record comes first: without it nothing has changed.
    assert ("config.json" in names(memory, "/models/digits")) == (failing == ".weightlift.json")
    memory.pipe("/models/digits/onnx/model.onnx", b"mine")
    assert convert(if_changed=True).status == "converted" and convert(if_changed=True).status == "already"
    assert memory.cat("/models/digits/onnx/model.onnx") == b"mine"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "README.md", "photo.jpg"])
@pytest.mark.parametrize("flags", [{}, {"force": True}, {"if_changed": True}])
def test_files_of_others_are_not_replaced(memory, name, flags):
    memory.pipe(f"/models/digits/{name}", b"precious")
    with pytest.raises(wl.ExistsError, match=f"not a model folder .no config.json, but {name}"):
        convert(**flags)
    assert memory.cat(f"/models/digits/{name}") == b"precious" and names(memory, "/models/digits") == [name]


def test_an_exception_of_the_callback_stops_the_work(memory):
    class Stop(Exception):
        pass

    def progress(step, done, total):
        steps.append(step)
        if step == last:
            raise Stop

    for last in ("download model.safetensors", "verify", "upload model.safetensors"):
        steps = []
        with pytest.raises(Stop):
            convert(progress=progress)
        assert "config.json" not in names(memory, "/models/digits")
    assert convert().status == "converted"


def test_config_json_is_the_last_file_and_progress_counts_bytes(memory):
    events = []
    convert(if_changed=True, progress=lambda *event: events.append(event))
    uploads = [step.removeprefix("upload ") for step, done, _ in events if step.startswith("upload") and done == 0]
    record = ".weightlift.json"
    assert uploads[0] == uploads[-2] == record and uploads[-1] == "config.json"
    assert sorted(uploads) == sorted([*FILES, record, record])
    size = (DIGITS / "model.safetensors").stat().st_size
    assert ("download model.safetensors", size, size) in events


def resnet18():
    """A file of torchvision's resnet18, all zeros: to="torchvision" takes only its sizes."""
    shapes = {"conv1.weight": [64, 3, 7, 7], "fc.weight": [1000, 512], "fc.bias": [1000]}
    norms, inputs = {"bn1": 64}, 64
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for block in (f"layer{stage}.0", f"layer{stage}.1"):
            shapes |= {f"{block}.conv1.weight": [width, inputs, 3, 3], f"{block}.conv2.weight": [width, width, 3, 3]}
            norms |= {f"{block}.bn1": width, f"{block}.bn2": width}
            if inputs != width:
                shapes[f"{block}.downsample.0.weight"] = [width, inputs, 1, 1]
                norms[f"{block}.downsample.1"] = width
            inputs = width
    shapes |= {f"{norm}.{part}": [width] for norm, width in norms.items()
               for part in ("weight", "bias", "running_mean", "running_var")}  # fmt: skip
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    return len(words).to_bytes(8, "little") + words + bytes(at)


def test_model_pth_marks_a_torchvision_folder(memory):
    memory.pipe("/runs/mine.safetensors", resnet18())
    steps = []
    options = dict(source="memory://runs/mine.safetensors", if_changed=True)
    result = convert(**options, to="torchvision", progress=lambda step, *_: steps.append(step))
    assert steps[-1] == "upload model.pth" and "config.json" not in result.files
    assert convert(**options, to="torchvision").status == "already"
    with pytest.raises(wl.ExistsError):
        convert(options["source"])
    assert convert(**options, verify=False).status == "converted"
    assert "config.json" in names(memory, "/models/mine") and "model.pth" not in names(memory, "/models/mine")


def test_only_the_files_of_the_network_are_fetched(memory):
    memory.pipe("/runs/digits/optimizer.pt", b"large")
    steps = set()
    convert(progress=lambda step, *_: steps.add(step))
    assert {step for step in steps if step.startswith("download")} == {
        "download model.safetensors", "download config.json", "download README.md"
    }  # fmt: skip


@pytest.mark.parametrize("source", ["memory://shards/digits", "memory://shards/digits/model.safetensors.index.json"])
def test_shards_are_fetched(memory, source):
    split(memory, "/shards/digits")
    options = dict(name="digits", if_changed=True, config="examples/digits/config.json" if source.endswith("json") else None)
    assert convert(source, **options).verification.tensors == 128
    assert convert(source, **options).status == "already"
    memory.pipe("/shards/digits/model-00002-of-00002.safetensors", memory.cat("/shards/digits/model-00002-of-00002.safetensors"))
    assert convert(source, **options).status == "converted"


def split(memory, folder):
    """Puts digits there in two shards."""
    text = (DIGITS / "model.safetensors").read_bytes()
    length = int.from_bytes(text[:8], "little")
    header, data = json.loads(text[8 : 8 + length]), text[8 + length :]
    header.pop("__metadata__", None)
    files, weight_map = {}, {}
    for k in range(2):
        name, new, bytes_ = f"model-{k + 1:05}-of-00002.safetensors", {}, b""
        for tensor in list(header)[k::2]:
            begin, end = header[tensor]["data_offsets"]
            new[tensor] = {**header[tensor], "data_offsets": [len(bytes_), len(bytes_) + end - begin]}
            bytes_ += data[begin:end]
            weight_map[tensor] = name
        words = json.dumps(new).encode()
        words += b" " * (-len(words) % 8)
        files[name] = len(words).to_bytes(8, "little") + words + bytes_
    for name, content in files.items():
        memory.pipe(f"{folder}/{name}", content)
    memory.pipe(f"{folder}/model.safetensors.index.json",
                json.dumps({"metadata": {"total_size": len(data)}, "weight_map": weight_map}).encode())  # fmt: skip
    memory.pipe(f"{folder}/config.json", (DIGITS / "config.json").read_bytes())


def test_a_folder_of_a_local_filesystem_is_made(room, memory):
    source = f"file://{room}/examples/digits"
    result = convert(source, f"file://{room}/new/models", if_changed=True)
    assert result.folder == f"file://{room}/new/models/digits" and wl.verify("examples/digits", "new/models/digits")
    assert convert(source, f"file://{room}/new/models", if_changed=True).status == "already"


def test_what_has_the_form_already_is_not_copied(memory):
    folder = convert().folder
    result = convert(folder, "memory://again")
    assert (result.status, result.folder) == ("already", folder) and names(memory, "/again") == []
    with pytest.raises(wl.ExistsError, match="contains the source"):
        convert(folder, "memory://models", force=True, dtype="float16")
    assert names(memory, "/models/digits") == FILES


def test_a_dry_run_puts_nothing(memory):
    result = convert(dry_run=True)
    assert (result.status, result.folder) == ("skipped", "memory://models/digits")
    assert names(memory, "/models") == []


@pytest.mark.parametrize("name", ["resnet50", "resnet18.tv_in1k", "resnet18.", "mine.v2"])
@pytest.mark.parametrize("to", ["transformers", "timm"])
def test_names_are_those_of_local_conversions(memory, name, to):
    memory.copy("/runs/digits", f"/named/{name}", recursive=True)
    shutil.copytree(DIGITS, f"named/{name}")
    flags = dict(to=to, dtype="float16", dry_run=True)
    remote = convert(f"memory://named/{name}", **flags)
    assert remote.folder == "memory://models/" + wl.convert(f"named/{name}", "out", **flags).folder[4:]


@pytest.mark.parametrize(
    "error, arguments, message",
    [
        (wl.NotFoundError, dict(source="memory://none.pth"), "memory://none.pth: no such file or folder"),
        (wl.NotFoundError, dict(id2label="memory://none.txt"), "memory://none.txt: no such file or folder"),
        (wl.FormatError, dict(source="memory://runs/digits/labels.txt"), "memory://runs/digits/labels.txt: "),
        (wl.MismatchError, dict(source="memory://several"), "memory://several: expected one weights file, got 2"),
        (wl.NotFoundError, dict(source="memory://empty"), "memory://empty: "),
        (wl.UsageError, dict(source="memory://"), "expected the URL of a file or folder"),
        (wl.UsageError, dict(source="nope://a/b"), "nope://a/b: Protocol not known: nope"),
        (wl.UsageError, dict(to="onnx"), "to: expected one of transformers, timm, torchvision, got 'onnx'"),
        (wl.UsageError, dict(license=7.5), "license"),
        (wl.UsageError, dict(output="http://127.0.0.1:9/models"), "weightlift cannot write to a web server"),
    ],
)
def test_errors_have_the_classes_of_local_conversions(memory, error, arguments, message):
    memory.pipe("/several/a.pth", b"")
    memory.pipe("/several/b.pth", b"")
    memory.pipe("/several/config.json", memory.cat("/runs/digits/config.json"))
    memory.pipe("/empty/labels.txt", b"")
    with pytest.raises(error) as caught:
        convert(**arguments)
    assert message in str(caught.value) and tempfile.gettempdir() not in str(caught.value)
    assert names(memory, "/models") == []


@pytest.mark.parametrize(
    "url, shown",
    [
        ("s3://AKIA:se/cr+et@bucket/a.pth", "s3://***@bucket/a.pth"),
        ("https://token@host/a.pth", "https://***@host/a.pth"),
        ("https://host/a.pth?X-Amz-Signature=a/b&c=d", "https://host/a.pth?***"),
        ("sftp://me@host:22/a.pth", "sftp://me@host:22/a.pth"),
        ("abfs://container@account/a.pth", "abfs://container@account/a.pth"),
        ("http://127.0.0.1:9000/a@b", "http://127.0.0.1:9000/a@b"),
    ],
)
def test_passwords_and_signatures_are_hidden(monkeypatch, url, shown):
    def refuse(text):
        raise ValueError(f"cannot open {text}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(wl.UsageError) as caught:
        convert(url)
    assert str(caught.value) == f"{shown}: cannot open {shown}" and caught.value.__cause__ is None


def test_the_next_run_removes_the_scratch_folder_of_a_killed_one(memory):
    code = """
    import os, signal, sys, tempfile, weightlift as wl
    tempfile.tempdir = sys.argv[1]
    def progress(step, done, total):
        if step == "verify":
            os.kill(os.getpid(), signal.SIGKILL)
    wl.convert(f"file://{os.getcwd()}/examples/digits", "out", progress=progress)
    """
    assert python(code, tempfile.gettempdir(), check=False).returncode == -signal.SIGKILL
    [left] = os.listdir(tempfile.gettempdir())
    others = f"{tempfile.gettempdir()}/weightlift-{'0' * 12}-x"
    os.mkdir(others)
    shutil.copy(f"{tempfile.gettempdir()}/{left}/.lock", others)
    inside = []
    convert(progress=lambda *_: inside.append(os.listdir(tempfile.gettempdir())))
    assert all(left not in names and len(names) == 2 for names in inside)
    assert os.listdir(tempfile.gettempdir()) == [os.path.basename(others)]
    shutil.rmtree(others)


def test_fsspec_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(wl.UsageError) as caught:
        convert("s3://bucket/a.pth", "out")
    assert str(caught.value) == "s3://bucket/a.pth: fsspec is not installed; pip install 'weightlift[fsspec]'"


def test_paths_do_not_import_fsspec():
    python(
        """
        import sys, weightlift as wl
        wl.convert("examples/digits", "out", if_changed=True)
        assert "fsspec" not in sys.modules
        """
    )


def test_addresses_of_the_hub_are_not_urls():
    assert not any(map(_places.is_url, ["hf://a/b", "hf-hub:a/b", "a/b", "https://huggingface.co/a/b", "a:b", pathlib.Path("a")]))
    with pytest.raises(wl.UsageError, match="write a repository as hf-hub:OWNER/NAME"):
        convert("https://huggingface.co/timm/resnet18.a1_in1k", "out")


def test_a_folder_that_was_not_published_is_published_by_the_next_run(hub, memory):
    hub.set_faults({"path": "/commit/", "status": 403, "times": 1})
    options = dict(push_to_hub="alice/digits", if_changed=True)
    with pytest.raises(wl.Error) as caught:
        convert(**options)
    assert caught.value.http_status == 403 and caught.value.result.folder == "memory://models/digits"
    assert names(memory, "/models/digits") == sorted([*FILES, ".weightlift.json"])
    assert convert(**options).published.repo_id == "alice/digits"
    assert convert(**options).status == "already"


def test_a_repository_is_put_once(hub, memory):
    hub.add_repo("alice/digits", DIGITS)
    assert convert("alice/digits", if_changed=True).folder == "memory://models/digits"
    before = memory.created("/models/digits/config.json")
    assert convert("alice/digits", if_changed=True).status == "already"
    assert memory.created("/models/digits/config.json") == before


def test_the_example_converts_all_checkpoints(memory, monkeypatch, capsys):
    for run in ("7", "8/b"):
        memory.pipe(f"/trained/{run}/model_best.pth.tar", BEST.read_bytes())
    memory.pipe("/trained/9/model_best.pth.tar", b"half a file")
    monkeypatch.setattr(sys, "argv", ["object_storage.py", "memory://trained", "memory://models"])
    for status in ("converted", "already"):
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(ROOT / "examples/scale/object_storage.py"))
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == [f"{status} memory://models/7", f"{status} memory://models/8-b"]
        assert lines[2].startswith("failed memory:///trained/9/model_best.pth.tar: ") and caught.value.code is True
