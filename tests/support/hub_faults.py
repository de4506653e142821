"""Faults that tests ask for, and the log of what came in."""

import re
import threading
from typing import List, Optional


class Rule:
    """One fault. `path` is searched in path and query; the other keys say what happens:

    status, headers, body   this reply instead of the true one (headers alone: added to it)
    handled                 with status: the request is carried out all the same
    unread                  with status: sent at once, the request's body is not read
    redirect, code          "relative", "same", "cdn" or a URL; 302 if no code is given
    delay                   seconds before the reply
    close_after             the connection is cut after so many bytes of the reply's body (0: no
                            reply)
    close_after_upload      the connection is cut after so many bytes of the request's body
    drop_headers            names of headers that the reply lacks; without its Content-Length a body
                            ends with the connection
    gzip, chunked           the reply's body is compressed; is sent in chunks without Content-Length
    truncate, extend        the body lacks, has more bytes; Content-Length says so ...
    keep_length             ... or, with this, does not
    ignore_range            the whole file is sent, whatever part is asked for
    corrupt                 the byte in the middle of the body is flipped
    rate                    bytes per second, of both bodies
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
        """The keys of the first rule that fits and whose turn it is; none: empty."""
        with self.lock:
            return next((r.keys for r in self.rules if r.fits(request) and r.take()), {})


class Log:
    """Every request, in the order in which they came. `status` is None where no reply was sent."""

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
