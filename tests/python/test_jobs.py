"""Conversions and comparisons: results and files are those of the program."""

import json
import pathlib
import pickle

import pytest
import weightlift as wl
from conftest import DIGITS, program_json

# What differs from run to run.
VARIABLE = ("seconds", "peak_bytes", "options", "card", "folder")


def same(result, expected):
    keep = lambda members: {name: value for name, value in members.items() if name not in VARIABLE}  # noqa: E731
    assert keep(dict(result)) == keep(expected)


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}


def test_convert_makes_the_files_and_the_result_of_the_program(digits, room):
    [expected] = program_json("convert", "examples/digits", "-o", room / "again")
    result = wl.convert("examples/digits", "out")
    assert files("out/digits") == files(digits)
    same(result, expected)
    assert set(result["options"]) == set(expected["options"])


def test_convert_takes_paths_of_pathlib():
    result = wl.convert(pathlib.Path("examples/digits"), pathlib.Path("out"), name="renamed")
    assert result.folder == "out/renamed"


def test_members_are_attributes_keys_and_none_where_they_are_absent():
    result = wl.convert("examples/digits", "out", dry_run=True)
    assert result.status == result["status"] == "skipped"
    assert result.verification is None and "verification" not in result
    with pytest.raises(AttributeError, match="ConversionResult has no member 'verifiction'"):
        result.verifiction  # noqa: B018
    assert json.loads(json.dumps(dict(result))) == dict(result)
    assert pickle.loads(pickle.dumps(result)) == result
    assert "folder" in dir(result) and "folder='out/digits'" in repr(result) and len(repr(result)) < 1500


def test_each_option_reaches_the_conversion():
    given = dict(
        name="n", as_="resnet18", weights_key="k", head_key="h", ignore=["a.*"], force=True, to="timm",
        weights_format="bin", dtype="float16", id2label="imagenet-1k", image_processor="resnet18.tv_in1k",
        license="mit", base_model="b", datasets="d", images=[], samples=2, seed=3, rtol=0.5, atol=0.25, threads=1,
        dry_run=True, fsync=True,
    )  # fmt: skip
    with pytest.raises(wl.Error) as caught:
        wl.convert("examples/digits/model.safetensors", "out", **given)
    options = caught.value.result.options
    renamed = {"as_": "as", "datasets": "dataset", "images": "image"}
    for name, value in given.items():
        expected = [value] if name == "datasets" else value
        assert options[renamed.get(name, name)] == expected, name


@pytest.mark.parametrize("labels", [[f"l{i}" for i in range(10)], {i: f"l{i}" for i in range(10)}])
def test_labels_may_be_values(labels):
    wl.convert("examples/digits", "out", id2label=labels)
    config = json.loads(pathlib.Path("out/digits/config.json").read_text())
    assert config["id2label"] == {str(i): f"l{i}" for i in range(10)}


@pytest.mark.parametrize(
    "labels",
    [
        {i: str(9 - i) for i in range(10)},
        {str(i): str(9 - i) for i in range(10)},
        {i: str(9 - i) for i in reversed(range(10))},
    ],
)
def test_labels_that_are_numbers_belong_to_their_keys(labels):
    wl.convert("examples/digits", "out", id2label=labels)
    config = json.loads(pathlib.Path("out/digits/config.json").read_text())
    assert config["id2label"] == {str(i): str(9 - i) for i in range(10)}


@pytest.mark.parametrize(
    "labels, message",
    [
        ({float(i): "a" for i in range(10)}, "expected each class id once, got 0.0"),
        ({0: "a", "0": "b"}, "expected each class id once, got '0'"),
        ({"a", "b"}, "expected a list or a dict, got set"),
        ([1, 2], "expected a text, got int"),
        (["a"], "id2label"),
    ],
)
def test_labels_of_another_form_are_refused(labels, message):
    with pytest.raises(wl.Error, match=message) as caught:
        wl.convert("examples/digits", "out", id2label=labels)
    assert "/tmp" not in str(caught.value)


def test_scalars_of_numpy_are_numbers(digits):
    import numpy as np

    result = wl.verify("examples/digits", digits, rtol=np.float64(1e-3), samples=np.int64(2))
    assert result.verification.samples == 2
    assert wl.convert("examples/digits", "out", dry_run=np.bool_(True)).status == "skipped"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(source="a\0b"), "source: a path cannot contain a NUL"),
        (dict(source="\ud800"), "source: no file can have the name"),
        (dict(source=7), "source: expected a path, got int"),
        (dict(license="\ud800"), "license: expected UTF-8"),
        (dict(name=b"x"), "name: expected a text or several, got bytes"),
        (dict(ignore=[b"*"]), "ignore: expected a text, got bytes"),
        (dict(rtol=10**400), "rtol: expected a number"),
        (dict(rtol=float("inf")), "rtol: expected a number, got inf"),
        (dict(push_to_hub=""), "push_to_hub: expected OWNER/NAME or a boolean, got an empty text"),
        (dict(organization="x"), "push_to_hub: missing"),
        (dict(threads=-1), "threads"),
    ],
)
def test_arguments_without_meaning_are_usage_errors(arguments, message):
    with pytest.raises(wl.UsageError, match=message):
        wl.convert(**{"source": "examples/digits", "output": "out", **arguments})


def test_a_lone_file_gets_labels_and_an_image_processor():
    result = wl.convert(
        "examples/checkpoints/model_best.pth.tar", "out", id2label="examples/checkpoints/labels.txt",
        image_processor="resnet18.tv_in1k", images=["examples/digits/images/one.png"],
    )  # fmt: skip
    assert result.images[0].bit_equal and result.images[0].source[0]["label"] in ("daisy", "rose", "tulip")


def test_verify_returns_the_programs_result(digits):
    [expected] = program_json("verify", "examples/digits", digits)
    result = wl.verify("examples/digits", digits)
    assert result and result.verified
    same(result, expected)


def test_verify_returns_a_difference(digits, room):
    other = wl.convert("examples/digits", room / "other", dtype="bfloat16")
    result = wl.verify("examples/digits", other.folder, rtol=0.0)
    assert not result and not result.verified and result.status == "different"
    assert result.verification.outputs[0].allclose is False


def test_diff_returns_the_programs_result(digits):
    result = wl.diff("examples/digits", digits)
    assert result.equal
    assert dict(result) == program_json("diff", "examples/digits", digits)[0]
    other = wl.convert("examples/digits", "out", dtype="float16").folder
    result = wl.diff("examples/digits", other)
    assert not result and not result.equal and result.differences[0].kind == "dtype"


@pytest.mark.parametrize("source", ["examples/digits", "examples/checkpoints/model_best.pth.tar"])
def test_inspect_returns_the_programs_result(source):
    result = wl.inspect(source, hash=True)
    assert dict(result) == program_json("inspect", source, "--hash")[0]


def test_models_returns_the_programs_result():
    assert [dict(model) for model in wl.models("resnet1*")] == program_json("models", "resnet1*")
    assert {model.family for model in wl.models(family="regnet")} == {"regnet"}


def test_verify_takes_every_option_about_the_source(digits):
    assert wl.verify("examples/digits/model.safetensors", digits, config="examples/digits/config.json")


def test_functions_have_the_options_of_their_commands():
    """A new option needs an argument, or a reason here."""
    import inspect
    import re

    from conftest import program

    other = {
        "help", "json", "quiet", "verbose", "log_file", "version",  # of the terminal
        "all", "model_name", "pytorch_dump_folder_path", "report", "push_to_hub",  # of the old script, and lists
        "no_verify", "image", "dataset", "as", "repo_id", "output", "show", "weights_key",  # have other names
    }  # fmt: skip
    for name in ("convert", "verify", "diff", "inspect", "models", "pull", "push", "classify", "evaluate"):
        options = re.findall(r"--([a-z][a-z0-9_-]*)", program(name, "--help").split("Examples:")[0])
        arguments = set(inspect.signature(getattr(wl, name)).parameters)
        missing = {option.replace("-", "_") for option in options} - arguments - other
        assert not missing, (name, missing)


def test_version_is_that_of_the_package():
    import importlib.metadata

    assert wl.__version__ == importlib.metadata.version("weightlift")


@pytest.mark.parametrize(
    "error, arguments, message",
    [
        (wl.NotFoundError, dict(source="missing.pth"), "missing.pth: no such file or folder"),
        (wl.ExistsError, dict(name="taken"), "out/taken: already exists; use force=True to replace it"),
        (wl.UsageError, dict(source="examples/digits/model.safetensors", as_="resnet1"), "as_: "),
        (wl.UsageError, dict(to="onnx"), "to: expected one of transformers, timm, torchvision, got 'onnx'"),
        (wl.UsageError, dict(samples=-1), "samples"),
        (wl.UsageError, dict(rtol=float("nan")), "rtol: expected a number, got nan"),
        (wl.UsageError, dict(force="yes"), 'force: expected a boolean, got "yes"'),
        (wl.UsageError, dict(private=True), "push_to_hub: "),
        (wl.UsageError, dict(verify=False, push_to_hub=True), "verify"),
        (wl.NotFoundError, dict(id2label="labels.txt"), "id2label labels.txt: no such file or folder"),
        (wl.NotFoundError, dict(source="resnet500"), "resnet500"),
        (wl.UnsupportedError, dict(source="vgg16"), "vgg16"),
        (wl.FormatError, dict(source="examples/checkpoints/labels.txt"), "labels.txt"),
        (wl.NetworkError, dict(source="me/model"), "me/model"),
    ],
)
def test_errors_have_the_class_of_their_kind_and_the_words_of_python(error, arguments, message):
    pathlib.Path("out/taken").mkdir(parents=True)
    with pytest.raises(error) as caught:
        wl.convert(**{"source": "examples/digits", "output": "out", **arguments})
    assert message in str(caught.value) and " --" not in str(caught.value)
    assert isinstance(caught.value, wl.Error) and caught.value.kind == error.kind
    assert sorted(pathlib.Path("out").iterdir()) == [pathlib.Path("out/taken")]


def test_errors_travel_between_processes():
    with pytest.raises(wl.NotFoundError) as caught:
        wl.inspect("missing.pth")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is wl.NotFoundError and str(copy) == str(caught.value) and copy.where == "missing.pth"


def test_hints_name_arguments():
    pathlib.Path("out/digits").mkdir(parents=True)
    with pytest.raises(wl.ExistsError) as caught:
        wl.convert("examples/digits", "out")
    assert caught.value.hints == ["replace"]
    wl.convert("examples/digits", "out", force=True)


def test_a_name_that_is_not_utf8_is_taken(room):
    import os

    name = os.fsdecode(b"caf\xe9")
    os.symlink(DIGITS, name)
    result = wl.convert(name, "out", name="digits")
    assert result.status == "converted" and result.source == "caf\N{REPLACEMENT CHARACTER}"
