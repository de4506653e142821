"""Faults that tests request, and the log of all requests."""

import re
import threading
from typing import List, Optional


class Rule:
    """One fault. `path` is a regex for path and query; the other keys define the effect:

    status, headers, body   this reply instead of the true one (headers alone are added to it)
    handled                 with status: the server still carries out the request
    unread                  with status: replies at once, without reading the request's body
    redirect, code          "relative", "same", "cdn" or a URL; 302 if no code is given
    delay                   seconds before the reply
    close_after             closes the connection after so many bytes of the reply's body (0: no
                            reply)
    close_after_upload      closes the connection after so many bytes of the request's body
    drop_headers            removes these headers from the reply; a body without Content-Length ends
                            with the connection
    gzip, chunked           compresses the reply's body; sends it in chunks without Content-Length
    truncate, extend        removes or adds so many bytes of the body; adapts Content-Length ...
    keep_length             ... or, with this key, keeps it
    ignore_range            sends the whole file instead of the requested range
    corrupt                 flips a bit in the middle of the body
    rate                    bytes per second, for both bodies
    endless                 "continues" or "headers" before the body, "extensions" of a chunk or
                            "trailers", which never end
    """

    def __init__(self, keys: dict):
        self.keys = keys
        self.path = re.compile(keys["path"])
        self.skip = keys.get("skip", 0)
        self.times = keys.get("times", 1)

    def fits(self, request) -> bool:
        if "redirect" in self.keys and request.moved:
            return False
        if self.keys.get("method", request.method) != request.method:
            return False
        if self.keys.get("host", request.origin) != request.origin:
            return False
        return self.path.search(request.target) is not None

    def take(self) -> bool:
        """Whether it is this request's turn."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0:
            return False
        self.times -= 1 if self.times > 0 else 0
        return True


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules: List[Rule] = []

    def add(self, rules: List[dict]) -> None:
        with self.lock:
            self.rules += [Rule(keys) for keys in rules]

    def clear(self) -> None:
        with self.lock:
            self.rules = []

    def match(self, request) -> dict:
        """The keys of the first rule that fits and whose turn it is; empty without one."""
        with self.lock:
            return next((r.keys for r in self.rules if r.fits(request) and r.take()), {})


class Log:
    """All requests, in order of arrival. `status` is None where the server sent no reply."""

    KEPT_BODY = 1 << 20

    def __init__(self):
        self.lock = threading.Lock()
        self.entries: List[dict] = []

    def begin(self, request) -> dict:
        entry = {
            "method": request.method,
            "url": request.base + request.target,
            "origin": request.origin,
            "path": request.target,
            "proxied": request.proxied,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body_bytes": 0,
            "body": None,  # of small JSON
            "status": None,
            "reply_bytes": 0,
        }
        with self.lock:
            self.entries.append(entry)
        return entry

    def end(self, entry: Optional[dict], request) -> None:
        if entry is None:
            return
        entry["body_bytes"] = request.body.count
        if request.body.whole is not None and len(request.body.whole) <= self.KEPT_BODY:
            entry["body"] = request.body.whole.decode("utf-8", "replace")

    def read(self) -> List[dict]:
        with self.lock:
            return [dict(entry) for entry in self.entries]

    def clear(self) -> None:
        with self.lock:
            self.entries = []
