"""What a fake server is given and what it answers, the same in process and over a port."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 32 * 1024 * 1024
_WITHOUT_BODY = frozenset({204, 304})
_GZIP = 31  # zlib's number for the format with header and checksum


@define(frozen=True)
class Request:
    """One request as it came.

    :ivar target: path and query, still quoted.
    :ivar headers: by their names in lower case; what came several times is joined by commas.
    :ivar body: the bytes that were sent, still compressed when they were.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """Return the path, unquoted."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """Return what stands behind the question mark; of a name given twice the last."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def content(self) -> bytes:
        """Return the body unpacked; raises `Refusal` when that is not possible."""
        match self.headers.get("content-encoding", "identity").strip().lower():
            case "identity":
                return self.body
            case "gzip":
                return _unzipped(self.body)
            case other:
                raise Refusal(415, f"no content-encoding {other} is taken here")

    def json(self) -> Any:
        """Return the JSON value in the body; raises `Refusal` when there is none."""
        return read_json(self.content())

    def __str__(self) -> str:
        return f"{self.method} {self.target} ({len(self.body)} bytes)"


@define(frozen=True)
class Response:
    """What is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""

    def body_for(self, request: Request) -> bytes:
        """Return what is sent after the headers: nothing where HTTP allows nothing."""
        return b"" if request.method == "HEAD" or self.status in _WITHOUT_BODY else self.body

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Self:
        """Return an answer in JSON; underscores in the names of headers become hyphens."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, {"content-type": "application/json", **named}, body)


class Refusal(Exception):  # noqa: N818 - it is an answer, no error
    """Raised by the checks of a protocol: the answer is a status and why."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.response = Response.json({"ok": False, "error": why}, status, **headers)

    def saying(self, words: Response) -> Response:
        """Return this refusal in other words: their body and headers, besides those it has."""
        return Response(words.status, {**self.response.headers, **words.headers}, words.body)


def read_json(text: bytes) -> Any:
    """Return the value that a text is in JSON, strictly; raises `Refusal` for anything else."""
    try:
        return json.loads(text.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"this is no JSON: {error}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _unzipped(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(body, LARGEST_BODY)
    except zlib.error as error:
        raise Refusal(400, f"this is no gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise Refusal(413, f"unpacked it is larger than {LARGEST_BODY} bytes")
    if not unpacker.eof:
        raise Refusal(400, "this is no gzip: it ends too early")
    return content
