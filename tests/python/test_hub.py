"""The Hub, as the stand-in of the tests."""

import pathlib

import pytest
import weightlift as wl


def test_convert_publishes_what_it_verified(hub):
    result = wl.convert("examples/digits", "out", push_to_hub="alice/digits", private=True)
    assert result.published.repo_id == "alice/digits"
    assert len(result.published.commit) == 40
    again = wl.pull("alice/digits")
    assert (pathlib.Path(again.folder) / "model.safetensors").read_bytes() == pathlib.Path(
        "out/digits/model.safetensors"
    ).read_bytes()
    assert wl.verify("examples/digits", "alice/digits").verified


def test_push_to_hub_alone_names_the_repository_by_the_folder(hub):
    assert wl.convert("examples/digits", "out", push_to_hub=True).published.repo_id == "alice/digits"


def test_a_conversion_that_cannot_be_published_says_where_the_folder_is(hub):
    hub.set_faults({"path": "/commit/", "status": 403, "times": 100})
    with pytest.raises(wl.Error) as caught:
        wl.convert("examples/digits", "out", push_to_hub="alice/digits")
    assert caught.value.http_status == 403
    assert caught.value.result.folder == "out/digits" and pathlib.Path("out/digits/config.json").exists()


def test_a_missing_token_is_an_auth_error(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(wl.AuthError):
        wl.convert("examples/digits", "out", push_to_hub="alice/digits")
    assert not pathlib.Path("out/digits").exists()


def test_push_plans_and_publishes(hub, digits):
    plan = wl.push(digits, "alice/model", dry_run=True, exclude="*.md")
    assert plan.dry_run and [file.path for file in plan.files] == [
        "config.json", "model.safetensors", "preprocessor_config.json"
    ]  # fmt: skip
    done = wl.push(digits, "alice/model", commit_message="Add the model")
    assert done.published.committed == 4
    assert wl.push(digits, "alice/model").status == "already"


def test_pull_takes_a_folder(hub, digits, room):
    hub.add_repo("alice/model", digits)
    result = wl.pull("alice/model@main", room / "here")
    assert result.folder == str(room / "here") and (room / "here/config.json").exists()
    assert wl.inspect("alice/model").architecture == "ResNetForImageClassification"


def test_a_missing_repository_is_not_found(hub):
    with pytest.raises(wl.NotFoundError) as caught:
        wl.pull("alice/missing")
    assert caught.value.http_status == 404
