"""One file from one address, whole and verified, or a message that says what came instead.

A download never continues a partial one: GeoCDL answers a Range request with a part of a newly built zip.
Faults that may pass (no connection, 429, 5xx, a cut or unreadable body) are met with a bounded number of
tries and growing, random pauses; those that cannot (400, 404, 422, a redirect elsewhere, a bad certificate)
end at once. The file appears under its name only when `verify` has passed.

Proxies: the usual environment variables (https_proxy, no_proxy, REQUESTS_CA_BUNDLE) hold for public hosts
only. An address on this machine or in a private network, GeoCDL's among them, is always asked directly, and
passwords in ~/.netrc are never sent.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zonalflow.common.disk import disk_errors_explained
from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import atomic_path, remove
from zonalflow.sources.http import (
    CLOCK,
    DEFAULT_POLICY,
    Clock,
    RetryPolicy,
    TransientError,
    body_chunks,
    open_response,
    page_title,
)

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)
_KEEP_REJECTED = 20 << 20  # bytes; a larger file that lied is not kept


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


def download(
    url: str,
    target: Path,
    *,
    verify: Callable[[Path], None],
    policy: RetryPolicy = DEFAULT_POLICY,
    clock: Clock = CLOCK,
    max_bytes: int = 8 << 30,
    rejected: Path | None = None,
    advice: Callable[[FetchError], str] = lambda error: "",
    ask_again: bool = True,
) -> Request:
    """Fetch `url` into `target`; the file appears there only when `verify` accepts it.

    `verify` gets the path of the complete body and raises FetchError when it is not what was asked for
    (another try follows) or PermanentFetchError when asking again cannot help. What was refused is kept as
    `rejected` (``<target>.rejected`` if not given) when it is small. `advice` says what to do about
    an error. Without `ask_again` a whole answer that is refused is the last. Raises FetchError.
    """
    rejected = rejected or target.with_name(target.name + ".rejected")
    for attempt in range(1, policy.attempts + 1):
        try:
            accessed = clock.stamp()
            digest, size = _attempt(url, target, verify, policy, clock, max_bytes, rejected, ask_again)
        except PermanentFetchError as error:
            raise PermanentFetchError(_failure(url, str(error), attempt, advice(error))) from error
        except FetchError as error:
            if attempt == policy.attempts:
                raise FetchError(_failure(url, str(error), attempt, advice(error))) from error
            wait = _pause(attempt, getattr(error, "wait", None), policy, clock)
            if wait > policy.longest_wait:
                message = f"{error}; it asks to wait {wait:.0f} s, which is too long"
                raise FetchError(_failure(url, message, attempt, advice(error))) from error
            logger.warning("try %d of %d failed: %s; next try in %.1f s", attempt, policy.attempts, error, wait)
            clock.sleep(wait)
        else:
            remove(rejected)
            return Request(url, accessed, attempt - 1, digest, size)
    raise ValueError("attempts must be at least 1")


def get_json(url: str, *, policy: RetryPolicy = DEFAULT_POLICY, clock: Clock = CLOCK, max_bytes: int = 4 << 20) -> Any:
    """Return the JSON that `url` answers, asked once: for what is useful, not needed. Raises FetchError."""
    body = bytearray()
    try:
        with open_response(url, policy, clock) as response:
            for chunk in body_chunks(response, policy, clock, max_bytes):
                body += chunk
        return json.loads(body)
    except ValueError as error:
        raise FetchError(_failure(url, f"the answer is not JSON ({error})", 1, "")) from error
    except FetchError as error:
        raise FetchError(_failure(url, str(error), 1, "")) from error


def _failure(url: str, what: str, tries: int, advice: str) -> str:
    tried = "asked once" if tries == 1 else f"tried {tries} times"
    return f"cannot fetch {url} ({tried}): {what}" + (f"\n{advice}" if advice else "")


def _pause(attempt: int, asked: float | None, policy: RetryPolicy, clock: Clock) -> float:
    """Return the seconds to wait after the `attempt`-th try (from 1), at least what the server `asked`."""
    ours = min(policy.pause * 2 ** (attempt - 1), policy.longest_pause) * (0.5 + clock.random() / 2)
    return max(ours, asked or 0.0)


def _attempt(
    url: str,
    target: Path,
    verify: Callable[[Path], None],
    policy: RetryPolicy,
    clock: Clock,
    max_bytes: int,
    rejected: Path,
    ask_again: bool,
) -> tuple[str, int]:
    """Try once; return the SHA-256 and the size of the verified file."""
    digest, size = hashlib.sha256(), 0
    with disk_errors_explained(target), atomic_path(target) as temporary:
        with open_response(url, policy, clock) as response, temporary.open("wb") as stream:
            for chunk in body_chunks(response, policy, clock, max_bytes):
                stream.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        if size == 0:
            raise TransientError("the answer was empty")
        try:
            _check_not_a_page(temporary)
            verify(temporary)
        except FetchError as error:
            kept = _keep(temporary, size, rejected)
            said = f"{str(error).replace(temporary.name, target.name)}{kept}"
            if isinstance(error, PermanentFetchError) or not ask_again:
                raise PermanentFetchError(said) from error
            raise TransientError(said) from error
    return digest.hexdigest(), size


def _keep(temporary: Path, size: int, rejected: Path) -> str:
    """Put what was refused aside for a look; return the words that say where."""
    if size > _KEEP_REJECTED:
        return f" ({size} bytes, too large to keep)"
    temporary.replace(rejected)
    return f" (kept for a look: {rejected})"


def _check_not_a_page(path: Path) -> None:
    """Refuse a web page: servers in trouble send one with status 200."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        raise FetchError(f"the answer was a web page, not a file{page_title(start.decode(errors='replace'))}")
