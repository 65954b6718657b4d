"""Clips to Encord, part by part: the files, then a data unit for each, then the labels.

Each step looks before it acts, so that one that was cut off is simply taken again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from oneclick.core.errors import BadInput, OneclickError, PlatformAway, PlatformRefused
from oneclick.platforms.base import Offer, Sent
from oneclick.platforms.encord import load as loading
from oneclick.platforms.encord.load import Load
from oneclick.platforms.encord.prelabel import Prelabel
from oneclick.platforms.encord.project import Place
from oneclick.platforms.encord.records import Record, Records
from oneclick.platforms.encord.upload import Upload


class Intake:
    """Sends clips into one place."""

    def __init__(self, place: Place, known: Records, upload: Upload) -> None:
        self._place, self._known, self._upload = place, known, upload
        self._prelabel = Prelabel(place, known)

    def send(self, offers: Iterable[Offer]) -> Iterator[Sent]:
        """As Platform.send."""
        self._place.line.stopped.clear()
        for part in loading.parts(offers, self._place.options):
            self._place.grow(*loading.vocabulary(part))
            self._upload.ready()
            troubles = self._together(part)
            yield from [
                Sent(load.clip.id, no) for load, no in zip(part, troubles, strict=True) if no
            ]
            yield from self._label([load for load in part if load.item])

    def _together(self, part: list[Load]) -> list[OneclickError | None]:
        """Bring several files at once; where one cannot go on, none begins any more."""
        with ThreadPoolExecutor(self._place.options.uploads) as pool:
            brought = [pool.submit(self._bring, load) for load in part]
            try:
                return [one.result() for one in brought]
            except BaseException:
                self._place.line.stopped.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _bring(self, load: Load) -> OneclickError | None:
        """Have the file there; why not, if it is a matter of this clip."""
        try:
            load.item = self._upload.bring(load)
        except PlatformAway:
            raise
        except (BadInput, PlatformRefused) as error:
            self._welcome(error)
            return error
        return None

    def _label(self, loads: list[Load]) -> Iterator[Sent]:
        """Link and pre-label together; where that is refused, in halves, to find the one."""
        if not loads:
            return
        try:
            late = self._linked(loads)
            there = [load for load in loads if load not in late]
            self._place.line.ask("pre-label clips", lambda: self._prelabel.label(there))
        except PlatformAway:
            raise
        except OneclickError as error:
            if len(loads) == 1:
                self._welcome(error)
                yield Sent(loads[0].clip.id, error)
                return
            half = len(loads) // 2
            yield from self._label(loads[:half])
            yield from self._label(loads[half:])
            return
        yield from [Sent(load.clip.id, _late(load)) for load in late]
        for load in there:
            self._keep(load)
            yield Sent(load.clip.id)

    def _linked(self, loads: list[Load]) -> list[Load]:
        """Put into the dataset; those that have no row after a while."""
        line = self._place.line
        line.ask("link clips", lambda: self._prelabel.link(loads))
        late = line.ask("find rows", lambda: self._prelabel.appear(loads))
        for wait in line.patience.looks:
            if late:
                line.pause(wait)
                late = line.ask("find rows", lambda: self._prelabel.appear(loads))
        return late

    def _keep(self, load: Load) -> None:
        """Remember which labels people see: of a row that was there before, those of before."""
        if load.item is None or (not load.fresh and self._known.find(load.clip.id)):
            return
        self._known.keep(
            Record(
                load.clip.id,
                load.title,
                str(load.item.uuid),
                load.data,
                load.branch,
                load.labels.revision,
                datetime.now(UTC),
            )
        )

    def _welcome(self, error: OneclickError) -> None:
        """A refusal may mean that nothing is allowed any more."""
        if isinstance(error, PlatformRefused):
            self._place.welcome()


def _late(load: Load) -> PlatformRefused:
    return PlatformRefused(
        f"clip {load.clip.id}: Encord has made no task for it yet; the next run goes on"
    )
