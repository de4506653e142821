"""The exceptions of weightlift: one class for each kind of error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._results import Result


class Error(Exception):
    """A failure, as facts.

    Attributes
    ----------
    kind : str
        What kind of failure it is: ``"not_found"``, ``"mismatch"``, ...
    where : str
        A file, a URL, a tensor or an argument; may be empty.
    message : str
        What is wrong and what to do, without the place.
    hints : list of str
        Codes of what to do: ``"replace"``, ``"choose-weights"``, ...
    http_status : int or None
        The status of the Hub's reply, where there was one.
    request_id : str or None
        The server's id of the request, for its support.
    result : Result or None
        What was found or made before the failure, as far as it is known: of a conversion that was
        verified and not published, its folder.
    """

    kind = "internal"

    def __init__(self, message: str, *, where: str = "", hints: list[str] | None = None,
                 http_status: int | None = None, request_id: str | None = None):
        super().__init__(f"{where}: {message}" if where and message else where or message)
        self.where = where
        self.message = message
        self.hints = hints or []
        self.http_status = http_status
        self.request_id = request_id
        self.result: Result | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Processes of multiprocessing and concurrent.futures send exceptions to each other.
        return _restore, (type(self), self.message, self.__dict__)


def _restore(cls: type[Error], message: str, state: dict[str, Any]) -> Error:
    error = cls(message, where=state["where"])
    error.__dict__.update(state)
    return error


class NotFoundError(Error, FileNotFoundError):
    """There is no such file, folder, tensor, name or repository."""

    kind = "not_found"


class ExistsError(Error, FileExistsError):
    """The place of a result is taken."""

    kind = "exists"


class FormatError(Error):
    """Bytes or texts do not follow their format, or a file changed while weightlift read it."""

    kind = "invalid_format"


class UnsupportedError(Error):
    """Valid, but weightlift does not support it."""

    kind = "unsupported"


class MismatchError(Error):
    """Two sides disagree: names, shapes, values of a verification, labels and classes."""

    kind = "mismatch"


class IoError(Error, OSError):
    """The system refused a call."""

    kind = "io"


class UsageError(Error, ValueError):
    """The arguments contradict each other, or have no meaning."""

    kind = "usage"


class NetworkError(Error):
    """The Hub did not answer, or answered with an error."""

    kind = "network"


class AuthError(Error):
    """The Hub wants a token, or another one."""

    kind = "auth"


class NoMemoryError(Error, MemoryError):
    """An allocation failed."""

    kind = "no_memory"


class Interrupted(Error):
    """Something other than Python asked the work to stop. Ctrl-C raises KeyboardInterrupt."""

    kind = "interrupted"


class InternalError(Error):
    """A fault of weightlift."""

    kind = "internal"


_CLASSES: dict[str, type[Error]] = {
    cls.kind: cls
    for cls in (NotFoundError, ExistsError, FormatError, UnsupportedError, MismatchError, IoError, UsageError,
                NetworkError, AuthError, NoMemoryError, Interrupted, InternalError)
}  # fmt: skip


def from_facts(facts: dict[str, Any]) -> Error:
    """The exception for an ``error`` of docs/json.md."""
    cls = _CLASSES.get(facts["kind"], Error)
    return cls(facts["message"], where=facts["where"], hints=facts.get("hints"),
               http_status=facts.get("http_status"), request_id=facts.get("request_id"))  # fmt: skip


def from_json(text: str) -> Error:
    """The same for its text. The native module calls it."""
    return from_facts(json.loads(text))
