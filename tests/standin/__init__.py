"""Stand-ins on 127.0.0.1 for the servers that zonalflow asks: GeoCDL, the Census Bureau and PRISM.

``with standin.Server() as server:`` in a test, or ``python -m standin --port 8765`` for a run by hand. They
answer as the real ones do, faults included; see :mod:`standin.faults` for those that can be asked for.
"""

from standin.faults import Fault
from standin.server import Server

__all__ = ["Fault", "Server"]
