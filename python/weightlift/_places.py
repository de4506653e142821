"""Files and folders of any filesystem, by fsspec. It is imported where a URL is given."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from ._errors import IoError, NotFoundError, UsageError
from ._progress import Events

T = TypeVar("T")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_OF_THE_HUB = ("hf://", "https://huggingface.co/")  # the native module opens them, or refuses them with a hint
_SECRETS = (
    re.compile(r"://([^/@:]*:(?!\d+(?:/|$)).*)@"),  # user:password; a secret key of S3 may have slashes
    re.compile(r"https?://([^/@]+)@"),
    re.compile(r"\?([^/?]*=.*)"),  # the signature of a request
)
_CHUNK_BYTES = 8 << 20
# Stores without folders. Making the folder of an object could create its bucket there.
_FLAT = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "obs", "cos", "oci"}


def is_url(value: object) -> bool:
    """Whether fsspec opens the value."""
    return isinstance(value, str) and bool(_URL.match(value)) and not value.startswith(_OF_THE_HUB)


def has_url(*values: object) -> bool:
    """Whether an argument is a URL, or a list with one."""
    return any(is_url(value) or (isinstance(value, (list, tuple)) and has_url(*value)) for value in values)


def hide_secrets(text: str, url: str) -> str:
    """The text without passwords and signatures, neither its own nor those of the URL."""
    for secret in [found for pattern in _SECRETS for one in (text, url) for found in pattern.findall(one)]:
        text = text.replace(secret, "***")
    return text


def show(path: str) -> str:
    """What messages show for a path or a URL."""
    return hide_secrets(path, path) if is_url(path) else path


class Entry(NamedTuple):
    """A file, and what tells that it changed: None where the filesystem does not know."""

    is_folder: bool
    size: int | None
    key: str | None


def _entry(info: dict[str, Any]) -> Entry:
    # fs.ukey() does not serve: of a web page it is the URL, of a local file it changes with the number of links.
    tags = ("ETag", "etag", "md5Hash", "generation")
    times = ("mtime", "LastModified", "Last-Modified", "last_modified", "updated", "modified", "created")
    key = next((str(info[name]).strip('"') for name in (*tags, *times) if info.get(name)), None)
    return Entry(info["type"] == "directory", info.get("size"), key)


class Place:
    """A file or folder of a filesystem, also of the local one. Errors have the URL, without secrets, as `where`."""

    def __init__(self, filesystem: Any, path: str, shown: str, url: str):
        self.fs = filesystem
        self.path = path.rstrip("/") or "/"
        self.shown = shown
        self._url = url
        self.protocols = {filesystem.protocol} if isinstance(filesystem.protocol, str) else set(filesystem.protocol)

    @property
    def is_web(self) -> bool:
        return not self.protocols.isdisjoint(("http", "https"))

    @property
    def name(self) -> str:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path) if self.is_web else self.path
        name = path.rstrip("/").rsplit("/", 1)[-1]
        if name in ("", ".", ".."):
            raise UsageError("expected the URL of a file or folder", where=self.shown)
        return name

    def child(self, name: str) -> Place:
        return Place(self.fs, f"{self.path}/{name}", f"{self.shown}/{name}", self._url)

    def parent(self) -> Place:
        return Place(self.fs, self.path.rsplit("/", 1)[0], self.shown.rsplit("/", 1)[0], self._url)

    def contains(self, other: Place) -> bool:
        return self.fs is other.fs and f"{other.path}/".startswith(f"{self.path}/")

    def call(self, function: Callable[..., T], *values: Any, **named: Any) -> T:
        """Calls fsspec. Its errors become weightlift's."""
        try:
            return function(*values, **named)
        except Exception as error:  # each filesystem has classes of its own
            cause = error.__cause__
            unreachable = isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)
            if isinstance(error, FileNotFoundError) and not unreachable:
                raise NotFoundError("no such file or folder", where=self.shown) from None
            told = cause if unreachable else error  # of a web server that does not answer, a file that is not found
            text = hide_secrets(str(told).strip(), self._url)
            raise IoError(f"{type(told).__name__}: {text}" if text else type(told).__name__, where=self.shown) from None

    def entry(self) -> Entry:
        self.call(self.fs.invalidate_cache)  # of listings
        return _entry(self.call(self.fs.info, self.path))

    def files_below(self) -> dict[str, Entry]:
        """All files below a folder by their paths in it; none where it does not exist."""
        self.call(self.fs.invalidate_cache)
        # Not ls(): for a folder that does not exist, s3fs then lists all others.
        found = self.call(self.fs.find, self.path, detail=True)
        return {path[len(self.path) + 1 :]: _entry(info) for path, info in found.items() if path != self.path}

    def entries(self) -> dict[str, Entry]:
        """The entries of a folder by name."""
        self.call(self.fs.invalidate_cache)
        infos = self.call(self.fs.ls, self.path, detail=True)
        paths = ((info["name"].rstrip("/"), info) for info in infos)
        # A store may list the folder itself, as an object without bytes.
        return {path.rsplit("/", 1)[-1]: _entry(info) for path, info in paths if path != self.path}

    def read(self) -> bytes:
        data: bytes = self.call(self.fs.cat_file, self.path)
        return data

    def fetch(self, to: str, entry: Entry, events: Events) -> str:
        """Copies the file to a local path. Returns its SHA-256."""
        sha256, done = hashlib.sha256(), 0
        events("step", f"download {self.name}", entry.size or 0)
        with self.call(self.fs.open, self.path, "rb") as source, new_file(to) as write:
            while chunk := self.call(source.read, _CHUNK_BYTES):
                write(chunk)
                sha256.update(chunk)
                done += len(chunk)
                events("advance", done)
        if entry.size is not None and done != entry.size:
            raise IoError(f"expected {entry.size} bytes, got {done}", where=self.shown)
        return sha256.hexdigest()

    def put(self, file: str, events: Events) -> None:
        size = os.path.getsize(file)
        events("step", f"upload {self.name}", size)
        self.call(self.fs.put_file, file, self.path)  # an open file of fsspec would store half of it after an error
        events("advance", size)

    def make_folder(self) -> None:
        if self.protocols.isdisjoint(_FLAT):
            self.call(self.fs.makedirs, self.path, exist_ok=True)

    def remove(self) -> None:
        with contextlib.suppress(NotFoundError):
            self.call(self.fs.rm_file, self.path)


def open_place(text: str) -> Place:
    """The place of a URL, or of a local path."""
    shown = show(text).rstrip("/")
    try:
        fsspec = importlib.import_module("fsspec")
    except ImportError:
        raise UsageError("fsspec is not installed; pip install 'weightlift[fsspec]'", where=shown) from None
    if not is_url(text):
        return Place(fsspec.filesystem("file"), os.path.abspath(text), shown, "")
    try:
        filesystem, path = fsspec.core.url_to_fs(text)
    except (ImportError, ValueError) as error:  # such as "Install s3fs to access S3"
        raise UsageError(hide_secrets(str(error), text), where=shown) from None
    return Place(filesystem, path, shown, text)


@contextlib.contextmanager
def new_file(path: str) -> Iterator[Callable[[bytes], None]]:
    """A function that writes into a new local file."""

    def write(data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            raise IoError(f"cannot write: {error.strerror}", where=os.path.dirname(path)) from None

    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = open(path, "xb", buffering=0)
    except OSError as error:
        raise IoError(f"cannot write: {error.strerror}", where=path) from None
    with file:
        yield write


def sha256_of(path: str) -> str:
    sha256 = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                sha256.update(chunk)
    except OSError as error:
        raise IoError(f"cannot read: {error.strerror}", where=path) from None
    return sha256.hexdigest()
