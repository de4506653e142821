#!/usr/bin/env python3
"""A stand-in for the Hugging Face Hub: its protocol as far as real clients need it, and faults.

usage: hub_server.py --root DIR [--port N] [--tls CERTIFICATE]

Prints one line, the URL of the Hub, the URL of its second host ("CDN") and a URL for /_test/, and
runs until its standard input ends. With a certificate (PEM, with its key) Hub and CDN use TLS; the
third URL never does, and also answers as the Hub.
Tests drive it through /_test/ (hub_control.py): POST /_test/repo, /_test/faults (hub_faults.py lists the faults), /_test/mode, GET and DELETE /_test/log.
Users and tokens are in hub_accounts.py. Needs only Python's standard library.
"""

import argparse
import itertools
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import hub_accounts
import hub_control
import hub_files
import hub_upload
from hub_faults import Faults, Log
from hub_store import Store
from hub_wire import Refusal, Reply, Request, Server, json_reply

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


class Hub:
    def __init__(self, root: pathlib.Path, port: int, certificate=None):
        self.store = Store(root)
        self.faults, self.log = Faults(), Log()
        self.modes = dict(hub_control.MODES)
        self.lock = threading.RLock()
        self.parts = {}  # (oid, chunk size, number) -> ETag
        self.grants = {}  # serial of signed URLs -> requests so far
        self.serial = itertools.count(1)
        self.servers = [Server(self, "hub", port, certificate), Server(self, "cdn", 0, certificate)]
        self.url, self.cdn_url = (server.url for server in self.servers)
        if certificate:
            self.servers.append(Server(self, "hub", 0))
        self.control_url = self.servers[-1].url if certificate else self.url

    def next_request_id(self) -> str:
        return f"Root=1-{next(self.serial):08x}"

    # Signed URLs: they need no token, and the other host refuses one.

    def grant(self, path: str, request: Request, where: str, grant=None) -> str:
        if grant is None:
            grant = f"{next(self.serial):016x}"
            self.grants[grant] = 0
        base = self.cdn_url if where == "cdn" else request.base
        return f"{base}{path}?X-Signature={grant}"

    def check_grant(self, request: Request) -> None:
        grant = request.value("X-Signature")
        with self.lock:
            if grant not in self.grants:
                raise Refusal(403, "SignatureDoesNotMatch")
            self.grants[grant] += 1
            if 0 <= self.modes["expire_urls_after"] < self.grants[grant]:
                raise Refusal(403, "Request has expired")

    # Routes

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/_test/"):
            return hub_control.answer(self, request)
        if request.moved and request.value("moved") != "1":
            raise Refusal(400, "the query of the redirect was lost")
        if request.origin == "cdn":
            if "Authorization" in request.headers:
                raise Refusal(400, "Only one auth mechanism allowed")
            request.user = hub_accounts.INSIDE
            if not request.moved and request.segments[0] != "_lfs":
                raise Refusal(404, "NoSuchKey")
        else:
            request.user = hub_accounts.authenticate(request.headers.get("Authorization"))
        first, *rest = request.segments
        routes = {"api": self.api, "_lfs": self.lfs}
        return routes[first](request, rest) if first in routes else self.web(request)

    def api(self, request: Request, parts) -> Reply:
        what = (request.method.replace("HEAD", "GET"), "/".join(parts))
        if what == ("GET", "whoami-v2"):
            return json_reply(hub_accounts.whoami(request.user))
        if what == ("POST", "repos/create"):
            return hub_upload.create_repo(self, request)
        if what == ("DELETE", "repos/delete"):
            return hub_upload.delete_repo(self, request)
        if what == ("POST", "validate-yaml"):
            return json_reply({"errors": [], "warnings": []})
        if parts[0] == "resolve-cache" and len(parts) > 5:
            repo = self.repo(request, KINDS[parts[1]], "/".join(parts[2:4]))
            return hub_files.resolve_cache(self, request, repo, parts[4], "/".join(parts[5:]))
        if parts[0] in KINDS and len(parts) > 1:
            return self.repo_api(request, KINDS[parts[0]], parts[1:])
        raise not_here()

    def repo_api(self, request: Request, kind: str, parts) -> Reply:
        repo_id, rest = self.split_id(kind, parts)
        if (kind, repo_id) in self.store.aliases:
            return self.renamed(request, kind, repo_id)
        repo = self.repo(request, kind, repo_id)
        verb, *rest = rest or [""]
        if request.method in ("GET", "HEAD"):
            return self.read_api(request, repo, verb, rest)
        if verb != "paths-info":
            hub_accounts.check_write(request.user, repo.owner, "write a model")
        return self.write_api(request, repo, verb, rest)

    def read_api(self, request: Request, repo, verb: str, rest) -> Reply:
        if verb in ("", "revision"):
            return hub_files.repo_info(request, repo, "/".join(rest) or "main")
        if verb == "refs":
            return hub_files.refs(request, repo)
        if verb in ("tree", "commits") and rest:
            # Some clients do not encode the slashes of these revisions.
            words = 3 if rest[0] == "refs" and len(rest) > 2 else 1
            revision, path = "/".join(rest[:words]), "/".join(rest[words:])
            if verb == "tree":
                return hub_files.tree(self, request, repo, revision, path)
            return hub_files.commits(self, request, repo, revision)
        raise not_here()

    def write_api(self, request: Request, repo, verb: str, rest) -> Reply:
        name = "/".join(rest)
        if request.method == "DELETE" and verb in ("branch", "tag"):
            return hub_upload.delete_ref(repo.refs if verb == "branch" else repo.tags, name)
        if request.method != "POST":
            raise not_here()
        if verb == "paths-info":
            return hub_files.paths_info(request, repo, name)
        if verb == "preupload":
            return hub_upload.preupload(request, repo, name)
        if verb == "commit":
            return hub_upload.commit(self, request, repo, name)
        if verb == "branch":
            start = request.json().get("startingPoint") or "main"
            return hub_upload.create_ref(request, repo, repo.refs, name, start)
        if verb == "tag":
            return hub_upload.create_ref(request, repo, repo.tags, request.json()["tag"], name)
        raise not_here()

    def lfs(self, request: Request, parts) -> Reply:
        verb, *rest = parts
        if verb == "object" and request.method in ("GET", "HEAD"):
            return hub_files.lfs_object(self, request, *rest)
        routes = {
            ("PUT", "object"): hub_upload.put_object,
            ("PUT", "part"): hub_upload.put_part,
            ("POST", "complete"): hub_upload.complete,
            ("POST", "verify"): hub_upload.verify,
        }
        if (request.method, verb) not in routes:
            raise not_here()
        return routes[request.method, verb](self, request, *rest)

    def web(self, request: Request) -> Reply:
        """[/datasets]/{id}/resolve/{revision}/{path}, /raw/, {id}.git/info/lfs/objects/batch"""
        parts = request.segments
        kind = KINDS.get(parts[0], "model")
        parts = parts[1:] if parts[0] in KINDS else parts
        if parts[-4:] == ["info", "lfs", "objects", "batch"] and request.method == "POST":
            repo_id = "/".join(parts[:-4])[: -len(".git")]
            repo = self.repo(request, kind, repo_id)
            hub_accounts.check_write(request.user, repo.owner, "upload")
            return hub_upload.batch(self, request)
        repo_id, rest = self.split_id(kind, parts)
        if (kind, repo_id) in self.store.aliases:
            return self.renamed(request, kind, repo_id)
        if len(rest) < 3 or rest[0] not in ("resolve", "raw"):
            raise not_here()
        words = 3 if rest[1] == "refs" and len(rest) > 4 else 1
        revision, path = "/".join(rest[1 : 1 + words]), "/".join(rest[1 + words :])
        read = hub_files.resolve if rest[0] == "resolve" else hub_files.raw
        return read(self, request, self.repo(request, kind, repo_id), revision, path)

    def split_id(self, kind: str, parts):
        """Splits off the id: two segments, or one for a known repository with a bare name."""
        bare = (kind, parts[0])
        words = 1 if bare in self.store.repos or bare in self.store.aliases else 2
        return "/".join(parts[:words]), parts[words:]

    def repo(self, request: Request, kind: str, repo_id: str):
        repo = self.store.repos.get((kind, repo_id))
        if repo is None:
            raise hub_accounts.missing(request.user, self.modes)
        hub_accounts.check_read(request.user, repo, self.modes)
        return repo

    def renamed(self, request: Request, kind: str, old: str) -> Reply:
        new = self.store.aliases[kind, old]
        location = request.target.replace(f"/{old}", f"/{new}", 1)
        return hub_files.redirect(307, location, [])

    def serve(self) -> None:
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        print(self.url, self.cdn_url, self.control_url, flush=True)
        while os.read(0, 4096):
            pass


def not_here() -> Refusal:
    return Refusal(404, "Sorry, we can't find the page you are looking for.")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", type=pathlib.Path)
    arguments = parser.parse_args()
    Hub(arguments.root, arguments.port, arguments.tls).serve()


if __name__ == "__main__":
    main()
