"""Reading from the stand-in Hub: files, and information about repositories."""

import mimetypes
import re
import urllib.parse

from hub_accounts import check_access
from hub_wire import Refusal, Reply, Request, json_reply


def commit_of(repo, revision: str):
    commit = repo.find(revision)
    if commit is None:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def entry_of(commit, path: str):
    if path not in commit.files:
        raise Refusal(404, "Entry not found", "EntryNotFound", [("X-Repo-Commit", commit.oid)])
    return commit.files[path]


# Bytes


def resolve(hub, request: Request, repo, revision: str, path: str) -> Reply:
    check_access(request.user, repo)
    commit = commit_of(repo, revision)
    entry = entry_of(commit, path)
    headers = [
        ("X-Repo-Commit", commit.oid),
        ("X-Linked-Size", str(entry.size)),
        ("X-Linked-Etag", f'"{entry.etag}"'),
    ]
    if entry.lfs and hub.modes["lfs_download"] == "cdn":
        url = hub.grant("/_lfs/object/" + entry.sha256, request, hub.modes["lfs_download"])
        return redirect(302, url, headers)
    if not entry.lfs and hub.modes["regular_download"] == "relative307":
        where = f"/api/resolve-cache/{repo.kind}s/{repo.id}/{commit.oid}/{path}"
        query = urllib.parse.urlencode({"etag": f'"{entry.etag}"'})
        return redirect(307, f"{urllib.parse.quote(where)}?{query}", headers)
    return file_reply(hub, request, entry.sha256, entry.etag, path, headers)


def resolve_cache(hub, request: Request, repo, commit_oid: str, path: str) -> Reply:
    check_access(request.user, repo)
    entry = entry_of(commit_of(repo, commit_oid), path)
    if request.value("etag") != f'"{entry.etag}"':
        raise Refusal(400, "the query of the redirect was lost")
    headers = [("X-Repo-Commit", commit_oid), ("X-Linked-Size", str(entry.size))]
    return file_reply(hub, request, entry.sha256, entry.etag, path, headers)


def lfs_object(hub, request: Request, sha256: str) -> Reply:
    """Replies as an object storage does, with its own ETag."""
    hub.check_grant(request)
    return file_reply(hub, request, sha256, sha256[:32] + "-3", "", [])


def redirect(status: int, url: str, headers) -> Reply:
    body = f"Redirecting to {url}\n".encode()
    return Reply(status, [("Location", url), ("Content-Type", "text/plain"), *headers], body)


def raw(hub, request: Request, repo, revision: str, path: str) -> Reply:
    check_access(request.user, repo)
    commit = commit_of(repo, revision)
    entry = entry_of(commit, path)
    headers = [("X-Repo-Commit", commit.oid)]
    if entry.lfs:
        return Reply(200, [("Content-Type", "text/plain"), *headers], entry.pointer.encode())
    return file_reply(hub, request, entry.sha256, entry.etag, path, headers)


def file_reply(hub, request: Request, sha256: str, etag: str, path: str, headers) -> Reply:
    size = hub.store.objects.size(sha256)
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    headers = headers + [
        ("ETag", f'"{etag}"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "text/plain" if kind == "application/json" else kind),
        ("Content-Disposition", f"inline; filename*=UTF-8''{urllib.parse.quote(path)}"),
    ]
    reply = Reply(200, headers, file=hub.store.objects.path(sha256), length=size)
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if match is None or match[0] == "bytes=-":
        return reply
    if request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return reply
    return part_of(reply, match[1], match[2], size)


def part_of(reply: Reply, first: str, last: str, size: int) -> Reply:
    if size == 0:
        reply.headers.append(("Content-Range", "bytes */0"))
        return reply
    begin = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if begin >= end:
        return Reply(416, [("Content-Range", f"bytes */{size}")])
    reply.status, reply.offset, reply.length = 206, begin, end - begin
    reply.headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{size}"))
    return reply


# Information about repositories


def repo_info(request: Request, repo, revision: str) -> Reply:
    commit = commit_of(repo, revision)
    siblings = [sibling(path, entry, request.flag("blobs")) for path, entry in commit.files.items()]
    return json_reply(
        {
            "_id": repo.id,
            "id": repo.id,
            "modelId": repo.id,
            "author": repo.owner,
            "sha": commit.oid,
            "private": repo.private,
            "gated": repo.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "createdAt": repo.created,
            "lastModified": commit.date,
            "siblings": siblings,
        }
    )


def sibling(path: str, entry, blobs: bool) -> dict:
    told = {"rfilename": path}
    if blobs:
        told.update(size=entry.size, blobId=entry.git_sha1)
        if entry.lfs:
            told["lfs"] = {"sha256": entry.sha256, "size": entry.size}
            told["lfs"]["pointerSize"] = len(entry.pointer)
    return told


def tree_entry(repo, commit, path: str, expand: bool) -> dict:
    entry = commit.files[path]
    told = {"type": "file", "path": path, "size": entry.size, "oid": entry.git_sha1}
    if entry.lfs:
        told["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    if expand:
        last = repo.last_change(commit, path)
        told["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
        told["securityFileStatus"] = None
    return told


def folder_entry(path: str) -> dict:
    return {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}


def list_tree(commit, folder: str, recursive: bool):
    """Paths of files and folders under a folder; folders end in "/"."""
    prefix = folder + "/" if folder else ""
    found = set()
    for path in commit.files:
        if path.startswith(prefix):
            parts = path[len(prefix) :].split("/")
            depth = len(parts) if recursive else 1
            folders = parts[:-1][:depth]
            found.update(prefix + "/".join(folders[: i + 1]) + "/" for i in range(len(folders)))
            if depth == len(parts):
                found.add(path)
    return sorted(found)


def tree(hub, request: Request, repo, revision: str, folder: str) -> Reply:
    commit = commit_of(repo, revision)
    if hub.modes["endless_pages"]:
        return endless_page(hub, request)
    paths = list_tree(commit, folder.strip("/"), request.flag("recursive"))
    if folder and not paths:
        raise Refusal(404, f"{folder} does not exist on {revision}", "EntryNotFound")
    expand = request.flag("expand")
    entries = [
        folder_entry(p[:-1]) if p.endswith("/") else tree_entry(repo, commit, p, expand)
        for p in paths
    ]
    return paged(hub, request, entries)


def endless_page(hub, request: Request) -> Reply:
    begin = int(request.value("cursor", "0"))
    padding = "p" * 200 + "/" if hub.modes["long_paths"] else ""
    entries = [
        {"type": "file", "path": f"{padding * 14}{i}", "size": 1, "oid": f"{i:040x}"}
        for i in range(begin, begin + hub.modes["endless_pages"])
    ]
    url = f"{request.base}{request.path}?cursor={begin + len(entries)}"
    return json_reply(entries, 200, [("Link", f'<{url}>; rel="next"')])


def paths_info(request: Request, repo, revision: str) -> Reply:
    commit = commit_of(repo, revision)
    if request.headers.get("Content-Type", "").startswith("application/json"):
        asked = request.json()
        paths, expand = asked["paths"], asked.get("expand", False)
    else:
        asked = urllib.parse.parse_qs(request.body.read().decode())
        paths, expand = asked.get("paths", []), asked.get("expand", [""])[0].lower() == "true"
    told = [tree_entry(repo, commit, p, expand) for p in paths if p in commit.files]
    folders = [p.strip("/") for p in paths if p not in commit.files]
    told += [folder_entry(p) for p in folders if list_tree(commit, p, False)]
    return json_reply(told)


def refs(request: Request, repo) -> Reply:
    def told(name: str, kind: str, commit) -> dict:
        return {"name": name, "ref": kind + name, "targetCommit": commit.oid}

    heads = [told(n, "refs/heads/", c) for n, c in repo.refs.items() if not n.startswith("refs/")]
    value = {"branches": heads, "converts": []}
    value["tags"] = [told(name, "refs/tags/", commit) for name, commit in repo.tags.items()]
    if request.flag("include_prs"):
        prs = {n: c for n, c in repo.refs.items() if n.startswith("refs/pr/")}
        value["pullRequests"] = [told(name, "", commit) for name, commit in prs.items()]
    return json_reply(value)


def commits(hub, request: Request, repo, revision: str) -> Reply:
    history = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.description,
            "date": commit.date,
            "authors": [{"user": commit.author}],
        }
        for commit in repo.history(commit_of(repo, revision))
    ]
    reply = paged(hub, request, history)
    reply.headers.append(("X-Total-Count", str(len(history))))
    return reply


def paged(hub, request: Request, entries: list) -> Reply:
    page = hub.modes["page"]
    begin = int(request.value("cursor", "0"))
    reply = json_reply(entries[begin : begin + page])
    if begin + page < len(entries):
        query = {name: values for name, values in request.query.items() if name != "cursor"}
        query["cursor"] = [str(begin + page)]
        base = "" if hub.modes["relative_links"] else request.base
        url = f"{base}{request.path}?{urllib.parse.urlencode(query, doseq=True)}"
        reply.headers.append(("Link", f'<{url}>; rel="next"'))
    return reply
