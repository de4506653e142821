"""The control interface of the tests, /_test/: repositories, faults, modes and the log."""

import pathlib

from hub_store import LFS_SUFFIXES
from hub_wire import Refusal, Reply, Request, json_reply

MODES = {
    "lfs_download": "direct",  # or "cdn": 302 to the other host
    "lfs_upload": "direct",  # or "cdn": clients upload objects and parts to the other host
    "regular_download": "direct",  # or "relative307"
    "multipart_over": 64 << 20,  # bytes; clients upload larger objects in parts ...
    "chunk_size": 16 << 20,  # ... of this size
    "check_parts": True,  # compare the sha256 of objects that came in parts
    "page": 1000,  # entries per page of a listing
    "endless_pages": 0,  # a listing of pages with so many entries never ends (0: it does)
    "long_paths": False,  # the paths of these entries are long
    "relative_links": False,  # the link to the next page is relative
    "expire_urls_after": -1,  # number of requests for the signed URLs of one reply (-1: unlimited)
    "anonymous_missing": 404,  # or 401, as on the public Hub
}


def answer(hub, request: Request) -> Reply:
    what = (request.method, request.path[len("/_test/") :])
    if what == ("POST", "repo"):
        return add_repo(hub, request.json())
    if what == ("POST", "faults"):
        hub.faults.add(request.json())
    elif what == ("DELETE", "faults"):
        hub.faults.clear()
    elif what == ("POST", "mode"):
        set_modes(hub, request.json())
    elif what in (("GET", "commits"), ("GET", "paths"), ("GET", "file")):
        return held(hub, what[1], request)
    elif what == ("GET", "log"):
        return json_reply(hub.log.read())
    elif what == ("DELETE", "log"):
        hub.log.clear()
    else:
        raise Refusal(404, f"no such control: {what}")
    return json_reply({})


def add_repo(hub, asked: dict) -> Reply:
    """Creates a missing repository, and commits the folder as the whole content of main."""
    key = (asked.get("type", "model"), asked["id"])
    with hub.lock:
        repo = hub.store.repos.get(key) or hub.store.create(*key, private=False)
        repo.private = asked.get("private", repo.private)
        repo.gated = asked.get("gated", repo.gated)
        repo.lfs_suffixes = asked.get("lfs_suffixes", LFS_SUFFIXES)
        for old in asked.get("aliases", []):
            hub.store.aliases[key[0], old] = repo.id
        commit = hub.store.commit_folder(repo, pathlib.Path(asked["folder"]))
        for tag in asked.get("tags", []):
            repo.tags[tag] = commit
    return json_reply({"commit": commit.oid})


def held(hub, what: str, request: Request) -> Reply:
    """The content of a model's repository, without access checks, modes and faults."""
    repo = hub.store.repos.get(("model", request.value("id")))
    commit = repo and repo.find(request.value("revision"))
    if commit is None:
        raise Refusal(404, "no such repository or revision")
    if what == "commits":
        return json_reply([each.title for each in repo.history(commit)])
    if what == "paths":
        return json_reply(sorted(commit.files))
    entry = commit.files[request.value("path")]
    return Reply(file=hub.store.objects.path(entry.sha256), length=entry.size)


def set_modes(hub, asked: dict) -> None:
    unknown = asked.keys() - MODES.keys()
    if unknown:
        raise Refusal(400, f"no such mode: {sorted(unknown)}")
    hub.modes.update(asked)
