"""HTTP/1.1 of the stand-in Hub: requests, replies, and replies with a fault."""

import dataclasses
import http.server
import json
import pathlib
import socket
import ssl
import sys
import time
import traceback
import urllib.parse
import zlib
from typing import Iterator, List, Optional, Tuple

PIECE = 1 << 20
MOVED = "/_moved"


class Cut(Exception):
    """Closes the connection without a (further) reply."""


class Refusal(Exception):
    """An error in the Hub's form: in headers and in the body."""

    def __init__(self, status: int, message: str, code: str = "", headers=()):
        super().__init__(message)
        self.reply = json_reply({"error": message}, status, headers)
        self.reply.headers.append(("X-Error-Message", message.encode("ascii", "replace").decode()))
        if code:
            self.reply.headers.append(("X-Error-Code", code))


@dataclasses.dataclass
class Reply:
    status: int = 200
    headers: List[Tuple[str, str]] = dataclasses.field(default_factory=list)
    body: bytes = b""
    file: Optional[pathlib.Path] = None  # instead of `body`, from `offset`, `length` bytes
    offset: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        return self.length if self.file else len(self.body)

    def pieces(self) -> Iterator[bytes]:
        if not self.file:
            yield self.body
            return
        with open(self.file, "rb") as file:
            file.seek(self.offset)
            left = self.length
            while left > 0:
                piece = file.read(min(left, PIECE))
                left -= len(piece)
                yield piece


def json_reply(value, status: int = 200, headers=()) -> Reply:
    body = json.dumps(value).encode()
    return Reply(status, [("Content-Type", "application/json; charset=utf-8"), *headers], body)


class RequestBody:
    """The body of a request, read once, in pieces. A piece is valid until the next one."""

    def __init__(self, rfile, connection: socket.socket, headers, fault: dict):
        self.rfile, self.connection = rfile, connection
        self.count = 0
        self.whole: Optional[bytes] = None
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.left = int(headers.get("Content-Length") or 0)
        self.size = None if self.chunked else self.left
        self.cut_after = fault.get("close_after_upload")
        self.rate = fault.get("rate")

    def pieces(self) -> Iterator[bytes]:
        for piece in self._chunks() if self.chunked else self._run(self.left):
            self.count += len(piece)
            if self.rate:
                time.sleep(len(piece) / self.rate)
            yield piece
        self.left, self.chunked = 0, False
        if self.cut_after is not None:
            raise Cut  # the body ended before the cut

    def read(self) -> bytes:
        self.whole = b"".join(bytes(piece) for piece in self.pieces())
        return self.whole

    def drain(self) -> None:
        for _ in self.pieces():
            pass

    def _run(self, left: int) -> Iterator[bytes]:
        most = min(PIECE, max(1, self.rate // 200)) if self.rate else PIECE
        buffer, buffered = memoryview(bytearray(min(left, most))), True
        while left > 0:
            limit = min(left, most)
            if self.cut_after is not None:
                limit = min(limit, self.cut_after - self.count)
                if limit <= 0:
                    raise Cut
            if buffered:
                got = self.rfile.readinto1(buffer[:limit])
                buffered = got == limit
            else:  # few calls: each may wait for the interpreter lock
                flags = 0 if isinstance(self.connection, ssl.SSLSocket) else socket.MSG_WAITALL
                got = self.connection.recv_into(buffer, limit, flags)
            if got == 0:
                raise Cut  # the client closed the connection
            left -= got
            self.left = left
            yield buffer[:got]

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            yield from self._run(size)
            self.rfile.readline()
            if size == 0:
                return


class Request:
    def __init__(self, handler: "Handler"):
        self.method = handler.command
        self.headers = handler.headers
        self.target = handler.path  # path and query, unchanged
        self.origin = handler.server.origin  # "hub" or "cdn"
        scheme, place = handler.server.url.split("://")
        self.base = f"{scheme}://" + (self.headers.get("Host") or place)
        self.proxied = self.target.startswith("http://")  # a request to a proxy
        if self.proxied:
            self.target = "/" + self.target.split("/", 3)[3]
        self.moved = self.target.startswith(MOVED + "/")
        path, _, query = self.target.partition("?")
        self.query = urllib.parse.parse_qs(query, keep_blank_values=True)
        self.path = path[len(MOVED) :] if self.moved else path
        self.segments = [urllib.parse.unquote(s) for s in self.path.split("/")[1:]]
        self.user = None
        self.body: RequestBody = None  # set when the fault is known

    def flag(self, name: str) -> bool:
        return self.query.get(name, [""])[0].lower() in ("1", "true")

    def value(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]

    def json(self) -> dict:
        try:
            return json.loads(self.body.read() or b"{}")
        except ValueError as error:
            raise Refusal(400, "Invalid JSON") from error


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub, origin: str, port: int, certificate: Optional[pathlib.Path] = None):
        super().__init__(("127.0.0.1", port), Handler)
        self.hub, self.origin = hub, origin
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The thread of a connection shakes hands, with its first read.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stand-in-hub", ""
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self):
        request = Request(self)
        hub = self.server.hub
        tested = not request.path.startswith("/_test/")
        entry = hub.log.begin(request) if tested else None
        fault = hub.faults.match(request) if tested else {}
        request.body = RequestBody(self.rfile, self.connection, request.headers, fault)
        if fault.get("ignore_range"):
            del request.headers["Range"]
        try:
            reply = self.reply_to(request, fault)
            hub.log.end(entry, request)
            self.send(request, reply, fault, entry)
        except (Cut, ConnectionError):
            hub.log.end(entry, request)
            self.cut()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def reply_to(self, request: Request, fault: dict) -> Reply:
        if "redirect" in fault:
            return self.redirect(request, fault)
        replaced = "status" in fault or "body" in fault
        if not replaced or fault.get("handled"):
            reply = self.carry_out(request)
        if replaced:
            reply = Reply(fault.get("status", 200), [], fault.get("body", "").encode())
        if fault.get("unread"):
            reply.headers.append(("Connection", "close"))
        else:
            request.body.drain()
        reply.headers += list(fault.get("headers", {}).items())
        return reply

    def carry_out(self, request: Request) -> Reply:
        try:
            return self.server.hub.answer(request)
        except Refusal as refusal:
            return refusal.reply
        except (Cut, ConnectionError):
            raise
        except Exception:
            traceback.print_exc()
            return json_reply({"error": "the stand-in Hub is broken"}, 500)

    def redirect(self, request: Request, fault: dict) -> Reply:
        moved = MOVED + request.target + ("&" if "?" in request.target else "?") + "moved=1"
        hub = self.server.hub
        bases = {"relative": "", "same": request.base, "cdn": hub.cdn_url}
        where = fault["redirect"]
        location = bases[where] + moved if where in bases else where
        headers = [("Location", location), *fault.get("headers", {}).items()]
        if request.method in ("GET", "HEAD"):
            headers += [h for h in self.carry_out(request).headers if h[0].startswith("X-")]
        request.body.drain()
        return Reply(fault.get("code", 302), headers, b"Redirecting\n")

    def send(self, request: Request, reply: Reply, fault: dict, entry: Optional[dict]):
        time.sleep(fault.get("delay", 0))
        close_after = fault.get("close_after")
        if close_after == 0:
            raise Cut
        if fault.get("endless") in ("continues", "headers"):
            self.send_endlessly(fault["endless"])
        length, pieces = shaped(reply, fault)
        headers = reply.headers + [("X-Request-Id", self.server.hub.next_request_id())]
        headers += self.framing(length, request, fault)
        dropped = {name.lower() for name in fault.get("drop_headers", [])}
        self.send_response(reply.status)
        for name, value in headers:
            if name.lower() not in dropped:
                self.send_header(name, value)
        self.end_headers()
        if entry is not None:
            entry["status"] = reply.status
        if "endless" in fault:
            self.send_endlessly(fault["endless"])
        if request.method == "HEAD":
            return
        try:
            if reply.file and reply.length and not SHAPING & fault.keys():
                with open(reply.file, "rb") as file:
                    sent = self.connection.sendfile(file, reply.offset, reply.length)
            else:
                sent = self.transmit(pieces, length is None, close_after, fault.get("rate"))
        except OSError as error:
            raise Cut from error
        if entry is not None:
            entry["reply_bytes"] = sent
        if close_after is not None or fault.get("keep_length"):
            raise Cut

    def framing(self, length: Optional[int], request: Request, fault: dict):
        """The headers that mark the end of the body."""
        if "endless" in fault:
            return [("Transfer-Encoding", "chunked")]
        if length is None:
            return [] if request.method == "HEAD" else [("Transfer-Encoding", "chunked")]
        headers = [("Content-Length", str(length))]
        dropped = "content-length" in [name.lower() for name in fault.get("drop_headers", [])]
        if dropped and request.method != "HEAD":
            self.close_connection = True
            headers.append(("Connection", "close"))
        return headers

    def transmit(self, pieces, chunked: bool, close_after: Optional[int], rate) -> int:
        sent = 0
        step = max(1, rate // 200) if rate else PIECE
        for piece in small(pieces, step):
            if close_after is not None:
                piece = piece[: close_after - sent]
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            sent += len(piece)
            if close_after is not None and sent >= close_after:
                return sent
            if rate:
                time.sleep(len(piece) / rate)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        return sent

    def send_endlessly(self, what: str):
        """Sends more and more of a reply's head, of a chunk's or of its end."""
        start, more = {
            "continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            "headers": (b"HTTP/1.1 200 OK\r\n", b"X-More: y\r\n"),
            "extensions": (b"5", b";x=y"),
            "trailers": (b"0\r\n", b"X-More: y\r\n"),
        }[what]
        try:
            self.wfile.write(start)
            while True:
                self.wfile.write(more * 256)
                time.sleep(0.02)
        except OSError as error:
            raise Cut from error

    def cut(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


SHAPING = {"close_after", "rate", "gzip", "chunked", "truncate", "extend", "corrupt"}


def small(pieces, most: int) -> Iterator[bytes]:
    for piece in pieces:
        for begin in range(0, len(piece), most):
            yield piece[begin : begin + most]


def shaped(reply: Reply, fault: dict) -> Tuple[Optional[int], Iterator[bytes]]:
    """The Content-Length (None: unknown) and the body, changed by the fault."""
    length, pieces = reply.size, reply.pieces()
    if fault.get("corrupt"):
        pieces = flipped(pieces, length // 2)
    if "truncate" in fault:
        pieces = first(pieces, length - fault["truncate"])
    if "extend" in fault:
        pieces = longer(pieces, fault["extend"])
    if not fault.get("keep_length"):
        length += fault.get("extend", 0) - fault.get("truncate", 0)
    if fault.get("gzip"):
        reply.headers.append(("Content-Encoding", "gzip"))
        return None, compressed(pieces)
    return (None if fault.get("chunked") else length), pieces


def flipped(pieces, at: int) -> Iterator[bytes]:
    for piece in pieces:
        if 0 <= at < len(piece):
            piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        at -= len(piece)
        yield piece


def first(pieces, count: int) -> Iterator[bytes]:
    for piece in pieces:
        if count <= 0:
            return
        yield piece[:count]
        count -= len(piece)


def longer(pieces, count: int) -> Iterator[bytes]:
    yield from pieces
    yield bytes(count)


def compressed(pieces) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()
