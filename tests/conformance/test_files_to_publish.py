"""Which files `push` publishes: huggingface_hub's globs, and what transformers' Trainer writes beside a model."""

import json
import pathlib
import re
import subprocess

import pytest
import transformers
import transformers.trainer_utils
from conftest import PROGRAM
from huggingface_hub.utils import filter_repo_objects
from standin import hub  # noqa: F401 (a fixture)

NAMES = ["a", "b", "ab", "a-b", "A", "é", "[x]", "^", "!", "x.json", "model", "runs", "x y"]
PIECES = [*NAMES, "*", "**", "?", "/", ".", "[a-b]", "[!a]", "[^a]", "[", "]", "[]a]", "[!]]", "[b-a]", "[a-]", "\\",
          "-", "*.json", "onnx/"]


@pytest.fixture
def folder(tmp_path):
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic", num_labels=5
    )
    path = tmp_path / "net"
    transformers.ResNetForImageClassification(config).save_pretrained(path)
    return path


def plan(hub, folder, *arguments, code=0):  # noqa: F811
    """The object of a dry run; with another exit code only its failure."""
    command = [str(PROGRAM), "push", str(folder), "alice/net", "--dry-run", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=hub.environment())
    assert done.returncode in (0, code), done.stderr
    return json.loads(done.stdout)


def draw_path(rng):
    return "/".join(rng.choice(NAMES) for _ in range(rng.randint(1, 4)))


def draw_pattern(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 5)))


def place(folder, rng):
    for _ in range(60):
        file = folder / draw_path(rng)
        # A name may already be a folder, or a file where this needs a folder.
        if not file.exists() and not any(part.is_file() for part in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x")
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_globs_choose_what_huggingface_hub_chooses(hub, folder, rng):  # noqa: F811
    paths = place(folder, rng)
    chosen_some = 0
    for _ in range(60):
        include = [draw_pattern(rng) for _ in range(rng.randint(0, 2))]
        exclude = [draw_pattern(rng) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.5:
            include.append(rng.choice(["*", "*a*", "*/", "[!a-m]*", "?*"]))
        expected = list(filter_repo_objects(paths, allow_patterns=include or None, ignore_patterns=exclude))
        flags = [f"--include={p}" for p in include] + [f"--exclude={p}" for p in exclude]
        planned = plan(hub, folder, *flags, code=2)
        if not expected:
            assert planned["error"]["kind"] == "usage", (include, exclude)
            continue
        chosen_some += 1
        assert [f["path"] for f in planned["files"]] == expected, (include, exclude)
    assert chosen_some > 10


def names_of_the_trainer():
    """The files beside a model, as transformers' Trainer names them. Its module needs accelerate: this reads it."""
    source = pathlib.Path(transformers.__file__).with_name("trainer.py").read_text()
    names = dict(re.findall(r'^([A-Z_]+_NAME(?:_BIN)?) = "(.*)"$', source, re.MULTILINE))
    assert names.pop("FSDP_MODEL_NAME") == "pytorch_model_fsdp"
    assert len(names) == 6 and {"OPTIMIZER_NAME", "TRAINING_ARGS_NAME"} < names.keys()
    assert '"rng_state.pth"' in source and 'f"rng_state_{' in source
    return set(names.values()) | {"rng_state.pth", "rng_state_0.pth"}


def test_training_state_of_the_trainer_is_skipped(hub, folder):  # noqa: F811
    state = names_of_the_trainer()
    for name in state:
        (folder / name).write_bytes(b"state")
    older = f"{transformers.trainer_utils.PREFIX_CHECKPOINT_DIR}-1"  # the Trainer's own push skips it, too
    (folder / older).mkdir()
    (folder / older / "config.json").write_text("{}")
    planned = plan(hub, folder)
    assert {file["path"] for file in planned["files"]} == {"config.json", "model.safetensors"}
    assert set(planned["training_state"]) == state | {older + "/"}
    everything = plan(hub, folder, "--all-files")
    assert {file["path"] for file in everything["files"]} == state | {"config.json", "model.safetensors",
                                                                      f"{older}/config.json"}
    assert everything["training_state"] == []
