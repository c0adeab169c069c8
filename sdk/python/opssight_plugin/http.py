"""Outbound HTTP. Requests go through the host's egress gate: only what the manifest's egress rules allow leaves, and the
host attaches the credential of the matching rule after the request has left the sandbox. So a plugin sends plain
requests and never holds a token. Nothing follows redirects; a 3xx is an answer like any other."""

from __future__ import annotations

import json as _json
import re
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from urllib.parse import urlencode

from componentize_py_types import Err, Ok
from wit_world.imports import xasi_http_outgoing_handler_0_2_12 as _handler
from wit_world.imports import xasi_http_types_0_2_12 as _wasi
from wit_world.imports import xasi_io_streams_0_2_12 as _streams

from .failure import fail

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

_READ = 64 << 10
_WRITE = 4 << 10
_METHODS = {
    "GET": _wasi.Method_Get,
    "HEAD": _wasi.Method_Head,
    "POST": _wasi.Method_Post,
    "PUT": _wasi.Method_Put,
    "PATCH": _wasi.Method_Patch,
    "DELETE": _wasi.Method_Delete,
}


@dataclass
class Response:
    """An answer, read to its end. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def retry_after_ms(self, otherwise: int = 60_000) -> int:
        """How long `Retry-After` asks for, in milliseconds; `otherwise` if it is missing or no number of seconds."""
        text = self.headers.get("retry-after", "").strip()
        return int(text) * 1000 if text.isascii() and text.isdigit() and len(text) < 10 else otherwise

    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body, parsed. A body of another shape is the upstream's failure."""
        try:
            return _json.loads(self.body)
        except ValueError as error:
            fail("upstream", "http.bad-answer", f"the upstream's answer is not what it documents: {error}")


def request(
    method: Method,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: str | bytes | None = None,
    json: Any = None,
    timeout_ms: int = 15_000,
    max_body: int = 8 << 20,
) -> Response:
    """Send a request and wait for the whole answer. Whatever status the upstream gives is an answer; a failure means
    that there was none: the host refused (class "config") or the upstream could not be reached ("upstream").

    `timeout_ms` is to the first byte of the answer, and between two pieces of it."""
    what = f"{method} " + re.sub(r"[?#].*", "", re.sub(r"^[a-z]+://", "", url), flags=re.S)
    scheme, authority, path = _parts(url)
    names = dict(headers or {})
    data = body.encode() if isinstance(body, str) else body
    if json is not None:
        data = _json.dumps(json).encode()
        names.setdefault("content-type", "application/json")
    fields = _wasi.Fields.from_list([(name, value.encode()) for name, value in names.items()])
    outgoing = _wasi.OutgoingRequest(fields)
    outgoing.set_method(_METHODS[method]())
    outgoing.set_scheme(scheme)
    outgoing.set_authority(authority)
    outgoing.set_path_with_query(path)
    sending = None if data is None else outgoing.body()
    try:
        pending = _handler.handle(outgoing, _options(timeout_ms))
    except Err as error:
        _no_answer(what, error.value)
    if sending is not None and data is not None:
        _write(sending, data)
    with pending:
        got = pending.get()
        while got is None:
            with pending.subscribe() as pollable:
                pollable.block()
            got = pending.get()
    if isinstance(got, Err):
        _broken(what)
    if isinstance(got.value, Err):
        _no_answer(what, got.value.value)
    return _read(what, got.value.value if isinstance(got.value, Ok) else got.value, max_body)


def get(url: str, **more: Any) -> Response:
    return request("GET", url, **more)


def post(url: str, **more: Any) -> Response:
    return request("POST", url, **more)


def query(**values: str | int | None) -> str:
    """A query string of what is not None: `query(page=2, all=None)` is "page=2"."""
    return urlencode({name: value for name, value in values.items() if value is not None})


def _parts(url: str) -> tuple[Any, str, str]:
    match = re.match(r"(https?)://([^/?#]+)([^#]*)", url)
    if not match:
        fail("config", "http.bad-url", f'"{url}" is not an http or https URL')
    scheme = _wasi.Scheme_Https() if match[1] == "https" else _wasi.Scheme_Http()
    return scheme, match[2], match[3] if match[3].startswith("/") else f"/{match[3]}"


def _options(timeout_ms: int) -> Any:
    options = _wasi.RequestOptions()
    nanos = timeout_ms * 1_000_000
    options.set_connect_timeout(nanos)
    options.set_first_byte_timeout(nanos)
    options.set_between_bytes_timeout(nanos)
    return options


def _write(body: Any, data: bytes) -> None:
    try:
        with body.write() as stream:
            for start in range(0, len(data), _WRITE):
                stream.blocking_write_and_flush(data[start : start + _WRITE])
        _wasi.OutgoingBody.finish(body, None)
    except Err:
        # The host has given up on the request; why is in the answer.
        pass


def _read(what: str, incoming: Any, max_body: int) -> Response:
    pieces: list[bytes] = []
    length = 0
    with incoming:
        status = incoming.status()
        with incoming.headers() as fields:
            headers: dict[str, str] = {}
            for name, value in fields.entries():
                text = value.decode(errors="replace")
                # A header that comes twice says both.
                headers[name.lower()] = f"{headers[name.lower()]}, {text}" if name.lower() in headers else text
        with incoming.consume() as body, body.stream() as stream:
            try:
                while True:
                    piece = stream.blocking_read(_READ)
                    length += len(piece)
                    if length > max_body:
                        message = f"{what}: the answer has more than {max_body} bytes"
                        fail("upstream", "http.answer-too-large", message)
                    pieces.append(piece)
            except Err as error:
                if isinstance(error.value, _streams.StreamError_LastOperationFailed):
                    code = _wasi.http_error_code(error.value.value)
                    if code is None:
                        _broken(what)
                    _no_answer(what, code)
    return Response(status, headers, b"".join(pieces))


def _broken(what: str) -> NoReturn:
    fail("upstream", "http.broken", f"{what}: the exchange broke off")


def _no_answer(what: str, code: Any) -> NoReturn:
    """What the host or the network said, in the contract's classes."""
    name = type(code).__name__.removeprefix("ErrorCode_")
    match name:
        case "HttpRequestDenied":
            message = "the host refused the request; the address must match the plugin's egress rules and what the connection is granted"
            fail("config", "http.denied", f"{what}: {message}")
        case "DestinationIpProhibited":
            message = "the name resolves to an address that is not public; an administrator can grant the network to this connection"
            fail("config", "http.address-prohibited", f"{what}: {message}")
        case "HttpRequestUriInvalid" | "HttpRequestMethodInvalid" | "HttpRequestUriTooLong":
            fail("config", "http.bad-url", f"{what}: the host cannot send this request: {name}")
        case (
            "DnsTimeout"
            | "ConnectionTimeout"
            | "ConnectionReadTimeout"
            | "ConnectionWriteTimeout"
            | "HttpResponseTimeout"
        ):
            fail("upstream", "http.timeout", f"{what}: no answer in time ({name})")
        case "HttpResponseBodySize":
            fail("upstream", "http.answer-too-large", f"{what}: the answer is longer than the host lets in")
        case _:
            fail("upstream", "http.unreachable", f"{what}: {name}")
