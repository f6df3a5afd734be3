"""A session whose requests take a bounded time, whatever a server sends and however slowly.

The timeouts of requests and urllib3 are for each single read. A server that sends a byte of a header, an interim answer
(status 100) or the size of a chunk now and then would otherwise hold a job without end.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


class Watchdog:
    """Ends an attempt after a time limit, whatever the server sends, by shutting down the sockets that were opened."""

    def __init__(self, seconds: float):
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> "Watchdog":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._sockets:
                watched.close()
                if watched.fileno() >= 0:  # http.client may keep a reader of an answer that it could not parse
                    os.close(watched.detach())
            self._sockets.clear()

    def watch(self, opened: socket.socket) -> socket.socket:
        """Return the socket `opened`, whose connection is shut down when the time is over."""
        with self._lock:
            # the socket to close, and another one to shut down: TLS takes the former away from its object
            self._sockets += [opened, opened.dup()]
            if self.expired:
                self._shut_down()
        return opened

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._shut_down()

    def _shut_down(self) -> None:
        for watched in self._sockets:
            with contextlib.suppress(OSError):  # the server was faster
                watched.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def bounded_session(seconds: float) -> Iterator[tuple["requests.Session", Watchdog]]:
    """Yield a session whose connections end after `seconds`, with what ends them; it reads no body of a redirect."""
    import requests  # 0.1 s: only when something is fetched
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    with Watchdog(seconds) as watchdog:

        class Watched(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return watchdog.watch(super()._new_conn())

        class WatchedSecure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return watchdog.watch(super()._new_conn())

        pools = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Watched}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": WatchedSecure}),
        }

        class Adapter(requests.adapters.HTTPAdapter):
            def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
                super().init_poolmanager(*arguments, **options)
                self.poolmanager.pool_classes_by_scheme = pools

            def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
                manager = super().proxy_manager_for(*arguments, **options)
                manager.pool_classes_by_scheme = pools
                return manager

        class Session(requests.Session):
            def resolve_redirects(self, *arguments: Any, **options: Any) -> Iterator[Any]:  # it reads bodies whole
                return iter(())

        with Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, Adapter())
            yield session, watchdog
