"""The few kinds of error that a user can do something about.

Each carries one message that says what is wrong, where, and what to write instead. Rule scripts and the Snakefile show
that message without a traceback; any other exception is a bug of ours and keeps its traceback in the log.
"""

from zonalflow.common.text import printable


class ZonalflowError(Exception):
    """A mistake in the input, or an error of a file or service, that a user can act on.

    Its text is printable: what it quotes may come from a file or server that holds control characters or passwords.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class ConfigError(ZonalflowError):
    """A key or value of the configuration cannot be used."""


class ZonesError(ZonalflowError):
    """The zones (polygons) cannot be used as they are."""


class RasterError(ZonalflowError):
    """A raster is missing, unreadable or lacks what the computation needs."""


class GridError(RasterError):
    """A raster does not lie on the expected grid."""


class FetchError(ZonalflowError):
    """A download failed, or brought something other than what was asked for."""


class PermanentFetchError(FetchError):
    """A download failed with a permanent error: another attempt would fail as well."""


class VerificationError(ZonalflowError):
    """The results are not, or no longer, what they should be."""
