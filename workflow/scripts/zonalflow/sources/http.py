"""Asking a server: one request with its timeouts, redirects and errors in plain words."""

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

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 18  # bytes
_MAX_REDIRECTS = 5


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a server and how often to ask again. Times in seconds.

    `connect` and `read` bound the wait for a connection and for the next bytes; `total` bounds one try, so
    that a server that drips cannot hold a job for ever. Between tries it waits ``pause * 2**k`` (k = 0, 1,
    …), at most `longest_pause`, times a random 0.5 to 1; or as long as Retry-After says, if that is at most
    `longest_wait`.
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
    """What a download knows of time and chance; tests put their own in its place."""

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
    """A fault that may pass: worth another try, after at least `wait` seconds."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


def page_title(page: str) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return f": {shorten(html.unescape(found.group(1)))!r}" if found else ""


def shorten(text: str, length: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


@contextlib.contextmanager
def open_response(url: str, policy: RetryPolicy, clock: Clock) -> Iterator["requests.Response"]:
    """Yield the open answer with status 200, redirects within the host followed; raise for any other."""
    import requests  # 0.1 s: only when something is fetched

    with requests.Session() as session:
        session.headers.update({"User-Agent": f"zonalflow/{__version__}", "Accept-Encoding": "identity"})
        session.auth = lambda prepared: prepared  # no passwords from ~/.netrc
        here = url
        for _ in range(_MAX_REDIRECTS + 1):
            session.trust_env = not _is_private(here)
            with _network_errors_explained(policy):
                response = session.get(here, stream=True, allow_redirects=False, timeout=(policy.connect, policy.read))
            with response:
                if response.is_redirect:
                    here = _redirected(here, urljoin(here, response.headers["Location"]))
                    continue
                _check_status(response, policy, clock)
                yield response
                return
        raise PermanentFetchError(f"the server redirects more than {_MAX_REDIRECTS} times")


def _is_private(url: str) -> bool:
    """Return whether an address is this machine or lies in a private network."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_private or address.is_loopback or address.is_link_local


def _redirected(old: str, new: str) -> str:
    """Return `new` if it is on the same host (http may become https), else refuse it."""
    before, after = urlsplit(old), urlsplit(new)
    same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    upgraded = (before.scheme, after.scheme) == ("http", "https") and before.netloc == after.netloc
    if not (same or upgraded):
        raise PermanentFetchError(f"the server redirects to another host ({after.netloc}), which is refused")
    return new


def _check_status(response: "requests.Response", policy: RetryPolicy, clock: Clock) -> None:
    """Raise for any status but 200, with what the server says about it."""
    status = response.status_code
    if status == 200:
        return
    with _network_errors_explained(policy):
        said = _error_text(response.raw.read(4096, decode_content=True))
    message = f"the server answers {status} {response.reason or ''}".rstrip() + (f": {said}" if said else "")
    if status == 429 or status >= 500:
        raise TransientError(message, _retry_after(response.headers.get("Retry-After"), clock.now()))
    raise PermanentFetchError(message)


def _error_text(body: bytes) -> str:
    """Return the words of an error's body: FastAPI's ``detail``, a page's title, or plain text."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, TypeError, KeyError):
        detail = json.loads(text)["detail"]
        return shorten(detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False))
    if re.match(r"\s*<", text):
        return page_title(text).removeprefix(": ")
    return shorten(text)


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def body_chunks(response: "requests.Response", policy: RetryPolicy, clock: Clock, max_bytes: int) -> Iterator[bytes]:
    """Yield the body as it comes; raise when it is cut, takes too long or grows past `max_bytes`.

    urllib3 checks it against Content-Length, and chunks against their own lengths.
    """
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise PermanentFetchError(f"the server announces {length} bytes, more than the limit of {max_bytes}")
    end, got = clock.monotonic() + policy.total, 0
    while True:
        with _network_errors_explained(policy):
            # read1 returns what has come, so that a drip is noticed; read would wait for a full chunk.
            chunk = response.raw.read1(_CHUNK)
        if not chunk:
            break
        got += len(chunk)
        if got > max_bytes:
            raise PermanentFetchError(f"the answer is larger than the limit of {max_bytes} bytes")
        if clock.monotonic() > end:
            raise TransientError(f"only {got} bytes came within {policy.total:g} s")
        yield chunk


@contextlib.contextmanager
def _network_errors_explained(policy: RetryPolicy) -> Iterator[None]:
    """Turn what requests and urllib3 raise into words."""
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
        raise TransientError(f"the server sent nothing for {policy.read:g} s") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, u.LocationParseError) as error:
        raise PermanentFetchError(f"the address is not valid ({shorten(str(error))})") from error
    except (requests.exceptions.RequestException, u.HTTPError, ConnectionError) as error:
        cause = _root(error)
        if isinstance(cause, u.IncompleteRead):
            raise TransientError(
                f"the answer was cut: {cause.partial} bytes came, {cause.expected} more did not"
            ) from error
        raise TransientError(f"the connection failed ({shorten(str(cause) or type(cause).__name__)})") from error


def _root(error: BaseException) -> BaseException:
    """Return the innermost cause: urllib3 wraps errors thrice."""
    while isinstance(cause := getattr(error, "reason", None) or error.__cause__ or error.__context__, BaseException):
        error = cause
    return error
