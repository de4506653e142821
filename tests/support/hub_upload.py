"""Writing to the stand-in Hub: repositories, objects through LFS, and commits."""

import base64
import hashlib
import json
import os
import tempfile

from hub_accounts import check_write
from hub_files import commit_of
from hub_store import PIECE, lfs_entry
from hub_wire import Refusal, Reply, Request, json_reply

CHANGED = "The branch was updated since you opened this page. Please refresh and try again."


def create_repo(hub, request: Request) -> Reply:
    asked = request.json()
    owner = asked.get("organization") or (request.user.user if request.user else "")
    repo_id, kind = f"{owner}/{asked['name']}", asked.get("type") or "model"
    check_write(request.user, owner, f"create a {kind}")
    private = asked.get("private", False) or asked.get("visibility") == "private"
    prefix = "" if kind == "model" else kind + "s/"
    told = {"url": f"{request.base}/{prefix}{repo_id}", "name": repo_id, "id": repo_id}
    with hub.lock:
        if (kind, repo_id) in hub.store.repos:
            told["error"] = f"You already created this {kind} repo: {repo_id}"
            return json_reply(told, 409, [("X-Error-Message", told["error"])])
        hub.store.create(kind, repo_id, private)
    return json_reply(told)


def delete_repo(hub, request: Request) -> Reply:
    asked = request.json()
    owner = asked.get("organization") or (request.user.user if request.user else "")
    key = (asked.get("type") or "model", f"{owner}/{asked['name']}")
    check_write(request.user, owner, "delete a repository")
    if hub.store.repos.pop(key, None) is None:
        raise Refusal(404, "Repository not found", "RepoNotFound")
    return json_reply({})


def preupload(request: Request, repo, revision: str) -> Reply:
    commit = commit_of(repo, revision)
    told = []
    for file in request.json()["files"]:
        path = file["path"]
        lfs = repo.is_lfs(path, file["size"])
        there = commit.files.get(path)
        told.append(
            {
                "path": path,
                "uploadMode": "lfs" if lfs else "regular",
                "shouldIgnore": False,
                "oid": (there.sha256 if lfs else there.git_sha1) if there else None,
            }
        )
    return json_reply({"files": told})


# LFS


def batch(hub, request: Request) -> Reply:
    asked = request.json()
    multipart = "multipart" in asked.get("transfers", ["basic"])
    objects, transfer = [], "basic"
    for each in asked["objects"]:
        oid, size = each["oid"], each["size"]
        told = {"oid": oid, "size": size}
        if hub.store.objects.size(oid) != size:
            if multipart and size > hub.modes["multipart_over"]:
                transfer, upload = "multipart", multipart_actions(hub, request, oid, size)
            else:
                where = hub.modes["lfs_upload"]
                upload = {"href": hub.grant("/_lfs/object/" + oid, request, where)}
            told["actions"] = {"upload": upload, "verify": {"href": request.base + "/_lfs/verify"}}
        objects.append(told)
    return json_reply({"transfer": transfer, "objects": objects})


def multipart_actions(hub, request: Request, oid: str, size: int) -> dict:
    chunk, where = hub.modes["chunk_size"], hub.modes["lfs_upload"]
    header = {"chunk_size": str(chunk)}
    grant = None
    for number in range(1, (size + chunk - 1) // chunk + 1):
        url = hub.grant(f"/_lfs/part/{oid}/{size}/{chunk}/{number}", request, where, grant)
        grant = url.rpartition("=")[2]
        header[f"{number:05d}"] = url
    complete = hub.grant(f"/_lfs/complete/{oid}/{size}/{chunk}", request, "direct")
    return {"href": complete, "header": header}


def put_object(hub, request: Request, oid: str) -> Reply:
    hub.check_grant(request)
    try:
        hub.store.objects.add(request.body.pieces(), request.body.size, True, oid)
    except ValueError as error:
        raise Refusal(400, f"the object is not what its name says: {error}") from error
    return Reply(200, [("ETag", f'"{oid[:32]}"')])


def multipart_file(hub, oid: str, chunk: str):
    return hub.store.objects.incoming / f"{oid}-{chunk}"


def put_part(hub, request: Request, oid: str, size: str, chunk: str, number: str) -> Reply:
    hub.check_grant(request)
    begin = (int(number) - 1) * int(chunk)
    wanted = min(int(chunk), int(size) - begin)
    if request.body.size != wanted:
        raise Refusal(400, f"part {number}: expected {wanted} bytes, got {request.body.size}")
    at = begin
    file = os.open(multipart_file(hub, oid, chunk), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        for piece in request.body.pieces():
            at += os.pwrite(file, piece, at)
    finally:
        os.close(file)
    etag = f"{oid[:16]}-{number}"  # from the name only: complete() checks the content
    with hub.lock:
        hub.parts[oid, chunk, int(number)] = etag
    return Reply(200, [("ETag", f'"{etag}"')])


def complete(hub, request: Request, oid: str, size: str, chunk: str) -> Reply:
    hub.check_grant(request)
    if hub.store.objects.size(oid) is not None:
        return json_reply({})
    parts = request.json()["parts"]
    count = (int(size) + int(chunk) - 1) // int(chunk)
    if [part["partNumber"] for part in parts] != list(range(1, count + 1)):
        raise Refusal(400, f"expected parts 1 to {count} in order")
    for part in parts:
        if part["etag"].strip('"') != hub.parts.get((oid, chunk, part["partNumber"])):
            raise Refusal(400, f"part {part['partNumber']} has another etag")
    path = multipart_file(hub, oid, chunk)
    if hub.modes["check_parts"] and file_sha256(path) != oid:
        raise Refusal(400, "the object is not what its name says")
    os.replace(path, hub.store.objects.path(oid))
    return json_reply({})


def file_sha256(path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()


def verify(hub, request: Request) -> Reply:
    asked = request.json()
    if request.user is None:
        raise Refusal(401, "Invalid username or password.")
    if hub.store.objects.size(asked["oid"]) != asked["size"]:
        raise Refusal(404, "Object was not uploaded")
    return json_reply({})


# Commits


def commit(hub, request: Request, repo, revision: str) -> Reply:
    create_pr = request.flag("create_pr")
    lines = read_lines(request)
    header = next(lines, {}).get("value", {})
    if not header.get("summary"):
        raise Refusal(400, "expected a header with a summary first")
    lines = list(stored(hub, lines))
    with hub.lock:
        base = commit_of(repo, revision)
        parent = header.get("parentCommit")
        if parent and create_pr:
            base = commit_of(repo, parent)
        elif parent and not base.oid.startswith(parent):
            raise Refusal(412, CHANGED)
        files = dict(base.files)
        for key, value in lines:
            apply(hub, files, key, value)
        pull = 1 + sum(name.startswith("refs/pr/") for name in repo.refs) if create_pr else None
        ref = f"refs/pr/{pull}" if pull else revision
        made = repo.commit(
            ref, base, files, header["summary"], header.get("description", ""), request.user.user
        )
    return json_reply(committed(request, repo, made, pull))


def committed(request: Request, repo, made, pull) -> dict:
    url = f"{request.base}/{repo.id}"
    told = {"success": True, "commitOid": made.oid, "hookOutput": ""}
    told["commitUrl"] = f"{url}/commit/{made.oid}"
    if pull:
        told["pullRequestUrl"] = f"{url}/discussions/{pull}"
    return told


def read_lines(request: Request):
    """The NDJSON of a commit, through a file: it may hold the bytes of many files."""
    with tempfile.TemporaryFile() as file:
        for piece in request.body.pieces():
            file.write(piece)
        file.seek(0)
        request.body.whole = file.read(PIECE)
        file.seek(0)
        for line in file:
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise Refusal(400, "Invalid JSON line") from error


def stored(hub, lines):
    """The lines with the content of files replaced by entries."""
    for line in lines:
        key, value = line["key"], line["value"]
        if key == "file":
            content = value["content"].encode()
            if value["encoding"] == "base64":
                content = base64.b64decode(content)
            value = {"path": value["path"], "entry": hub.store.objects.add_bytes(content)}
        yield key, value


def apply(hub, files: dict, key: str, value: dict) -> None:
    path = value["path"]
    if any(part in ("", ".", "..", ".git") for part in path.rstrip("/").split("/")):
        raise Refusal(400, f"Invalid path: {path}")
    if key == "file":
        files[path] = value["entry"]
    elif key == "lfsFile":
        files[path] = uploaded(hub, value)
    elif key == "deletedFile":
        if files.pop(path, None) is None:
            raise Refusal(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif key == "deletedFolder":
        for name in [n for n in files if n.startswith(path.rstrip("/") + "/")]:
            del files[name]
    else:
        raise Refusal(400, f"Unknown line {key}")


def uploaded(hub, value: dict):
    size = hub.store.objects.size(value["oid"])
    if size is None or value.get("size", size) != size:
        raise Refusal(400, f"LFS object {value['oid']} of {value['path']} was not uploaded")
    return lfs_entry(value["oid"], size)


# Branches and tags


def create_ref(request: Request, repo, refs: dict, name: str, revision: str) -> Reply:
    if name in refs:
        raise Refusal(409, f"Reference already exists: {name}")
    refs[name] = commit_of(repo, revision)
    return json_reply({})


def delete_ref(refs: dict, name: str) -> Reply:
    if refs.pop(name, None) is None:
        raise Refusal(404, f"Invalid rev id: {name}", "RevisionNotFound")
    return json_reply({})
