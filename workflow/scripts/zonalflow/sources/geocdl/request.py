"""The requests of one part of a year, from addresses to verified rasters.

A part is one request, unless its box is too large for the server's two minutes (tiles), or the server scrambles its
dates (see :mod:`zonalflow.sources.geocdl.footprint`; then each date is requested alone).
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zonalflow.common.errors import FetchError, PermanentFetchError
from zonalflow.common.files import remove, scratch_folder, sweep
from zonalflow.sources.archive import check_members, unpack
from zonalflow.sources.catalogue.datasets import Dataset
from zonalflow.sources.catalogue.geocdl import Box, cells_of, subset_url
from zonalflow.sources.check import check_rasters, check_sidecar
from zonalflow.sources.download import RequestRecord, discard, download, kept_request
from zonalflow.sources.fetch import Part
from zonalflow.sources.geocdl.footprint import Footprint, ScrambledError
from zonalflow.sources.geocdl.tiles import MOST_CELLS, join, tile_boxes
from zonalflow.sources.http import Clock, RetryPolicy
from zonalflow.sources.receipts import PartRecord, describe_file

logger = logging.getLogger(__name__)
_EMPTY_HINT = "the box may be over the ocean or outside the dataset; check bbox"


@dataclass
class Received:
    """Verified rasters in a folder, name to date, and the requests that brought them."""

    folder: Path
    dated: dict[str, str] = field(default_factory=dict)
    requests: list[RequestRecord] = field(default_factory=list)


@dataclass(frozen=True)
class Requester:
    """Asks a server at `base` for a variable of a dataset, called `id` there, within `box` (in its CRS).

    `most_cells` are those of all dates of a request; a larger one is made in tiles.
    """

    base: str
    id: str
    known: Dataset
    variable: str
    box: Box
    policy: RetryPolicy
    clock: Clock
    most_cells: int = MOST_CELLS

    @property
    def files(self) -> str:
        """What the names of all rasters begin with."""
        return f"{self.id}_{self.variable}"

    def fetch(self, part: Part, record: Path) -> PartRecord:
        """Fetch the rasters of a part, put them in place, and return its record."""
        folder = record.parent.parent
        packed = folder / f"{part.name}.zip"
        sweep(packed)
        with scratch_folder(packed) as scratch:
            try:
                received = [self._ask(part.dates, packed, scratch)]
            except FetchError as error:
                scrambled = _scrambled(error)
                if scrambled is None:
                    raise
                remove(_rejected(packed))
                logger.warning("%s: %s; asking for its dates one by one", part.title, scrambled)
                names = {date: f"{part.name}.{date.replace(':', '')}" for date in scrambled.dates}
                received = [self._ask([date], folder / f"{names[date]}.zip", scratch, keep=record) for date in names]
            for answer in received:
                for name in [*answer.dated, *map(_sidecar, answer.dated)]:
                    if (answer.folder / name).exists():
                        (answer.folder / name).replace(folder / name)
        for kept in record.parent.glob(f"{part.name}.*.zip"):
            kept.unlink()
        dated = {name: date for answer in received for name, date in answer.dated.items()}
        *more, last = [request for answer in received for request in answer.requests]
        sidecars = [folder / name for name in map(_sidecar, dated) if (folder / name).exists()]
        return {
            "asked": part.asked,
            "files": [describe_file(folder / name, date) for name, date in dated.items()],
            "sidecars": [describe_file(path, None) for path in sidecars],
            "request": last,
            "more_requests": more,
        }

    def _ask(self, dates: Sequence[str], packed: Path, scratch: Path, keep: Path | None = None) -> Received:
        """Ask for some dates, in one request or in tiles; `keep` is the record beside which the answer is kept."""
        columns, rows = cells_of(self.known, self.box)
        boxes = tile_boxes(self.box, columns, rows, len(dates), self.most_cells)
        if len(boxes) == 1:
            if keep is not None:
                return self._kept(dates, self.box, packed, keep.parent / packed.name, scratch)
            return self._answer(dates, self.box, packed, scratch / packed.name, scratch)
        tiles = []
        for number, box in enumerate(boxes, start=1):
            name = f"{packed.stem}.{number}of{len(boxes)}.zip"
            target = packed.parent / ".parts" / name
            if number > 1 and not target.exists():
                self._load_another_file(dates, box)
            tiles.append(self._kept(dates, box, packed.with_name(name), target, scratch, may_be_empty=True))
        return self._joined(tiles, scratch / f"{packed.stem}.joined")

    def _joined(self, tiles: list[Received], folder: Path) -> Received:
        """Join the tiles of each raster in `folder`."""
        first = tiles[0]
        if any(tile.dated != first.dated for tile in tiles):
            raise FetchError("the tiles of one request hold different dates")
        folder.mkdir()
        for name in first.dated:
            join([tile.folder / name for tile in tiles], folder / name)
            if (first.folder / _sidecar(name)).exists():
                (first.folder / _sidecar(name)).replace(folder / _sidecar(name))
        footprint = Footprint(self.known, self.box)
        check_rasters([folder / name for name in first.dated], _EMPTY_HINT, footprint.check)
        return Received(folder, first.dated, [request for tile in tiles for request in tile.requests])

    def _kept(
        self, dates: Sequence[str], box: Box, packed: Path, target: Path, scratch: Path, *, may_be_empty: bool = False
    ) -> Received:
        """Return an answer that is kept at `target` until its part is recorded: a kill costs no second request."""
        if target.exists():
            received = Received(scratch / packed.stem)
            try:
                self._verify(target, received, dates, box, may_be_empty)
            except FetchError as error:
                logger.warning("asking again: %s", error)
            else:
                received.requests.append(
                    kept_request(target, subset_url(self.base, self.id, self.variable, box, dates))
                )
                return received
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        return self._answer(dates, box, packed, target, scratch, may_be_empty=may_be_empty)

    def _answer(
        self, dates: Sequence[str], box: Box, packed: Path, target: Path, scratch: Path, *, may_be_empty: bool = False
    ) -> Received:
        """Make one request; a rejected answer is kept beside `packed`."""
        received = Received(scratch / packed.stem)
        request = download(
            subset_url(self.base, self.id, self.variable, box, dates),
            target,
            verify=lambda answer: self._verify(answer, received, dates, box, may_be_empty),
            policy=self.policy,
            clock=self.clock,
            rejected=_rejected(packed),
            advice=functools.partial(advice, self.id, self.known),
            before_retry=functools.partial(self._before_retry, dates, box),
        )
        received.requests.append(request)
        return received

    def _verify(self, answer: Path, received: Received, dates: Sequence[str], box: Box, may_be_empty: bool) -> None:
        """Unpack an answer and check that it holds what was asked for."""
        received.dated = dated([member.filename for member in check_members(answer)], self.known, self.files, dates)
        remove(received.folder)
        unpack(answer, received.folder, wanted={*received.dated, *map(_sidecar, received.dated)}.__contains__)
        for sidecar in received.folder.glob("*.aux.xml"):
            check_sidecar(sidecar)
        footprint = Footprint(self.known, box)
        try:
            check_rasters(
                [received.folder / name for name in received.dated],
                None if may_be_empty else _EMPTY_HINT,
                footprint.check,
            )
        except ScrambledError as error:
            error.dates = list(received.dated.values())
            raise

    def _before_retry(self, dates: Sequence[str], box: Box, error: FetchError) -> None:
        if "answers 500" in str(error):
            self._load_another_file(dates, box)

    def _load_another_file(self, dates: Sequence[str], box: Box) -> None:
        """Make the server load another file where it keeps the last one: it cannot cut that one to another box.

        A request for another date and very few cells has this effect, whatever its answer.
        """
        if self.known.keeps is None:
            return
        grain = {4: "annual", 7: "monthly", 10: "daily", 16: "hourly"}[len(dates[0])]
        other = another_date(dates[0], self.known.keeps, self.known.grains[grain])
        x, y, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1.5 * self.known.cell
        small = (x - half, y - half, x + half, y + half)
        discard(subset_url(self.base, self.id, self.variable, small, [other]), policy=self.policy, clock=self.clock)


def another_date(date: str, period: str, held: tuple[str, str]) -> str:
    """Return a date that is in another file than `date`, where a file holds a ``year`` or a ``month``."""
    year, month = int(date[:4]), int(date[5:7] or 1)
    if period == "month" and month < 12:
        return f"{date[:5]}{month + 1:02}-01{date[10:]}"
    year = year + 1 if str(year) < held[1][:4] else year - 1
    return f"{year:04}{date[4:]}" if period == "year" else f"{year:04}-01-01{date[10:]}"


def dated(names: list[str], known: Dataset, files: str, dates: Sequence[str]) -> dict[str, str]:
    """Return the rasters that came, name to date.

    Raises:
        FetchError: when one is missing or was not asked for; PermanentFetchError when there is none at all.
    """
    rasters = [name for name in names if name.endswith(".tif")]
    if not rasters:
        raise PermanentFetchError(
            f"the server has nothing for {dates[0]}…{dates[-1]}: its zip holds no raster, only "
            f"{', '.join(names) or 'nothing'}"
        )
    if known.grains:
        start = f"{files}_"
        found = {name: _date_of(name[len(start) : -len(".tif")]) for name in rasters if name.startswith(start)}
    else:
        found = {name: dates[0] for name in rasters if name == f"{files}.tif"}
    unexpected = [name for name in rasters if found.get(name) not in dates]
    if unexpected:
        raise FetchError(f"the zip holds {unexpected[0]}, which was not asked for")
    missing = [date for date in dates if date not in found.values()]
    if missing and not known.sparse:
        raise FetchError(f"the zip lacks {len(missing)} of {len(dates)} rasters: {', '.join(missing[:5])}")
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _date_of(text: str) -> str:
    """Return the date in a raster's name, which has an hour as ``2015-01-01-06``, as ``2015-01-01T06:00``."""
    return f"{text[:10]}T{text[11:]}:00" if len(text) == 13 and text[10] == "-" else text


def _sidecar(raster: str) -> str:
    """Return the name of the file in which GDAL keeps a raster's classes and their names."""
    return f"{raster}.aux.xml"


def _rejected(packed: Path) -> Path:
    return packed.with_name(f"{packed.name}.rejected")


def _scrambled(error: BaseException | None) -> ScrambledError | None:
    """Return the ScrambledError that caused an error, if one did."""
    while error is not None and not isinstance(error, ScrambledError):
        error = error.__cause__
    return error


def advice(dataset: str, known: Dataset, error: FetchError) -> str:
    """Return what an error of the server may mean for a dataset, from experience with GeoCDL."""
    message = str(error)
    if "answers 500" in message:
        text = "GeoCDL answers 500 for a box off the grid of a dataset and for a file that its catalogue lacks"
        if known.keeps:
            text += (
                f"; and for {dataset} when the file that it has loaded last is asked for with another box, which is "
                "why each try but the first came after a request for another date"
            )
        return f"{text}."
    if "sent nothing for" in message:
        return (
            "GeoCDL works on one request after the other, also on those whose client has given up: set a longer "
            "fetch.read_timeout, or try when it is idle."
        )
    if "without response" in message:
        return "GeoCDL closes the connection after two minutes: take a smaller box, or try when it is idle."
    if "connection" in message:
        return "GeoCDL can be reached from within SCINet only (Ceres); elsewhere use raster.source: prism."
    return ""
