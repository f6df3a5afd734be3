"""One file from one address, whole and verified, or a message that says what came instead.

A download never continues a partial one: GeoCDL answers a Range request with a part of a newly built zip.
Faults that may pass (no connection, 429, 5xx, a cut or unreadable body) are met with a bounded number of
tries and growing, random pauses; those that cannot (400, 404, 422, a redirect elsewhere, a bad certificate)
end at once. The file appears under its name only when `verify` has passed.

Proxies: the usual environment variables (https_proxy, no_proxy, REQUESTS_CA_BUNDLE) hold for public hosts
only. An address on this machine or in a private network, GeoCDL's among them, is always asked directly, and
passwords in ~/.netrc are never sent.
"""

import contextlib
import errno
import hashlib
import html
import ipaddress
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from zonalflow import __version__
from zonalflow.atomic import atomic_path, remove
from zonalflow.errors import FetchError, FinalFetchError

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

_CHUNK = 1 << 18  # bytes
_KEEP_REJECTED = 20 << 20  # bytes; a larger file that lied is not kept
_MAX_REDIRECTS = 5


@dataclass(frozen=True)
class Patience:
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


PATIENT = Patience()
CLOCK = Clock()


@dataclass(frozen=True)
class Request:
    """What was asked, when (UTC, ISO 8601), after how many retries, and what came: its SHA-256 and size."""

    url: str
    accessed: str
    retries: int
    sha256: str
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return asdict(self)


class _Passing(FetchError):
    """A fault that may pass: worth another try, after at least `wait` seconds."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


def download(
    url: str,
    target: Path,
    *,
    verify: Callable[[Path], None],
    patience: Patience = PATIENT,
    clock: Clock = CLOCK,
    max_bytes: int = 8 << 30,
    rejected: Path | None = None,
    advice: Callable[[FetchError], str] = lambda error: "",
    ask_again: bool = True,
) -> Request:
    """Fetch `url` into `target`; the file appears there only when `verify` accepts it.

    `verify` gets the path of the complete body and raises FetchError when it is not what was asked for
    (another try follows) or FinalFetchError when asking again cannot help. What was refused is kept as
    `rejected` (``<target>.rejected`` if not given) when it is small. `advice` says what to do about
    an error. Without `ask_again` a whole answer that is refused is the last. Raises FetchError.
    """
    rejected = rejected or target.with_name(target.name + ".rejected")
    for attempt in range(1, patience.attempts + 1):
        try:
            accessed = clock.stamp()
            digest, size = _attempt(url, target, verify, patience, clock, max_bytes, rejected, ask_again)
        except FinalFetchError as error:
            raise FinalFetchError(_failure(url, str(error), attempt, advice(error))) from error
        except FetchError as error:
            if attempt == patience.attempts:
                raise FetchError(_failure(url, str(error), attempt, advice(error))) from error
            wait = _pause(attempt, getattr(error, "wait", None), patience, clock)
            if wait > patience.longest_wait:
                message = f"{error}; it asks to wait {wait:.0f} s, which is too long"
                raise FetchError(_failure(url, message, attempt, advice(error))) from error
            logger.warning("try %d of %d failed: %s; next try in %.1f s", attempt, patience.attempts, error, wait)
            clock.sleep(wait)
        else:
            remove(rejected)
            return Request(url, accessed, attempt - 1, digest, size)
    raise ValueError("attempts must be at least 1")


def get_json(url: str, *, patience: Patience = PATIENT, clock: Clock = CLOCK, max_bytes: int = 4 << 20) -> Any:
    """Return the JSON that `url` answers, asked once: for what is useful, not needed. Raises FetchError."""
    body = bytearray()
    try:
        with _answer(url, patience, clock) as response:
            for chunk in _body(response, patience, clock, max_bytes):
                body += chunk
        return json.loads(body)
    except ValueError as error:
        raise FetchError(_failure(url, f"the answer is not JSON ({error})", 1, "")) from error
    except FetchError as error:
        raise FetchError(_failure(url, str(error), 1, "")) from error


def _failure(url: str, what: str, tries: int, advice: str) -> str:
    tried = "asked once" if tries == 1 else f"tried {tries} times"
    return f"cannot fetch {url} ({tried}): {what}" + (f"\n{advice}" if advice else "")


def _pause(attempt: int, asked: float | None, patience: Patience, clock: Clock) -> float:
    """Return the seconds to wait after the `attempt`-th try (from 1), at least what the server `asked`."""
    ours = min(patience.pause * 2 ** (attempt - 1), patience.longest_pause) * (0.5 + clock.random() / 2)
    return max(ours, asked or 0.0)


def _attempt(
    url: str,
    target: Path,
    verify: Callable[[Path], None],
    patience: Patience,
    clock: Clock,
    max_bytes: int,
    rejected: Path,
    ask_again: bool,
) -> tuple[str, int]:
    """Try once; return the SHA-256 and the size of the verified file."""
    digest, size = hashlib.sha256(), 0
    with disk_named(target), atomic_path(target) as temporary:
        with _answer(url, patience, clock) as response, temporary.open("wb") as stream:
            for chunk in _body(response, patience, clock, max_bytes):
                stream.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        if size == 0:
            raise _Passing("the answer was empty")
        try:
            _check_not_a_page(temporary)
            verify(temporary)
        except FetchError as error:
            kept = _keep(temporary, size, rejected)
            said = f"{str(error).replace(temporary.name, target.name)}{kept}"
            if isinstance(error, FinalFetchError) or not ask_again:
                raise FinalFetchError(said) from error
            raise _Passing(said) from error
    return digest.hexdigest(), size


def _keep(temporary: Path, size: int, rejected: Path) -> str:
    """Put what was refused aside for a look; return the words that say where."""
    if size > _KEEP_REJECTED:
        return f" ({size} bytes, too large to keep)"
    temporary.replace(rejected)
    return f" (kept for a look: {rejected})"


@contextlib.contextmanager
def disk_named(target: Path) -> Iterator[None]:
    """Turn a fault of the disk into a message: asking the server again would not mend it."""
    try:
        yield
    except OSError as error:
        reason = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "your disk quota is used up",
            errno.EROFS: "the folder is read-only",
            errno.EACCES: "you may not write there",
        }.get(error.errno or 0, str(error))
        raise FinalFetchError(
            f"cannot write {target}: {reason}; make room or choose another folder, then run again"
        ) from error


def _check_not_a_page(path: Path) -> None:
    """Refuse a web page: servers in trouble send one with status 200."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        raise FetchError(f"the answer was a web page, not a file{_title(start.decode(errors='replace'))}")


def _title(page: str) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return f": {_brief(html.unescape(found.group(1)))!r}" if found else ""


def _brief(text: str, length: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


@contextlib.contextmanager
def _answer(url: str, patience: Patience, clock: Clock) -> Iterator["requests.Response"]:
    """Yield the open answer with status 200, redirects within the host followed; raise for any other."""
    import requests  # 0.1 s: only when something is fetched

    with requests.Session() as session:
        session.headers.update({"User-Agent": f"zonalflow/{__version__}", "Accept-Encoding": "identity"})
        session.auth = lambda prepared: prepared  # no passwords from ~/.netrc
        here = url
        for _ in range(_MAX_REDIRECTS + 1):
            session.trust_env = not _is_private(here)
            with _network_named(patience):
                response = session.get(
                    here, stream=True, allow_redirects=False, timeout=(patience.connect, patience.read)
                )
            with response:
                if response.is_redirect:
                    here = _redirected(here, urljoin(here, response.headers["Location"]))
                    continue
                _check_status(response, patience, clock)
                yield response
                return
        raise FinalFetchError(f"the server redirects more than {_MAX_REDIRECTS} times")


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
        raise FinalFetchError(f"the server redirects to another host ({after.netloc}), which is refused")
    return new


def _check_status(response: "requests.Response", patience: Patience, clock: Clock) -> None:
    """Raise for any status but 200, with what the server says about it."""
    status = response.status_code
    if status == 200:
        return
    with _network_named(patience):
        said = _said(response.raw.read(4096, decode_content=True))
    message = f"the server answers {status} {response.reason or ''}".rstrip() + (f": {said}" if said else "")
    if status == 429 or status >= 500:
        raise _Passing(message, _retry_after(response.headers.get("Retry-After"), clock.now()))
    raise FinalFetchError(message)


def _said(body: bytes) -> str:
    """Return the words of an error's body: FastAPI's ``detail``, a page's title, or plain text."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, TypeError, KeyError):
        detail = json.loads(text)["detail"]
        return _brief(detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False))
    if re.match(r"\s*<", text):
        return _title(text).removeprefix(": ")
    return _brief(text)


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


def _body(response: "requests.Response", patience: Patience, clock: Clock, max_bytes: int) -> Iterator[bytes]:
    """Yield the body as it comes; raise when it is cut, takes too long or grows past `max_bytes`.

    urllib3 checks it against Content-Length, and chunks against their own lengths.
    """
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise FinalFetchError(f"the server announces {length} bytes, more than the limit of {max_bytes}")
    end, got = clock.monotonic() + patience.total, 0
    while True:
        with _network_named(patience):
            # read1 returns what has come, so that a drip is noticed; read would wait for a full chunk.
            chunk = response.raw.read1(_CHUNK)
        if not chunk:
            break
        got += len(chunk)
        if got > max_bytes:
            raise FinalFetchError(f"the answer is larger than the limit of {max_bytes} bytes")
        if clock.monotonic() > end:
            raise _Passing(f"only {got} bytes came within {patience.total:g} s")
        yield chunk


@contextlib.contextmanager
def _network_named(patience: Patience) -> Iterator[None]:
    """Turn what requests and urllib3 raise into words."""
    import requests
    import urllib3.exceptions as u

    try:
        yield
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise FinalFetchError(
                f"the server's certificate is not trusted ({_brief(str(_root(error)))}); "
                "if your site has its own, name its file in REQUESTS_CA_BUNDLE"
            ) from error
        raise _Passing(f"the secure connection failed ({_brief(str(_root(error)))})") from error
    except (requests.exceptions.ConnectTimeout, u.ConnectTimeoutError) as error:
        raise _Passing(f"no connection within {patience.connect:g} s") from error
    except (requests.exceptions.ReadTimeout, u.ReadTimeoutError, TimeoutError) as error:
        raise _Passing(f"the server sent nothing for {patience.read:g} s") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, u.LocationParseError) as error:
        raise FinalFetchError(f"the address is not valid ({_brief(str(error))})") from error
    except (requests.exceptions.RequestException, u.HTTPError, ConnectionError) as error:
        cause = _root(error)
        if isinstance(cause, u.IncompleteRead):
            raise _Passing(f"the answer was cut: {cause.partial} bytes came, {cause.expected} more did not") from error
        raise _Passing(f"the connection failed ({_brief(str(cause) or type(cause).__name__)})") from error


def _root(error: BaseException) -> BaseException:
    """Return the innermost cause: urllib3 wraps errors thrice."""
    while isinstance(cause := getattr(error, "reason", None) or error.__cause__ or error.__context__, BaseException):
        error = cause
    return error
