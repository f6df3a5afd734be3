"""One request to a server: timeouts, redirects within its host, and errors as messages."""

import contextlib
import html
import ipaddress
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from zonalflow import __version__
from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.text import printable
from zonalflow.sources.session import Watchdog, bounded_session

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 18  # bytes
_MAX_REDIRECTS = 5


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts and the number of attempts. Times in seconds.

    The pause after the attempt k (from 0) is ``pause * 2**k``, at most `longest_pause`, times a random factor from 0.5
    to 1, or what the server's Retry-After asks for, or as long as the request waited for its answer, whichever is
    longest.

    Attributes:
        connect: the longest wait for a connection.
        read: the longest wait for the next bytes.
        total: the longest time for the body of one answer, so that a slow server cannot hold a job without end.
        attempts: the number of attempts, at least 1.
        pause: the pause after the first attempt.
        longest_pause: the limit of the growing pauses.
        longest_wait: a Retry-After longer than this ends the download.
    """

    connect: float = 10.0
    read: float = 300.0
    total: float = 3600.0
    attempts: int = 5
    pause: float = 2.0
    longest_pause: float = 60.0
    longest_wait: float = 300.0


@dataclass(frozen=True)
class Clock:
    """The time functions and the random numbers that a download uses; tests replace them."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    random: Callable[[], float] = random.random

    def stamp(self) -> str:
        """Return the time now as ISO 8601 in UTC, to the second."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


DEFAULT_POLICY = RetryPolicy()
CLOCK = Clock()


class TransientError(FetchError):
    """An error after which another attempt may succeed.

    `wait` is the pause in seconds that the server asks for, if any; `spent` the seconds for which the request had
    waited for its answer: the server may go on working on it for as long again.
    """

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait
        self.spent = 0.0


def page_title(page: str) -> str:
    """Return ``: 'TITLE'`` for a web page with a title, else an empty text."""
    found = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return f": {shorten(html.unescape(found.group(1)))!r}" if found else ""


def shorten(text: str, length: int = 300) -> str:
    """Return `text` on one line, cut to `length` characters, without control characters and passwords."""
    line = printable(" ".join(text[: 20 * length].split()))
    return line if len(line) <= length else line[: length - 1] + "…"


@contextlib.contextmanager
def open_response(url: str, policy: RetryPolicy, clock: Clock) -> Iterator["requests.Response"]:
    """Yield the open answer with status 200, after redirects within the host.

    Raises:
        TransientError: no connection, a broken one, status 429 or 5xx.
        PermanentFetchError: any other status, a redirect to another host, an invalid address or certificate.
    """
    with bounded_session(policy.total) as (session, watchdog), _timeout_explained(policy, watchdog):
        session.headers.update({"User-Agent": f"zonalflow/{__version__}", "Accept-Encoding": "identity"})
        session.auth = lambda prepared: prepared  # no passwords from ~/.netrc
        address = url
        for _ in range(_MAX_REDIRECTS + 1):
            session.trust_env = not _is_private(address)
            with _time_spent_noted(clock), _network_errors_explained(policy):
                response = session.get(
                    address, stream=True, allow_redirects=False, timeout=(policy.connect, policy.read)
                )
            with response:
                if response.is_redirect:
                    address = _redirected(address, response.headers["Location"])
                    continue
                _check_status(response, policy, clock)
                yield response
                return
        raise PermanentFetchError(f"the server redirects more than {_MAX_REDIRECTS} times")


@contextlib.contextmanager
def _time_spent_noted(clock: Clock) -> Iterator[None]:
    began = clock.monotonic()
    try:
        yield
    except TransientError as error:
        error.spent = clock.monotonic() - began
        raise


@contextlib.contextmanager
def _timeout_explained(policy: RetryPolicy, watchdog: Watchdog) -> Iterator[None]:
    late = TransientError(f"no complete answer came within {policy.total:g} s")
    try:
        yield
    except TransientError as error:
        if not watchdog.expired:
            raise
        late.spent = error.spent
        raise late from error
    if watchdog.expired:  # shutting down the connection may have looked like the end of the answer
        raise late


def _is_private(url: str) -> bool:
    """Return whether an address is on this machine or in a private network."""
    host = urlsplit(url).hostname or ""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return number.is_private or number.is_loopback or number.is_link_local


def _redirected(old: str, location: str) -> str:
    """Return where a Location leads if that is on the same host (http may become https), else refuse it."""
    try:
        new = urljoin(old, location)
        before, after = urlsplit(old), urlsplit(new)
    except ValueError:
        raise PermanentFetchError("the server redirects to an address that is not valid") from None
    same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    upgraded = (before.scheme, after.scheme) == ("http", "https") and before.netloc == after.netloc
    if not (same or upgraded):
        raise PermanentFetchError(
            f"the server redirects to another host ({printable(after.netloc.rpartition('@')[2])}), which is refused"
        )
    return new


def _check_status(response: "requests.Response", policy: RetryPolicy, clock: Clock) -> None:
    """Raise for any status but 200, with the text of the server's answer."""
    status = response.status_code
    if status == 200:
        return
    text = ""
    if not response.headers.get("Content-Encoding"):  # none was asked for, and packed bytes are no message
        with _network_errors_explained(policy):
            text = _error_text(response.raw.read(4096, decode_content=False))
    message = f"the server answers {status} {shorten(response.reason or '')}".rstrip() + (f": {text}" if text else "")
    if status == 429 or status >= 500:
        raise TransientError(message, _retry_after(response.headers.get("Retry-After"), clock.now()))
    raise PermanentFetchError(message)


def _error_text(body: bytes) -> str:
    """Return the message in the body of an error: FastAPI's ``detail``, a page's title, or plain text."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        detail = json.loads(text)["detail"]
        return shorten(detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False))
    if re.match(r"\s*<", text):
        return page_title(text).removeprefix(": ")
    return shorten(text)


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date)."""
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def body_chunks(response: "requests.Response", policy: RetryPolicy, clock: Clock, max_bytes: int) -> Iterator[bytes]:
    """Yield the body as it comes; urllib3 checks it against Content-Length, and chunks against their own lengths.

    Raises:
        TransientError: when the body is cut short or takes longer than `policy` allows.
        PermanentFetchError: when it is larger than `max_bytes`.
    """
    length = response.headers.get("Content-Length", "").strip()
    if re.fullmatch("[0-9]+", length) and (len(length) > 18 or int(length) > max_bytes):
        announced = length if len(length) < 19 else f"a number of {len(length)} digits as the number of"
        raise PermanentFetchError(f"the server announces {announced} bytes, more than the limit of {max_bytes}")
    end, received = clock.monotonic() + policy.total, 0
    while True:
        with _network_errors_explained(policy):
            # read1 returns what has come, so that a slow answer is noticed; read would wait for a full chunk.
            chunk = response.raw.read1(_CHUNK)
        if not chunk:
            break
        received += len(chunk)
        if received > max_bytes:
            raise PermanentFetchError(f"the answer is larger than the limit of {max_bytes} bytes")
        if clock.monotonic() > end:
            raise TransientError(f"only {received} bytes came within {policy.total:g} s")
        yield chunk


@contextlib.contextmanager
def _network_errors_explained(policy: RetryPolicy) -> Iterator[None]:
    """Turn the exceptions of requests and urllib3 into TransientError or PermanentFetchError with a message."""
    import requests
    import urllib3.exceptions as u

    try:
        yield
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise PermanentFetchError(
                f"the server's certificate is not trusted ({shorten(str(_root(error)))}); "
                "if your site has its own, name its file in REQUESTS_CA_BUNDLE"
            ) from error
        raise TransientError(f"the secure connection failed ({shorten(str(_root(error)))})") from error
    except (requests.exceptions.ConnectTimeout, u.ConnectTimeoutError) as error:
        raise TransientError(f"no connection within {policy.connect:g} s") from error
    except (requests.exceptions.ReadTimeout, u.ReadTimeoutError, TimeoutError) as error:
        raise TransientError(f"the server sent nothing for {policy.read:g} s, which is fetch.read_timeout") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, u.LocationParseError) as error:
        raise PermanentFetchError(f"the address is not valid ({shorten(str(error))})") from error
    except (requests.exceptions.RequestException, u.HTTPError, ConnectionError) as error:
        cause = _root(error)
        if isinstance(cause, u.IncompleteRead):
            raise TransientError(
                f"the answer was cut short: {cause.partial} bytes came, {cause.expected} are missing"
            ) from error
        raise TransientError(f"the connection failed ({shorten(str(cause) or type(cause).__name__)})") from error


def _root(error: BaseException) -> BaseException:
    """Return the innermost cause: urllib3 wraps errors several times."""
    while isinstance(cause := getattr(error, "reason", None) or error.__cause__ or error.__context__, BaseException):
        error = cause
    return error
