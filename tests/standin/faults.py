"""What a server may do instead of answering: the faults that can be asked for, each a function on a handler.

A `Fault` strikes requests whose path and query hold `where`, `times` times (None: always), after letting
`skip` pass.
"""

import io
import json
import socket
import struct
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

PAGE = b"<!DOCTYPE html>\n<html><head><title>Service &amp; maintenance</title></head><body>later</body></html>\n"


@dataclass
class Fault:
    """One fault: its `kind` (a key of KINDS), where and how often it strikes, and its options."""

    kind: str
    where: str = ""
    times: int | None = 1
    skip: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def strikes(self, path: str) -> bool:
        """Return whether this request is struck, and count it."""
        if self.where not in path or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    kind: str = "text/plain; charset=utf-8",
    headers: dict[str, str] | None = None,
) -> None:
    """Send a whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.close_connection = True


def _reset(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    # With a linger time of zero, close() sends RST.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _reset_within(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    _head(handler, len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    _reset(handler, body)


def _head(handler: BaseHTTPRequestHandler, length: int | None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/zip")
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.close_connection = True


def _truncate(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    _head(handler, len(body))
    handler.wfile.write(body[: len(body) // 2])


def _cut_unannounced(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    _head(handler, None)
    handler.wfile.write(body[: len(body) // 2])


def _wrong_length(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    _head(handler, len(body) + 1000)
    handler.wfile.write(body)


def _cut_chunked(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    half = body[: len(body) // 2]
    handler.wfile.write(f"{len(half):x}\r\n".encode() + half + b"\r\n")
    handler.close_connection = True


def _slow(handler: BaseHTTPRequestHandler, body: bytes, seconds: float = 0.02) -> None:
    _head(handler, len(body))
    try:
        for byte in body:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(seconds)
    except OSError:
        pass  # the client has had enough


def _stall(handler: BaseHTTPRequestHandler, body: bytes, event: Any) -> None:
    event.wait(60)  # the test sets it when the client has given up
    handler.close_connection = True


def _status(
    handler: BaseHTTPRequestHandler, body: bytes, status: int = 500, text: str = "Internal Server Error",
    detail: Any = None, retry_after: str | None = None,
) -> None:  # fmt: skip
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    if detail is not None:
        send(handler, status, json.dumps({"detail": detail}).encode(), "application/json", headers)
    else:
        send(handler, status, text.encode(), headers=headers)


def _html(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, 200, PAGE, "text/html")


def _empty(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, 200, b"", "application/zip")


def _redirect(handler: BaseHTTPRequestHandler, body: bytes, to: str = "http://127.0.0.1:9/elsewhere") -> None:
    send(handler, 302, b"", headers={"Location": to})


def _body(handler: BaseHTTPRequestHandler, body: bytes, content: bytes = b"not a zip at all") -> None:
    send(handler, 200, content, "application/zip")


def _rezip(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[..., None]:
    """Return a fault that sends the zip that was to be sent with its members changed."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes, **options: Any) -> None:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in change(members, **options).items():
                archive.writestr(name, content)
        send(handler, 200, packed.getvalue(), "application/zip")

    return fault


def _only_metadata(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in members.items() if name == "metadata.json"}


def _missing_member(members: dict[str, bytes]) -> dict[str, bytes]:
    last = max(name for name in members if name.endswith(".tif"))
    return {name: content for name, content in members.items() if name != last}


def _cut_tif(members: dict[str, bytes]) -> dict[str, bytes]:
    return {
        name: content[: len(content) * 2 // 3] if name.endswith(".tif") else content
        for name, content in members.items()
    }


def _unreadable_tif(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name: b"this is no raster" if name.endswith(".tif") else content for name, content in members.items()}


def _all_nodata(members: dict[str, bytes]) -> dict[str, bytes]:
    import numpy as np
    from rasterio.io import MemoryFile

    changed = dict(members)
    for name, content in members.items():
        if name.endswith(".tif"):
            with MemoryFile(content) as memory:
                with memory.open() as dataset:
                    profile = dataset.profile
                with MemoryFile() as out:
                    with out.open(**profile) as dataset:
                        dataset.write(np.full(dataset.shape, dataset.nodata, dtype="float32"), 1)
                    changed[name] = bytes(out.read())
    return changed


def _shifted_tif(members: dict[str, bytes]) -> dict[str, bytes]:
    """Move the last raster east by half a cell."""
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    last = max(name for name in members if name.endswith(".tif"))
    with MemoryFile(members[last]) as memory, memory.open() as dataset:
        profile, field = dataset.profile, dataset.read(1)
    a, b, c, d, e, f = tuple(profile["transform"])[:6]
    profile["transform"] = Affine(a, b, c + a / 2, d, e, f)
    with MemoryFile() as out:
        with out.open(**profile) as dataset:
            dataset.write(field, 1)
        return {**members, last: bytes(out.read())}


def _scrambled_tif(members: dict[str, bytes]) -> dict[str, bytes]:
    """Put every raster on a grid of half as large cells, of which three quarters hold nothing."""
    import numpy as np
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    changed = dict(members)
    for name in members:
        if name.endswith(".tif"):
            with MemoryFile(members[name]) as memory, memory.open() as dataset:
                profile, field = dataset.profile, dataset.read(1)
            a, b, c, d, e, f = tuple(profile["transform"])[:6]
            joined = np.full([2 * n for n in field.shape], profile["nodata"], field.dtype)
            joined[::2, ::2] = field[::-1]
            transform = Affine(a / 2, b, c, d, -e / 2, f + e * field.shape[0])
            profile.update(transform=transform, height=joined.shape[0], width=joined.shape[1])
            with MemoryFile() as out:
                with out.open(**profile) as dataset:
                    dataset.write(joined, 1)
                changed[name] = bytes(out.read())
    return changed


def _extra_member(members: dict[str, bytes], name: str = "../outside.tif") -> dict[str, bytes]:
    return {**members, name: b"x"}


KINDS: dict[str, Callable[..., None]] = {
    "hang_up": _hang_up,
    "reset": _reset,
    "reset_within": _reset_within,
    "truncate": _truncate,
    "cut_unannounced": _cut_unannounced,
    "cut_chunked": _cut_chunked,
    "wrong_length": _wrong_length,
    "slow": _slow,
    "stall": _stall,
    "status": _status,
    "html": _html,
    "empty": _empty,
    "redirect": _redirect,
    "body": _body,
    "only_metadata": _rezip(_only_metadata),
    "missing_member": _rezip(_missing_member),
    "cut_tif": _rezip(_cut_tif),
    "unreadable_tif": _rezip(_unreadable_tif),
    "all_nodata": _rezip(_all_nodata),
    "shifted_tif": _rezip(_shifted_tif),
    "scrambled_tif": _rezip(_scrambled_tif),
    "extra_member": _rezip(_extra_member),
}

# Those that strike before the server has worked out an answer.
ANSWERLESS = {"hang_up", "reset", "stall", "status", "html", "empty", "redirect", "body"}
