"""Every line that `--json` prints, and every report, against docs/schema/weightlift-1."""

import json
import shutil
import subprocess

import pytest
from conftest import PROGRAM, ROOT
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from standin import hub  # noqa: F401 (a fixture)

SCHEMAS = ROOT / "docs" / "schema" / "weightlift-1"
DIGITS = ROOT / "examples" / "digits"
CHECKPOINTS = ROOT / "examples" / "checkpoints"
IMAGES = DIGITS / "images"
TYPES = ["convert", "batch", "verify", "diff", "inspect", "models", "preprocess", "classify", "evaluate", "pull", "push", "env"]


def load(name):
    return json.loads((SCHEMAS / name).read_text())


REGISTRY = Registry().with_resources(
    (file.name, Resource.from_contents(load(file.name))) for file in SCHEMAS.glob("*.json")
)


def validate(row, name=None):
    """Fails with every fault of the object, by the schema of its type or of that name."""
    schema = {"$ref": f"{name or row['type']}.schema.json"}
    faults = list(Draft202012Validator(schema, registry=REGISTRY).iter_errors(row))
    assert not faults, "\n".join(f"{fault.json_path}: {fault.message}" for fault in faults) + f"\n{row}"


def run(*arguments, code=0, **options):
    """The objects on standard output, each valid for the command's type."""
    command = [str(PROGRAM), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == code, f"{' '.join(command)}\nexit {done.returncode}\n{done.stderr}"
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        # The items of a batch are conversions.
        assert row["type"] == arguments[0] or (arguments[0] == "batch" and row["type"] == "convert")
        validate(row)
    return rows


def run_one(*arguments, **options):
    [row] = run(*arguments, **options)
    return row


def fail(*arguments, code, kind, **options):
    """The one object of a command that failed as a whole."""
    row = run_one(*arguments, code=code, **options)
    validate(row, "error")
    assert row["status"] == "failed" and row["error"]["kind"] == kind, row
    return row


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The converted digits."""
    out = tmp_path_factory.mktemp("json")
    row = run_one("convert", DIGITS, "-o", out)
    assert row["status"] == "converted" and row["verification"]["verified"]
    return out / "digits"


def copy_without(folder, target, *names):
    return shutil.copytree(folder, target, ignore=shutil.ignore_patterns(*names))


@pytest.mark.parametrize("name", ["common", "error", "per_image", *TYPES])
def test_schemas_are_valid(name):
    schema = load(f"{name}.schema.json")
    assert schema["$schema"].endswith("/draft/2020-12/schema")
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", [*TYPES, "error", "per_image"])
def test_unknown_members_are_noticed(name):
    assert load(f"{name}.schema.json")["additionalProperties"] is False


def test_several_sources_give_one_object_each(tmp_path):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no checkpoint")
    sources = [DIGITS, broken, CHECKPOINTS / "model_best.pth.tar", "resnet51"]
    report = tmp_path / "report.json"
    rows = run("convert", *sources, "-o", tmp_path / "out", "--report", report, code=3)
    assert [row["source"] for row in rows] == [str(source) for source in sources]
    assert [row["status"] for row in rows] == ["converted", "failed", "converted", "failed"]
    assert rows[1]["error"]["where"] == str(broken) and rows[3]["error"]["kind"] == "not_found"
    assert rows[2]["notes"] and all(row["options"] == rows[0]["options"] for row in rows)

    reported = json.loads(report.read_text())
    for row in reported:
        validate(row, "convert")
    operations = [row.pop("operations", None) for row in reported]
    assert [bool(of_row) for of_row in operations] == [True, False, True, False]
    assert reported == rows


@pytest.mark.parametrize("status, flags", [("skipped", ["--dry-run"]), ("converted", ["--no-verify"]),
                                           ("converted", ["--dtype", "float16", "--samples", "2", "--rtol", "1"]),
                                           ("converted", ["--image", IMAGES / "three.png"]),
                                           ("converted", ["--to", "timm", "--name", "copy", "--license", "mit"]),
                                           ("converted", ["--head", "none"])])
def test_convert(tmp_path, status, flags):
    row = run_one("convert", DIGITS, "-o", tmp_path, *flags)
    assert row["status"] == status
    assert ("verification" in row) == (status == "converted" and "--no-verify" not in flags)


def test_convert_with_tensors_outside_the_network(tmp_path):
    row = run_one("convert", CHECKPOINTS / "last.ckpt", "-o", tmp_path, "--head", "none")
    assert [ignored["name"] for ignored in row["ignored"]] == ["head.0.weight", "head.2.weight"]
    refused = run_one("convert", CHECKPOINTS / "last.ckpt", "-o", tmp_path / "other", code=3)
    assert refused["error"]["kind"] == "mismatch" and "--head none" in refused["error"]["message"]


def test_convert_what_is_converted(tmp_path, folder):
    row = run_one("convert", folder, "-o", tmp_path)
    assert row["status"] == "already" and row["folder"] == str(folder)
    taken = run_one("convert", DIGITS, "-o", folder.parent, code=3)
    assert taken["error"]["kind"] == "exists"


def test_convert_that_is_not_verified(tmp_path):
    row = run_one("convert", DIGITS, "-o", tmp_path, "--dtype", "bfloat16", "--rtol", "1e-9", "--atol", "0", code=4)
    assert row["status"] == "failed" and row["error"]["kind"] == "mismatch"
    assert not row["verification"]["verified"] and "bytes_written" not in row


def test_convert_if_changed(tmp_path):
    flags = ["-o", tmp_path, "--if-changed", "--report", tmp_path / "report.json"]
    for status in ("converted", "already"):
        row = run_one("convert", DIGITS, *flags)
        [item] = json.loads((tmp_path / "report.json").read_text())
        validate(item)
        assert row["status"] == item["status"] == status


def test_batch(tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    lines = [{"source": str(DIGITS), "name": "a"}, {"source": "missing.pth"}, {"source": 1}, {"name": "b"}]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "out"
    command = ["batch", manifest, "-o", out]
    *items, summary = run(*command, code=3)
    assert [item["status"] for item in items] == ["converted", "failed", "failed", "failed"]
    assert summary["items"] == 4 and summary["failed"] == 3
    assert [item["status"] for item in run(*command, "--jobs", "2", code=3)[:-1]].count("already") == 1
    [record] = (out / ".batch").glob("*.jsonl")
    for line in record.read_text().splitlines():
        validate(json.loads(line))
    merged = run_one("batch", "--merge", out, code=3)
    assert [failure["line"] for failure in merged["failures"]] == [2, 3, 4]
    manifest.write_text(json.dumps(lines[0]) + "\n")
    run(*command)
    assert run_one("batch", "--merge", out)["status"] == "ok"
    fail("batch", "--merge", tmp_path, code=3, kind="not_found")
    fail("batch", manifest, code=2, kind="usage")


def test_failures_of_a_whole_command(tmp_path):
    fail("convert", DIGITS, "-o", tmp_path, "--forse", code=2, kind="usage")
    fail("convert", DIGITS, "-o", tmp_path, "--id2label", tmp_path / "none.txt", code=3, kind="not_found")
    done = subprocess.run([PROGRAM, "convrt", "--json"], capture_output=True, text=True)
    row = json.loads(done.stdout)
    validate(row, "error")
    assert (row["type"], row["error"]["kind"], done.returncode) == ("weightlift", "usage", 2)


def test_verify(tmp_path, folder):
    row = run_one("verify", DIGITS, folder)
    assert row["status"] == "ok" and row["labels"]["different"] == 0 and row["image_processor"]["differences"] == []
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"digit {i}\n" for i in range(10)))
    run("convert", DIGITS, "-o", tmp_path, "--id2label", labels, "--dtype", "bfloat16")
    other = run_one("verify", DIGITS, tmp_path / "digits")
    assert other["status"] == "ok" and other["labels"]["first"] == {"id": 0, "source": "zero", "folder": "digit 0"}
    strict = run_one("verify", DIGITS, tmp_path / "digits", "--rtol", "1e-9", "--atol", "0", code=4)
    assert strict["status"] == "different"
    fail("verify", DIGITS, tmp_path / "missing.pth", code=3, kind="not_found")


def test_diff(tmp_path, folder):
    assert run_one("diff", DIGITS, folder)["status"] == "ok"
    run("convert", DIGITS, "-o", tmp_path, "--dtype", "float16")
    rounded = run_one("diff", DIGITS, tmp_path / "digits", code=4)
    assert rounded["status"] == "different" and {row["kind"] for row in rounded["differences"]} == {"dtype"}
    run_one("diff", CHECKPOINTS / "model_best.pth.tar", CHECKPOINTS / "last.ckpt", code=4)
    fail("diff", DIGITS, tmp_path / "missing.pth", code=3, kind="not_found")


@pytest.mark.parametrize("source", [DIGITS, DIGITS / "model.safetensors", CHECKPOINTS / "model_best.pth.tar", CHECKPOINTS / "last.ckpt"])
def test_inspect(source):
    assert run_one("inspect", source)["source"] == str(source)
    assert len(run_one("inspect", source, "--hash")["sha256"]) == 64


def test_inspect_of_other_networks(tmp_path, folder):
    assert run_one("inspect", folder)["architecture"] == "ResNetForImageClassification"
    fail("inspect", tmp_path / "missing.pth", code=3, kind="not_found")
    (tmp_path / "text.pth").write_text("no checkpoint")
    assert run_one("inspect", tmp_path / "text.pth", code=3)["status"] == "failed"


def test_models():
    rows = run("models")
    assert len(rows) == 109 and sum(row["default"] for row in rows) > 1
    fail("models", "nonesuch", code=3, kind="not_found")


def test_preprocess(tmp_path, folder):
    row = run_one("preprocess", folder, IMAGES, "-o", tmp_path / "pixels.safetensors")
    assert row["shape"] == [10, 3, 32, 32] and len(row["images"]) == 10
    fail("preprocess", folder, tmp_path / "none.png", "-o", tmp_path / "p.safetensors", code=3, kind="not_found")


def test_classify(tmp_path, folder):
    broken = tmp_path / "broken.png"
    broken.write_bytes((IMAGES / "three.png").read_bytes()[:200])
    images = [IMAGES / "three.png", broken, IMAGES / "nine.png"]
    rows = run("classify", folder, *images, code=3)
    assert [row["image"] for row in rows] == [str(image) for image in images]
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    assert rows[0]["predictions"][0]["label"] == "three"
    refused = fail("classify", DIGITS, images[0], code=3, kind="unsupported")
    assert "convert it first" in refused["error"]["message"]


def test_evaluate(tmp_path, folder):
    row = run_one("evaluate", folder, DIGITS / "test")
    assert row["status"] == "ok" and row["images"] == 100 and row["matched_by"] == "label"
    images = shutil.copytree(DIGITS / "test", tmp_path / "test")
    (images / "one" / "broken.png").write_bytes(b"no image")
    rows = tmp_path / "rows.jsonl"
    counted = run_one("evaluate", folder, images, "--per-image", rows, code=3)
    assert counted["per_image"] == str(rows) and sum(pair["count"] for pair in counted["confusion"]) == 100
    rows = [json.loads(line) for line in rows.read_text().splitlines()]
    assert len(rows) == 101 and sum("error" in row for row in rows) == 1
    for row in rows:
        validate(row, "per_image")
    assert counted["status"] == "failed" and (counted["images"], counted["errors"]) == (100, 1)
    shutil.rmtree(images / "two")
    (images / "two").mkdir()
    (images / "two" / "broken.png").write_bytes(b"no image")
    empty = run_one("evaluate", folder, images, code=3)
    assert [row for row in empty["classes"] if "top1" not in row] == [{"id": 2, "label": "two", "images": 0}]
    fail("evaluate", folder, tmp_path / "none", code=3, kind="not_found")


def test_pull(tmp_path, folder, hub):  # noqa: F811
    commit = hub.add_repo("alice/digits", folder)
    row = run_one("pull", "alice/digits", env=hub.environment())
    assert (row["repo_id"], row["revision"], row["commit"]) == ("alice/digits", "main", commit)
    assert run_one("pull", "alice/digits", "--local-dir", tmp_path / "here", env=hub.environment())["folder"]
    refused = run_one("pull", "alice/none", env=hub.environment(), code=5)
    assert refused["status"] == "failed" and refused["error"]["http_status"] in (401, 404)
    offline = run_one("pull", "alice/none", env=hub.environment(HF_HUB_OFFLINE="1"), code=5)
    assert offline["error"]["kind"] == "network" and "http_status" not in offline["error"]


def test_convert_from_the_hub_and_publish(tmp_path, hub):  # noqa: F811
    commit = hub.add_repo("alice/source", DIGITS)
    plan = run_one("convert", "alice/source", "-o", tmp_path / "out", "--dry-run", env=hub.environment())
    assert plan["status"] == "skipped" and "model.safetensors" in plan["fetch"]
    row = run_one("convert", "alice/source", "-o", tmp_path / "out", "--push-to-hub", "--repo-id", "alice/digits",
                  env=hub.environment())
    assert row["status"] == "converted" and row["source_repository"] == {"repo_id": "alice/source", "commit": commit}
    assert row["published"]["repo_id"] == "alice/digits" and row["published"]["committed"] == 4
    assert "fetched" in [note["code"] for note in row["notes"]]


def test_push(tmp_path, folder, hub):  # noqa: F811
    plan = run_one("push", folder, "alice/digits", "--dry-run", env=hub.environment())
    assert plan["status"] == "skipped" and len(plan["files"]) == 4 and plan["creates_repository"]
    row = run_one("push", folder, "alice/digits", env=hub.environment())
    assert row["status"] == "ok" and row["published"]["committed"] == 4 and row["training_state"] == []
    branch = run_one("push", folder, "alice/digits", "--dry-run", "--revision", "v2", env=hub.environment())
    actions = {file["path"]: file["action"] for file in branch["files"]}
    assert branch["creates_branch"] and actions.pop("README.md") == "commit"  # the card names the branch
    assert set(actions.values()) == {"keep"}
    again = run_one("push", folder, "alice/digits", env=hub.environment())
    assert again["status"] == "already" and again["published"]["nothing_changed"]
    proposed = copy_without(folder, tmp_path / "digits", "README.md")
    (proposed / "README.md").write_text("---\nlicense: mit\n---\n# Another card\n")
    pull_request = run_one("push", proposed, "alice/digits", "--create-pr", env=hub.environment())
    assert pull_request["published"]["pull_request_url"].startswith(hub.url)
    fail("push", folder, "alice/digits", code=5, kind="auth", env=hub.environment(token="hf_bob_read"))
    refused = fail("push", folder, "alice/digits", code=5, kind="auth", env=hub.environment(token="hf_unknown"))
    assert refused["error"]["http_status"] == 401
    fail("push", copy_without(folder, tmp_path / "bare", "config.json"), "alice/digits", code=3, kind="not_found",
         env=hub.environment())


def test_env():
    row = run_one("env")
    assert row["status"] == "ok" and row["transformers"] == "5.23.0"
