"""Object storage: conversions with URLs among their inputs, or with a URL as output."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import _arguments as arguments
from . import _core
from ._errors import Error, ExistsError, FormatError, IoError, NotFoundError, UsageError
from ._places import Entry, Place, is_url, open_place, sha256_of, show
from ._progress import Events
from ._results import ConversionResult, parse

_CONFIG = "config.json"
_PROCESSOR = "preprocessor_config.json"
_CARD = "README.md"
_RECORD = ".weightlift.json"
_RECORD_SCHEMA = "weightlift-storage/1"
# The native module looks for weights in this order, then takes the only file with one of the endings.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
            "pytorch_model.pth", "model.pth")  # fmt: skip
_ENDINGS = (".pth.tar", ".safetensors", ".pth", ".pt", ".bin", ".ckpt")
# What weightlift writes into a folder. It removes nothing else.
_OURS = {_CONFIG, _PROCESSOR, _CARD, _RECORD, "model.safetensors", "pytorch_model.bin", "model.pth"}
# Options that do not change the new folder.
_WITHOUT_EFFECT = ("force", "if_changed", "checksum", "threads", "fsync", "dry_run")


def _content_of(path: str) -> str | list[str]:
    """The hashes of an argument that names a file or a folder; another argument itself."""
    if os.path.isdir(path):
        files = (os.path.join(path, name) for name in (_PROCESSOR, _CONFIG))
        return [sha256_of(file) for file in files if os.path.isfile(file)]
    return sha256_of(path) if os.path.isfile(path) else path


def _strip_ending(name: str) -> str:
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _shard_names(index: Place) -> list[str]:
    """The files that an index names. The native module checks the index."""
    try:
        named = set(json.loads(index.read())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return sorted(name for name in named if isinstance(name, str) and "/" not in name and not name.startswith("."))


class _Source:
    """The files of a source that a conversion reads."""

    def __init__(self, place: Place):
        self.place = place
        self.sha256: dict[str, str] = {}
        entry = place.entry()
        self.is_folder = entry.is_folder and not place.is_web
        self.last_part = place.name if self.is_folder else _strip_ending(place.name)
        self._others: list[str] = []
        if self.is_folder:
            self._files = self._choose(place.entries())
        else:
            self._files = {place.name: (place, entry)}
            for name in _shard_names(place) if place.name.endswith(".index.json") else ():
                shard = place.parent().child(name)
                with contextlib.suppress(NotFoundError):  # the native module reports it
                    self._files[name] = (shard, shard.entry())

    def _choose(self, found: dict[str, Entry]) -> dict[str, tuple[Place, Entry]]:
        weights = [name for name in _WEIGHTS if name in found][:1]
        if not weights:
            weights = [name for name, entry in found.items() if name.endswith(_ENDINGS) and not entry.is_folder]
        if len(weights) != 1:
            # The native module says what is wrong. It needs only the names for that.
            self._others = [name for name, entry in found.items() if not entry.is_folder]
            weights = []
        if weights and weights[0].endswith(".index.json"):
            weights += _shard_names(self.place.child(weights[0]))
        kept = [name for name in (*weights, _CONFIG, _PROCESSOR, _CARD) if name in found]
        return {name: (self.place.child(name), found[name]) for name in kept}

    def facts(self) -> list[dict[str, Any]]:
        """What tells whether the source changed."""
        files = sorted(self._files.items())
        return [{"name": name, "size": entry.size, "key": entry.key} for name, (_, entry) in files]

    def fetch(self, room: str, events: Events) -> str:
        """Copies the files. Returns the local source, which has the name of the remote one."""
        folder = os.path.join(room, self.place.name) if self.is_folder else room
        os.makedirs(folder, exist_ok=True)
        for name, (place, entry) in self._files.items():
            self.sha256[name] = place.fetch(os.path.join(folder, name), entry, events)
        if _Source(self.place).facts() != self.facts():
            raise FormatError("the source changed while weightlift read it", where=self.place.shown)
        for name in set(self._others) - set(self._files):
            open(os.path.join(folder, name), "xb").close()
        return folder if self.is_folder else os.path.join(folder, self.place.name)

    def hash(self) -> None:
        """Computes sha256 of local files, which need no copy."""
        self.sha256 = {name: sha256_of(place.path) for name, (place, _) in self._files.items()}


class _Record(NamedTuple):
    """What an earlier run noted in the folder that it made."""

    options: str
    source: list[dict[str, Any]]
    objects: dict[str, int]

    @staticmethod
    def parse(text: bytes) -> _Record | None:
        """None for another text, such as the record of a conversion without URLs."""
        try:
            members = json.loads(text)["storage"]
            if members["schema"] != _RECORD_SCHEMA:
                return None
            record = _Record(*(members[name] for name in _Record._fields))
            dict(record.objects), [dict(fact) for fact in record.source]
            return record
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def members(self) -> dict[str, Any]:
        return {"schema": _RECORD_SCHEMA, **self._asdict()}

    def find_loss(self, found: dict[str, Entry]) -> str:
        """Why the folder is not the one that was recorded; empty: it is."""
        for name, size in self.objects.items():
            if name not in found:
                return f"{name} is missing"
            if found[name].size != size and name != _CARD:  # people edit cards
                return f"{name} has {found[name].size} bytes, written were {size}"
        return ""

    def has_facts(self, facts: list[dict[str, Any]]) -> bool:
        names = ("name", "size", "key")
        known, now = ([[fact.get(name) for name in names] for fact in side] for side in (self.source, facts))
        return bool(now) and known == now and all(fact["key"] is not None for fact in facts)

    def has_hashes(self, sha256: dict[str, str]) -> bool:
        return {fact["name"]: fact.get("sha256") for fact in self.source} == sha256


class _Conversion:
    """One conversion, with a scratch folder for what is remote."""

    def __init__(self, room: str, source: str, output: str, options: dict[str, Any], labels: str, events: Events):
        self._room = room
        self._given = source
        self._output = output
        self._options = options
        self._labels = labels
        self._events = events
        self._if_changed = bool(options.get("if_changed"))
        self._checksum = bool(options.get("checksum"))
        self._shown = {room: tempfile.gettempdir()}  # scratch paths, and what messages have instead
        self._to = str(options.get("to") or "transformers")
        self._remote = is_url(output)
        if output.startswith(("http://", "https://")):
            raise UsageError("weightlift cannot write to a web server", where=show(output))
        self._source = _Source(open_place(source)) if is_url(source) or os.path.exists(source) else None
        # Needed before a download, which it may save. It also refuses wrong options.
        self._name: str = json.loads(_core.folder_name(self._last_part(), arguments.options(**options), events))
        self._target = open_place(output).child(self._name)
        self._made = os.path.join(room, "out", self._name)
        self._found: dict[str, Entry] = {}
        self._facts: list[dict[str, Any]] = self._source.facts() if self._source else []

    def _last_part(self) -> str:
        if self._source:
            return self._source.last_part
        return self._given.removeprefix("hf-hub:").split("@")[0].rsplit("/", 1)[-1]

    def run(self) -> ConversionResult:
        began = time.monotonic()
        self._fetch_inputs()
        self._record = self._require_place()
        self._digest = self._digest_options()
        if not self._checksum and not self._find_change():
            return self._already(began)
        local = self._local_source()
        if self._checksum and not self._find_change():
            return self._already(began)
        failure = None
        try:
            result = self._convert(local)
        except Error as error:
            # A folder that could not be published is complete. The next run publishes it.
            if not isinstance(error.result, ConversionResult) or not os.path.isdir(self._made):
                raise
            failure, result, self._digest = error, error.result, ""
        if not self._facts:
            self._facts = self._facts_of(result)
            if failure is None and not self._find_change():
                return self._already(began)
        made = os.path.isdir(self._made)
        if self._if_changed and (made or result.status == "converted"):
            self._extend_record(self._made if made else self._target.path)
        if made:
            self._put()
        if failure is not None:
            raise failure
        return result

    # Inputs.

    def _fetch_inputs(self) -> None:
        """Replaces URLs among the options by local copies."""
        for field in ("id2label", "config", "image_processor", "image"):
            value = self._options.get(field)
            if isinstance(value, (list, tuple)):
                self._options[field] = [self._fetch_input(one) for one in value]
            elif is_url(value):
                self._options[field] = self._fetch_input(value)

    def _fetch_input(self, value: Any) -> Any:
        if not is_url(value):
            return value
        place = open_place(value)
        entry = place.entry()
        to = os.path.join(self._room, "inputs", str(len(self._shown)), place.name)
        self._shown[to] = place.shown
        if not entry.is_folder or place.is_web:
            place.fetch(to, entry, self._events)
            return to
        found = place.entries()
        for name in (_PROCESSOR, _CONFIG):
            if name in found:
                place.child(name).fetch(os.path.join(to, name), found[name], self._events)
        os.makedirs(to, exist_ok=True)
        return to

    def _local_source(self) -> str:
        if self._source is None:
            return self._given
        if not is_url(self._given):
            if self._if_changed:  # before the conversion: what changes meanwhile is a change for the next run
                self._source.hash()
            return self._given
        local = self._source.fetch(os.path.join(self._room, "source"), self._events)
        self._shown[local] = self._source.place.shown
        return local

    def _digest_options(self) -> str:
        options = {name: value for name, value in self._options.items() if name not in _WITHOUT_EFFECT}
        members: dict[str, Any] = json.loads(arguments.options(**options))
        for field in ("id2label", "config", "image_processor"):
            if field in members:
                members[field] = _content_of(members[field])
        members["image"] = [_content_of(image) for image in arguments.texts(members.get("image", ()), "images")]
        if self._labels:
            members["id2label"] = _content_of(self._labels)
        return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()

    # The place of the new folder.

    def _marks(self) -> set[str]:
        """Files that weightlift writes last: a remote folder with one of them is complete."""
        return {_CONFIG, "model.pth"} | ({"model.safetensors"} if self._to == "torchvision" else set())

    def _require_place(self) -> _Record | None:
        """Refuses a folder that may not be replaced. Returns the record of another."""
        self._found = self._target.files_below()
        marked = not self._marks().isdisjoint(self._found)
        self._exists = exists = marked if self._remote else os.path.lexists(self._target.path)
        if self._remote and self._found and not exists and _RECORD not in self._found:
            first = min(self._found)
            what = f"not a model folder (no config.json, but {first}), so weightlift does not replace it"
            raise ExistsError(what, where=self._target.shown)
        recorded = self._if_changed and _RECORD in self._found
        if exists and not recorded and not self._options.get("force"):
            what = "already exists, and has no record of its source" if self._if_changed else "already exists"
            raise ExistsError(f"{what}; use force=True to replace it", where=self._target.shown, hints=["replace"])
        return _Record.parse(self._target.child(_RECORD).read()) if exists and recorded else None

    def _find_change(self) -> str:
        """Why the source is converted, where the folder has a record; empty: it is up to date."""
        record = self._record
        if record is None:
            return "its record cannot be read" if self._exists else "an earlier run did not finish"
        if loss := record.find_loss(self._found):
            return loss
        if record.options != self._digest:
            return "the options differ" if record.options else "an earlier run did not publish it"
        by_content = self._checksum and self._source
        same = record.has_hashes(self._source.sha256) if self._source and by_content else record.has_facts(self._facts)
        return "" if same else "the source changed"

    def _already(self, began: float) -> ConversionResult:
        options = self._rename(json.loads(arguments.options(**self._options)))
        return ConversionResult({
            "schema": "weightlift/1", "type": "convert", "source": show(self._given), "status": "already",
            "options": options, "folder": self._target.shown,
            "notes": [self._note("up-to-date", "up to date; nothing to do")], "seconds": time.monotonic() - began,
        })  # fmt: skip

    # The conversion.

    def _convert(self, local: str) -> ConversionResult:
        output = self._output
        if self._remote:
            output = os.path.join(self._room, "out")
            self._shown |= {output: show(self._output).rstrip("/"), self._made: self._target.shown}

        def relay(kind: str, first: Any, second: Any = None) -> None:
            self._events(kind, first, self._rename(second))

        try:
            text = _core.convert(local, output, arguments.options(**self._options), self._labels, relay)
        except Error as error:
            raise type(error)(self._rename(error.message), where=self._rename(error.where), hints=error.hints,
                              http_status=error.http_status, request_id=error.request_id) from None  # fmt: skip
        members = json.loads(text)
        if members["status"] == "converted" and os.path.basename(members["folder"]) != self._name:
            raise UsageError("weightlift cannot know the folder's name before the conversion; give name=", where="name")
        members = self._rename(members) | {"source": show(self._given)}
        if self._remote and self._if_changed and _RECORD in self._found:
            reason = self._find_change()
            note = self._note("converted-again", f"converting again: {reason}", reason=reason)
            self._events("note", note["severity"], f"{note['where']}: {note['message']}")
            members["notes"] = [note, *members.get("notes", [])]
        return parse(ConversionResult, json.dumps(members))

    def _note(self, code: str, message: str, **parameters: str) -> dict[str, Any]:
        where = self._target.shown
        return {"code": code, "severity": "note", "where": where, "message": message, "parameters": parameters}

    def _rename(self, value: Any) -> Any:
        """The value with URLs for scratch paths."""
        if isinstance(value, str):
            for path in sorted(self._shown, key=len, reverse=True):
                value = value.replace(path, self._shown[path])
        elif isinstance(value, dict):
            return {name: self._rename(member) for name, member in value.items()}
        elif isinstance(value, list):
            return [self._rename(item) for item in value]
        return value

    # What follows it.

    def _facts_of(self, result: ConversionResult) -> list[dict[str, Any]]:
        """The facts of a source that only the conversion opened, such as a repository."""
        repository = result.get("source_repository") or {}
        if not result.source_sha256:
            return []
        return [{"name": result.file, "size": result.bytes_read, "key": repository.get("commit", ""),
                 "sha256": result.source_sha256}]  # fmt: skip

    def _extend_record(self, folder: str) -> None:
        """Adds to the native module's record of the new folder."""
        sha256 = self._source.sha256 if self._source else {}
        source = [{"sha256": sha256.get(fact["name"]), **fact} for fact in self._facts]
        names = sorted(set(os.listdir(folder)) - {_RECORD})
        objects = {name: os.path.getsize(os.path.join(folder, name)) for name in names}
        path = os.path.join(folder, _RECORD)
        try:
            with open(path, "rb") as file:
                record = json.load(file) | {"storage": _Record(self._digest, source, objects).members()}
            with open(f"{path}.new", "w", encoding="utf-8") as new:
                json.dump(record, new, indent=1)
            os.replace(new.name, path)
        except OSError as error:
            raise IoError(f"cannot write: {error.strerror}", where=path) from None

    def _put(self) -> None:
        """Copies the new folder to its URL. A reader who waits for the mark finds all other files."""
        if self._source and self._target.contains(self._source.place):
            raise ExistsError(f"contains the source, {self._source.place.shown}", where=self._target.shown)
        names = sorted(os.listdir(self._made))
        mark = _CONFIG if _CONFIG in names else next(name for name in names if name.endswith(_ENDINGS))
        names.remove(mark)
        self._require_place()  # another run may have made the folder
        self._target.make_folder()
        # Until the mark is there, the record says that these files are ours, and what they are not yet.
        unfinished = os.path.join(self._room, "unfinished", _RECORD)
        os.mkdir(os.path.dirname(unfinished))
        with open(unfinished, "w", encoding="utf-8") as file:
            json.dump({"storage": {"schema": _RECORD_SCHEMA, "unfinished": True}}, file)
        self._target.child(_RECORD).put(unfinished, self._events)
        marks = self._marks() | {mark}
        for name in [*sorted(marks), *sorted(_OURS - marks - {*names, _RECORD})]:
            if name in self._found:
                self._target.child(name).remove()
        recorded = _RECORD in names
        if recorded:
            names.remove(_RECORD)
        for name in [*names, *[_RECORD] * recorded, mark]:
            self._target.child(name).put(os.path.join(self._made, name), self._events)
        if not recorded:
            self._target.child(_RECORD).remove()


def _boot() -> str:
    """The same text for all processes of this machine, containers too, until it starts again."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().replace("-", "").strip()
    except OSError:
        return "unknown"


@contextlib.contextmanager
def _scratch_folder() -> Iterator[str]:
    """A temporary folder. Removes those of killed processes, which nothing locks.

    TMPDIR may be shared by machines whose locks do not see each other: each looks at its own folders only.
    """
    prefix = f"weightlift-{_boot()[:12]}-"
    for folder in glob.glob(glob.escape(os.path.join(tempfile.gettempdir(), prefix)) + "*"):
        with contextlib.suppress(OSError), open(os.path.join(folder, ".lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    try:
        room = tempfile.TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise IoError(f"cannot make a temporary folder: {error.strerror}", where=tempfile.gettempdir()) from None
    with room as path, open(os.path.join(path, ".new"), "xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.rename(lock.name, os.path.join(path, ".lock"))  # others never see it unlocked
        yield path


def convert(source: str, output: str, options: dict[str, Any], labels: str, events: Events) -> ConversionResult:
    """Converts where one of the arguments is a URL. `options` and `labels` are those of the native module."""
    with _scratch_folder() as room:
        return _Conversion(room, source, output, options, labels, events).run()
