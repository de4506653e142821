"""The tests' own door, /_test/: repositories from folders, faults, modes, the log."""

import pathlib

from hub_store import LFS_SUFFIXES
from hub_wire import Refusal, Reply, Request, json_reply

MODES = {
    "lfs_download": "direct",  # or "cdn": 302 to the other host
    "lfs_upload": "direct",  # or "cdn": objects and parts are put there
    "regular_download": "direct",  # or "relative307"
    "multipart_over": 64 << 20,  # bytes; larger objects are uploaded in parts ...
    "chunk_size": 16 << 20,  # ... of this size
    "check_parts": True,  # objects that came in parts must have their sha256
    "page": 1000,  # entries of a listing
    "relative_links": False,  # of the next page
    "expire_urls_after": -1,  # signed URLs of one reply are good for so many requests (-1: all)
    "anonymous_missing": 404,  # or 401, as the public Hub
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
    """Makes the repository if it is missing; commits the folder as all of main."""
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
    """What a model's repository holds, past access, modes and faults."""
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
