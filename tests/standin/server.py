"""The stand-in server: GeoCDL, the Census Bureau's files and PRISM's web service at one address."""

import contextlib
import json
import re
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from standin import census, geocdl, prism
from standin.answers import Answer
from standin.faults import ANSWERLESS, KINDS, Fault, send


class Server:
    """A server on a free port of 127.0.0.1, or on `port`, for as long as the ``with`` block runs.

    `requests` holds the path and query of every request as it was sent, in order, `headers` its headers;
    `count` counts them. `most_at_once` is how many GeoCDL requests were under way together at most: the
    real server works on one and lets others wait. `geocdl` is its one worker. `census_folder` holds real
    boundary files to be served; others are made up.
    """

    def __init__(
        self,
        *faults: Fault,
        port: int = 0,
        census_folder: Path | None = None,
        certificate: Path | None = None,
    ):
        self.faults = list(faults)
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self.census_folder = census_folder
        self.geocdl = geocdl.Service()
        self._asking = 0
        self._prism_sent: set[str] = set()
        self._lock = threading.Lock()
        self._worker = threading.Lock()
        self._http = _Threads(("127.0.0.1", port), _Handler)
        self._http.owner = self
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._http.server_port}"
        self.census_url = f"{self.url}/geo/tiger"
        self.prism_url = f"{self.url}/prism/data/get"

    def __enter__(self) -> "Server":
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted."""
        self._http.serve_forever()

    def count(self, where: str = "") -> int:
        """Return how many requests held `where` in their path or query."""
        return sum(where in request for request in self.requests)

    def answer(self, path: str) -> Answer:
        """Return what the real servers would answer to a GET of `path` (with its query)."""
        parts = urlsplit(path)
        if parts.path in ("/subset_polygon", "/ds_info", "/list_datasets"):
            with self._lock:
                self._asking += 1
                self.most_at_once = max(self.most_at_once, self._asking)
            try:
                with self._worker:
                    return self.geocdl.answer(self.url, parts.path, parts.query)
            finally:
                with self._lock:
                    self._asking -= 1
        if parts.path.startswith("/geo/tiger/"):
            return census.answer(parts.path.removeprefix("/geo/tiger/"), self.census_folder)
        if parts.path.startswith("/prism/data/get/"):
            with self._lock:
                return prism.answer(parts.path.removeprefix("/prism/data/get/"), self._prism_sent)
        return Answer(404, b'{"detail":"Not Found"}', "application/json")


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    owner: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing when a client hangs up, which many tests make it do; tell of our own mistakes."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Threads

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path.startswith("/_"):
            self._control(owner)
            return
        with owner._lock:
            owner.requests.append(self.path)
            owner.headers.append(dict(self.headers))
            fault = next((fault for fault in owner.faults if fault.strikes(self.path)), None)
        answerless = fault is not None and fault.kind in ANSWERLESS
        answer = Answer(0, b"") if answerless else owner.answer(self.path)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if fault is not None:
                KINDS[fault.kind](self, answer.body, **fault.options)
            elif ranged and answer.status == 200:
                send(self, 206, answer.body[int(ranged[1]) :], answer.kind)  # a part of a newly built zip
            else:
                send(self, answer.status, answer.body, answer.kind, answer.headers)

    def do_HEAD(self) -> None:
        owner = self.server.owner
        owner.requests.append(f"HEAD {self.path}")
        status = 405 if urlsplit(self.path).path == "/subset_polygon" else owner.answer(self.path).status
        self.send_response(status)
        self.end_headers()

    def _control(self, owner: Server) -> None:
        """Answer ``/_requests`` and ``/_fault?kind=…&where=…&times=…``, for runs in another process."""
        parts = urlsplit(self.path)
        if parts.path == "/_fault":
            asked = {key: value[0] for key, value in parse_qs(parts.query).items()}
            owner.faults.append(parse_fault(":".join(asked.get(key, "") for key in ("kind", "where", "times"))))
        body = json.dumps({"requests": owner.requests, "most_at_once": owner.most_at_once})
        send(self, 200, body.encode(), "application/json")

    def log_message(self, format: str, *values: object) -> None:
        """Keep quiet: `Server.requests` is the log."""


def parse_fault(text: str) -> Fault:
    """Return the fault that ``kind[:where[:times]]`` names; a kind of three digits is a status."""
    kind, where, times = [*text.split(":"), "", ""][:3]
    options = {}
    if re.fullmatch(r"\d{3}", kind):
        kind, options = "status", {"status": int(kind)}
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}: known are {', '.join(KINDS)} and any status")
    return Fault(kind, where, int(times) if times else 1, options=options)
