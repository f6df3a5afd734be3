"""A malicious server: whatever it sends, each attempt ends with a file, or with one message, in bounded time."""

import contextlib
import gzip
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from zonalflow.common.errors import FetchError
from zonalflow.sources.archive import check_members
from zonalflow.sources.download import download, get_json
from zonalflow.sources.http import RetryPolicy
from zonalflow.sources.session import Watchdog

OK = b"HTTP/1.1 200 OK\r\n"
LONGEST = 20  # seconds after which the adversary itself gives up, so that a test of it fails and does not hang


class Adversary:
    """A server that sends the bytes that `answer` yields to each connection, until the client has had enough."""

    def __init__(self, answer):
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/file.zip"
        self.sent = 0
        self.gave_up = False

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection):
        end = time.monotonic() + LONGEST
        with contextlib.suppress(OSError), connection:
            connection.settimeout(LONGEST)
            connection.recv(65536)
            for part in self._answer(self.url):
                connection.sendall(part)
                self.sent += len(part)
                if time.monotonic() > end:
                    self.gave_up = True
                    return


def whole(*parts: bytes):
    """Return an answer that is sent at once."""
    return lambda url: [b"".join(parts).replace(b"URL", url.encode())]


def headers(*lines: bytes, body: bytes = b"x", status: bytes = OK):
    return whole(status, *(line + b"\r\n" for line in lines), b"\r\n", body)


def error(status: int, *lines: bytes, body: bytes = b""):
    return headers(b"Connection: close", *lines, body=body, status=b"HTTP/1.1 %d Oh\r\n" % status)


START = {
    "nothing": whole(),
    "a line feed": whole(b"\r\n\r\n"),
    "no HTTP": whole(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "bytes": whole(bytes(range(256)) * 20),
    "HTTP/9.9": whole(b"HTTP/9.9 200 OK\r\n\r\n"),
    "HTTP/0.9": whole(b"PK\x03\x04 a body without a head"),
    "a status of letters": whole(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a status of 5 digits": whole(b"HTTP/1.1 20000 OK\r\n\r\n"),
    "a status below 0": whole(b"HTTP/1.1 -20 OK\r\n\r\n"),
    "a status of 0": whole(b"HTTP/1.1 000 OK\r\n\r\n"),
    "a status of superscripts": whole("HTTP/1.1 ²⁰⁰ OK\r\n\r\n".encode()),
    "a status line of a megabyte": whole(b"HTTP/1.1 200 " + b"x" * (1 << 20) + b"\r\n\r\n"),
    "a reason with escapes": whole(b"HTTP/1.1 404 \x1b[31mred\x1b]0;title\x07\r\n\r\n"),
    "a header of a megabyte": headers(b"X: " + b"x" * (1 << 20)),
    "a thousand headers": headers(*(b"X-%d: 1" % number for number in range(1000))),
    "a header without a colon": headers(b"nonsense"),
    "a header with NUL": headers(b"X: a\x00b"),
    "folded headers": headers(b"X: a", b" b", b"\tc"),
    "101": error(101),
    "204": error(204),
    "206": error(206, b"Content-Range: bytes 0-0/*"),
    "304": error(304),
    "407": error(407, b"Proxy-Authenticate: Basic"),
    "401": error(401, b"WWW-Authenticate: Basic realm=\x1b[2J"),
    "599": error(599),
}
RETRY_AFTER = [
    "²",
    "1e999",
    "-5",
    "nan",
    "inf",
    "9" * 400,
    "0x10",
    "",
    " ",
    "3 days",
    "Wed, 99 Foo 2015 07:28:00 GMT",
    "٣",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2400",
    "Wed, 21 Oct 2015",
    "\x1b[31m",
    "Sun,",
    "1,2",
]
LENGTH = ["²", "9" * 5000, "-1", "1, 2", "1,1", "0x10", "1e3", "", "+5", "1_000", "٣", "9" * 17, "9" * 19, "nan"]
LOCATION = [
    "",
    "http://[::1",
    "http://127.0.0.1:999999/",
    "http://127.0.0.1:x/",
    "//elsewhere.invalid/x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "URL",
    "?again",
    "x" * 60000,
    "http://user:secret@127.0.0.1/x",
    "\x01",
    "http://127.0.0.1\\@elsewhere.invalid/",
    "///",
    "http:///x",
    "http://[fe80::1%25eth0]/",
    "\x1b[31m",
]
CHUNKS = [
    b"zz\r\nx\r\n",
    b"-1\r\nx\r\n",
    b"f" * 40 + b"\r\nx\r\n",
    b"1;ext=" + b"y" * 70000 + b"\r\nx\r\n0\r\n\r\n",
    b"5\r\nx",
    b"1\r\nxyz0\r\n\r\n",
    b"\r\n\r\n",
    b"0\r\n" + b"T: 1\r\n" * 5000 + b"\r\n",
    b"0x1\r\nx\r\n0\r\n\r\n",
    b"1" * 5000,
    b"1\r\nx\r\n",
    b" 1 \r\nx\r\n0\r\n\r\n",
    "²\r\nx\r\n".encode(),
]
BODIES = [
    b"[" * 100_000,
    b'{"detail": ' + b"[" * 3000,
    b'{"detail": null}',
    b'{"detail": NaN}',
    b'{"detail": {"a": "\x1b[2J"}}',
    b'{"detail": "\\u001b]0;owned\\u0007"}',
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"<title>" + b"\x1b[31m" * 9 + b"</title>",
    b"<title>&#27;[2J</title>",
    b"\x00" * 4096,
    b'{"detail": "http://user:secret@host/"}',
    b"9" * 5000,
    b'{"detail":' * 900,
]
ANSWERS = {
    **START,
    **{f"retry after {value[:20]!r}": error(503, b"Retry-After: " + value.encode()) for value in RETRY_AFTER},
    **{f"length {value[:20]!r} {len(value)}": headers(b"Content-Length: " + value.encode()) for value in LENGTH},
    **{f"to {value[:30]!r}": error(302, b"Location: " + value.encode()) for value in LOCATION},
    **{f"chunk {value[:12]!r}": headers(b"Transfer-Encoding: chunked", body=value) for value in CHUNKS},
    **{f"{status}: {body[:20]!r}": error(status, body=body) for body in BODIES for status in (400, 500)},
    "two lengths": headers(b"Content-Length: 1", b"Content-Length: 2"),
    "length and chunks": headers(b"Content-Length: 9", b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n0\r\n\r\n"),
    "an unknown encoding": headers(b"Transfer-Encoding: zip, chunked", body=b"1\r\nx\r\n0\r\n\r\n"),
    "a packed body": headers(b"Content-Encoding: gzip", body=gzip.compress(b"x")),
    "a body that is not packed": headers(b"Content-Encoding: gzip", body=b"x"),
    "a packed error": error(400, b"Content-Encoding: gzip", body=gzip.compress(b"x" * (64 << 20))),
    "an error packed five times": error(500, b"Content-Encoding: gzip, gzip, deflate, br, zstd", body=b"x" * 9999),
    "cookies": headers(*(b"Set-Cookie: a%d=" % number + b"x" * 4000 for number in range(90))),
}


def brief(seconds: float = 5.0) -> RetryPolicy:
    return RetryPolicy(connect=5, read=5, total=seconds, attempts=1)


def fetch(url, folder, policy):
    return download(url, folder / "file.zip", verify=check_members, policy=policy, max_bytes=1 << 20)


def test_the_docs_have_the_number_of_these_answers():
    page = (Path(__file__).parents[2] / "docs/faults.md").read_text(encoding="utf-8")
    assert f"({len(ANSWERS)} answers: " in page


@pytest.mark.parametrize("name", ANSWERS)
def test_a_malicious_answer_ends_in_one_message(name, tmp_path):
    with Adversary(ANSWERS[name]) as server:
        with pytest.raises(FetchError) as caught:
            fetch(server.url, tmp_path, brief())
        with pytest.raises(FetchError) as other:
            get_json(server.url, policy=brief())
        assert not server.gave_up
    for message in (str(caught.value), str(other.value)):
        assert len(message) < 1500
        assert "secret" not in message
        assert message.replace("\n", "").isprintable(), message
    assert {path.name for path in tmp_path.iterdir()} <= {"file.zip.rejected"}


def slow(before: bytes, part: bytes):
    """Return an answer of some bytes, and then without end of further ones, with pauses."""

    def answer(url) -> Iterator[bytes]:
        yield before
        while True:
            yield part
            time.sleep(0.02)

    return answer


def flood(before: bytes, part: bytes = b"x" * (1 << 16)):
    """Return an answer without end, as fast as it goes."""
    return lambda url: itertools.chain([before], itertools.repeat(part))


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW_ANSWERS = {
    "the status line": slow(b"HTTP/1.1 200 ", b"O"),
    "a header": slow(OK + b"X: ", b"x"),
    "many headers": slow(OK, b"X: 1\r\n"),
    "interim answers": slow(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of an interim answer": slow(b"HTTP/1.1 100 Continue\r\n", b"X: 1\r\n"),
    "interim answers as a flood": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "the body": slow(OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "the body without a length": slow(OK + b"\r\n", b"x"),
    "the size of a chunk": slow(CHUNKED, b"0"),
    "an extension of a chunk": slow(CHUNKED + b"1;", b"x"),
    "small chunks": slow(CHUNKED, b"1\r\nx\r\n"),
    "trailers": slow(CHUNKED + b"0\r\n", b"T: 1\r\n"),
    "an error": slow(b"HTTP/1.1 500 Oh\r\n\r\n", b"x"),
    "a redirect": slow(b"HTTP/1.1 302 Found\r\nLocation: ?again\r\n", b"X: 1\r\n"),
}


@pytest.mark.parametrize("name", SLOW_ANSWERS)
def test_an_attempt_ends_however_slowly_the_server_sends(name, tmp_path):
    with Adversary(SLOW_ANSWERS[name]) as server:
        with pytest.raises(FetchError) as caught:
            fetch(server.url, tmp_path, brief(0.3))
        assert not server.gave_up
    assert any(text in str(caught.value) for text in ("within 0.3 s", "more than 100 headers", "500 Oh", "failed"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 302 Found\r\nLocation: ?again\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: ?again\r\n"
     b"Content-Encoding: gzip\r\n\r\n", b"HTTP/1.1 400 No\r\n\r\n"],
)  # fmt: skip
def test_bodies_of_redirects_and_errors_are_not_read(head, tmp_path):
    with Adversary(flood(head)) as server:
        with pytest.raises(FetchError, match=r"redirects more than 5 times|400 No"):
            fetch(server.url, tmp_path, brief())
        assert server.sent < 200 << 20  # only what the sockets' buffers take; read, it would never end
        assert not server.gave_up


def test_a_slow_handshake_ends(tmp_path):
    with Adversary(slow(b"\x16\x03\x03\x40\x00", b"\x00")) as server:
        with pytest.raises(FetchError, match=r"within 0\.3 s"):
            fetch(server.url.replace("http:", "https:"), tmp_path, brief(0.3))
        assert not server.gave_up


def test_no_connection_outlives_its_attempt():
    """http.client leaves open the reader of an answer whose header it cannot parse."""
    ours, theirs = socket.socketpair()
    reader = ours.makefile("rb")
    with theirs, Watchdog(60) as watchdog:
        watchdog.watch(ours)
    assert ours.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.read()
