"""Zarr stores, version 2 and 3: a folder, or a zip."""

import warnings
from typing import TYPE_CHECKING, Any

from zonalflow.common.errors import RasterError

if TYPE_CHECKING:
    import xarray


def open_zarr(file: str, zipped: bool, group: str, options: dict[str, Any]) -> "xarray.Dataset":
    """Open a group of a Zarr store.

    Args:
        file: a folder or a zip.
        zipped: whether it is a zip.
        group: its path within the store, empty for the root.
        options: of ``xarray.open_dataset``.

    Raises:
        RasterError: where the package zarr is missing.
        OSError, ValueError, KeyError: for what is no such store.
    """
    import xarray

    try:
        import zarr
    except ImportError as error:
        raise RasterError(f"{file} is a Zarr store, and the package zarr is not installed") from error
    store: Any = zarr.storage.ZipStore(file, mode="r") if zipped else file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of stores without consolidated metadata
        return xarray.open_dataset(store, engine="zarr", group=group or None, chunks=None, **options)
