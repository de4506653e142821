"""The stand-in Hub's data: objects as files named by their sha256, repositories in memory."""

import dataclasses
import datetime
import hashlib
import itertools
import json
import os
import pathlib
import threading
from typing import Dict, Iterable, List, Optional

PIECE = 1 << 20
LFS_SUFFIXES = (
    ".7z .arrow .bin .bz2 .ckpt .ftz .gz .h5 .joblib .mlmodel .model .msgpack .npy .npz .onnx .ot "
    ".parquet .pb .pickle .pkl .pt .pth .rar .safetensors .tar .tflite .tgz .wasm .xz .zip .zst"
).split()
LFS_OVER_BYTES = 5_000_000
GITATTRIBUTES = "".join(f"*{s} filter=lfs diff=lfs merge=lfs -text\n" for s in LFS_SUFFIXES)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    sha256: str
    size: int
    git_sha1: str  # of the content; for LFS files, of the pointer
    lfs: bool

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_sha1

    @property
    def pointer(self) -> str:
        return (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{self.sha256}\nsize {self.size}\n"
        )


@dataclasses.dataclass(frozen=True)
class Commit:
    oid: str
    parent: Optional["Commit"]
    title: str
    description: str
    author: str
    date: str
    files: Dict[str, Entry]


def now() -> str:
    time = datetime.datetime.now(datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Objects:
    """Files by their sha256 under one folder. A file gets its name when it is complete."""

    def __init__(self, root: pathlib.Path):
        self.folder = root / "objects"
        self.incoming = root / "incoming"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.incoming.mkdir(exist_ok=True)
        self.serial = itertools.count()

    def path(self, sha256: str) -> pathlib.Path:
        return self.folder / sha256

    def size(self, sha256: str) -> Optional[int]:
        try:
            return self.path(sha256).stat().st_size
        except OSError:
            return None

    def add(self, pieces: Iterable[bytes], size: int, lfs: bool, expected="") -> Entry:
        """Streams to disk. Raises ValueError if size or `expected` sha256 differ."""
        temporary = self.incoming / f"{os.getpid()}-{next(self.serial)}"
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
        try:
            got = 0
            with open(temporary, "wb") as out:
                for piece in pieces:
                    out.write(piece)
                    sha256.update(piece)
                    if not lfs:
                        sha1.update(piece)
                    got += len(piece)
            if got != size or (expected and sha256.hexdigest() != expected):
                told = f"{sha256.hexdigest()}, {got} bytes"
                raise ValueError(f"expected {expected}, {size} bytes, got {told}")
            os.replace(temporary, self.path(sha256.hexdigest()))
        finally:
            temporary.unlink(missing_ok=True)
        if lfs:
            return lfs_entry(sha256.hexdigest(), size)
        return Entry(sha256.hexdigest(), size, sha1.hexdigest(), False)

    def add_bytes(self, content: bytes) -> Entry:
        return self.add([content], len(content), lfs=False)

    def add_file(self, path: pathlib.Path, lfs: bool) -> Entry:
        with open(path, "rb") as file:
            pieces = iter(lambda: file.read(PIECE), b"")
            return self.add(pieces, os.fstat(file.fileno()).st_size, lfs)


def lfs_entry(sha256: str, size: int) -> Entry:
    entry = Entry(sha256, size, "", True)
    return dataclasses.replace(entry, git_sha1=git_sha1(entry.pointer.encode()))


class Repo:
    def __init__(self, kind: str, repo_id: str, private: bool):
        self.kind, self.id, self.private = kind, repo_id, private
        self.gated = False
        self.lfs_suffixes: List[str] = list(LFS_SUFFIXES)
        self.refs: Dict[str, Commit] = {}  # "main", "refs/pr/1"
        self.tags: Dict[str, Commit] = {}
        self.commits: Dict[str, Commit] = {}
        self.created = now()
        self.lock = threading.Lock()

    @property
    def owner(self) -> str:
        return self.id.rpartition("/")[0]

    def is_lfs(self, path: str, size: int) -> bool:
        return size > 0 and (size > LFS_OVER_BYTES or path.endswith(tuple(self.lfs_suffixes)))

    def find(self, revision: str) -> Optional[Commit]:
        revision = {"HEAD": "main"}.get(revision, revision)
        if revision.startswith("refs/heads/"):
            revision = revision[len("refs/heads/") :]
        found = self.refs.get(revision) or self.tags.get(revision) or self.commits.get(revision)
        if found or not 7 <= len(revision) < 40:
            return found
        return next((c for oid, c in self.commits.items() if oid.startswith(revision)), None)

    def commit(self, ref: str, parent, files, title: str, description="", author="alice") -> Commit:
        date = now()
        about = [self.id, ref, len(self.commits), title, date, parent and parent.oid]
        oid = hashlib.sha1(json.dumps(about).encode()).hexdigest()
        made = Commit(oid, parent, title, description, author, date, dict(files))
        self.commits[oid] = self.refs[ref] = made
        return made

    def history(self, commit: Optional[Commit]) -> List[Commit]:
        line = []
        while commit:
            line.append(commit)
            commit = commit.parent
        return line

    def last_change(self, commit: Commit, path: str) -> Commit:
        while commit.parent and commit.parent.files.get(path) == commit.files.get(path):
            commit = commit.parent
        return commit


class Store:
    def __init__(self, root: pathlib.Path):
        self.objects = Objects(root)
        self.repos: Dict[tuple, Repo] = {}
        self.aliases: Dict[tuple, str] = {}  # old id -> new id

    def create(self, kind: str, repo_id: str, private: bool) -> Repo:
        repo = Repo(kind, repo_id, private)
        attributes = self.objects.add_bytes(GITATTRIBUTES.encode())
        repo.commit("main", None, {".gitattributes": attributes}, "initial commit")
        self.repos[kind, repo_id] = repo
        return repo

    def commit_folder(self, repo: Repo, folder: pathlib.Path) -> Commit:
        """Commits the folder's files as the content of main, with .gitattributes."""
        head = repo.refs["main"]
        files = {".gitattributes": head.files[".gitattributes"]}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            files[name] = self.objects.add_file(path, repo.is_lfs(name, path.stat().st_size))
        return repo.commit("main", head, files, "Add files")
