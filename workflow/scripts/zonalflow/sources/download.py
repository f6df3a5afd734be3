"""Download one file from one address, complete and verified, or end with a message that says what came instead.

A download never continues a partial one: GeoCDL answers a Range request with a part of a newly built zip. After a
transient error (no connection, 429, 5xx, a cut or unreadable body) it makes a bounded number of further attempts, with
growing, random pauses. A pause is at least as long as the failed request had waited for its answer, since a server may
still work on that request, and the next one waits behind it. A permanent error (400, 404, 422, a redirect to another
host, an untrusted certificate) ends the download at once. The file appears under its name only when `verify`
has accepted it.

Proxies: the usual environment variables (https_proxy, no_proxy, REQUESTS_CA_BUNDLE) apply to public hosts only.
Requests to an address on this machine or in a private network, GeoCDL's among them, are always sent directly, and
passwords in ~/.netrc are never sent.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from zonalflow.common.disk import disk_errors_explained
from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import atomic_path, remove, sha256
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

logger = logging.getLogger(__name__)
_KEEP_REJECTED = 20 << 20  # bytes; a larger rejected answer is not kept


class RequestRecord(TypedDict):
    """A successful request: address, time (UTC, ISO 8601), number of retries, SHA-256 and size of the answer."""

    url: str
    accessed: str
    retries: int
    sha256: str
    bytes: int


@dataclass(frozen=True)
class _Download:
    """What every attempt of a download has in common; for the attributes see :func:`download`."""

    url: str
    target: Path
    verify: Callable[[Path], None]
    policy: RetryPolicy
    clock: Clock
    max_bytes: int
    rejected: Path
    advice: Callable[[FetchError], str]
    retry_rejected: bool

    def attempt(self) -> tuple[str, int]:
        """Make one attempt; return the SHA-256 and the size of the verified file.

        Raises:
            TransientError: when another attempt may succeed; PermanentFetchError when it would fail as well.
        """
        digest, size = hashlib.sha256(), 0
        with disk_errors_explained(self.target), atomic_path(self.target) as temporary:
            with open_response(self.url, self.policy, self.clock) as response, temporary.open("wb") as stream:
                for chunk in body_chunks(response, self.policy, self.clock, self.max_bytes):
                    stream.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            if size == 0:
                raise TransientError("the answer was empty")
            try:
                _check_not_a_page(temporary)
                self.verify(temporary)
            except FetchError as error:
                kept = self._keep(temporary, size)
                message = f"{str(error).replace(temporary.name, self.target.name)}{kept}"
                if isinstance(error, PermanentFetchError) or not self.retry_rejected:
                    raise PermanentFetchError(message) from error
                raise TransientError(message) from error
        return digest.hexdigest(), size

    def pause_after(self, number: int, error: FetchError) -> float:
        """Return the seconds to wait after the `number`-th attempt (from 1) has failed with `error`.

        Raises:
            FetchError: when no attempt is left, or the server asks for too long a pause; PermanentFetchError after a
                permanent error.
        """
        if isinstance(error, PermanentFetchError):
            raise PermanentFetchError(_failure(self.url, str(error), number, self.advice(error))) from error
        if number == self.policy.attempts:
            raise FetchError(_failure(self.url, str(error), number, self.advice(error))) from error
        asked = (error.wait if isinstance(error, TransientError) else None) or 0.0
        growing = min(self.policy.pause * 2.0 ** (number - 1), self.policy.longest_pause)
        if asked > self.policy.longest_wait:
            message = f"{error}; it asks to wait {asked:.0f} s, which is too long"
            raise FetchError(_failure(self.url, message, number, self.advice(error))) from error
        spent = error.spent if isinstance(error, TransientError) else 0.0
        wait = max(growing * (0.5 + self.clock.random() / 2), asked, spent)
        attempts = self.policy.attempts
        logger.warning("attempt %d of %d failed: %s; next attempt in %.1f s", number, attempts, error, wait)
        return wait

    def _keep(self, temporary: Path, size: int) -> str:
        """Keep a rejected answer for inspection; return the end of the message, which says where it is."""
        if size > _KEEP_REJECTED:
            return f" ({size} bytes, too large to keep)"
        temporary.replace(self.rejected)
        return f" (kept for inspection: {self.rejected})"


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
    retry_rejected: bool = True,
    before_retry: Callable[[FetchError], None] = lambda error: None,
) -> RequestRecord:
    """Fetch `url` into `target`; the file appears there only when `verify` accepts it.

    Args:
        url: the address, http or https.
        target: the file to write.
        verify: gets the path of the complete answer, and raises FetchError when it is not what was asked for, or
            PermanentFetchError when another attempt would not help.
        policy: timeouts and number of attempts.
        clock: the time functions to use.
        max_bytes: the size beyond which an answer is refused.
        rejected: where an answer that `verify` rejects is kept, if it is small; ``<target>.rejected`` if not given.
        advice: returns what to do about an error, as the last line of its message.
        retry_rejected: whether another attempt follows a complete answer that `verify` rejects.
        before_retry: is called with the error of an attempt before the next one.

    Raises:
        FetchError: after the last attempt; PermanentFetchError after a permanent error.
    """
    rejected = rejected or target.with_name(target.name + ".rejected")
    attempts = _Download(url, target, verify, policy, clock, max_bytes, rejected, advice, retry_rejected)
    for number in range(1, policy.attempts + 1):
        accessed = clock.stamp()
        try:
            digest, size = attempts.attempt()
        except FetchError as error:
            clock.sleep(attempts.pause_after(number, error))
            before_retry(error)
        else:
            remove(rejected)
            return {"url": url, "accessed": accessed, "retries": number - 1, "sha256": digest, "bytes": size}
    raise ValueError("attempts must be at least 1")


def get_json(url: str, *, policy: RetryPolicy = DEFAULT_POLICY, clock: Clock = CLOCK, max_bytes: int = 4 << 20) -> Any:
    """Return the JSON that `url` answers, in one attempt: for information that is useful but not needed.

    Raises:
        FetchError: when nothing came, or something other than JSON.
    """
    body = bytearray()
    try:
        with open_response(url, policy, clock) as response:
            for chunk in body_chunks(response, policy, clock, max_bytes):
                body += chunk
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchError(_failure(url, f"the answer is not JSON ({error})", 1, "")) from error
    except FetchError as error:
        raise FetchError(_failure(url, str(error), 1, "")) from error


def discard(url: str, *, policy: RetryPolicy = DEFAULT_POLICY, clock: Clock = CLOCK) -> None:
    """Make one request and discard its answer, whatever it is: for its effect on the server."""
    try:
        with open_response(url, policy, clock) as response:
            for _ in body_chunks(response, policy, clock, 64 << 20):
                pass
    except FetchError as error:
        logger.info("%s: %s", url, error)


def kept_request(path: Path, url: str) -> RequestRecord:
    """Return the record of a download to `path` whose run was killed before it recorded it."""
    status = path.stat()
    accessed = datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"url": url, "accessed": accessed, "retries": 0, "sha256": sha256(path), "bytes": status.st_size}


def _failure(url: str, what: str, attempts: int, advice: str) -> str:
    tried = "asked once" if attempts == 1 else f"tried {attempts} times"
    return f"cannot fetch {url} ({tried}): {what}" + (f"\n{advice}" if advice else "")


def _check_not_a_page(path: Path) -> None:
    """Refuse a web page: a server in trouble may send one with status 200."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        raise FetchError(f"the answer was a web page, not a file{page_title(start.decode(errors='replace'))}")
