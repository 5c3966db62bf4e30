"""The days of the picture store as a place: the key of a day goes first, then its files."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from platestream.errors import TransientError
from sinks.pictures.store import PictureStore
from sinks.retention.place import unless_away


@dataclass(frozen=True, kw_only=True)
class PictureDays:
    """Pictures by their day of collection. What holds keep lies elsewhere and goes with its hold."""

    store: PictureStore
    name: str = "pictures"
    method: str = "key of the day overwritten, files removed; files of pictures and keys counted"

    def due(self, before: datetime) -> int | None:
        """Files of pictures and keys. Keeps: retention.sixty-days"""
        return unless_away(lambda: sum(self._count(day) for day in self._days() if day < _day(before)))

    def mark(self, before: datetime) -> None:
        """Nothing is written into a day that is being destroyed."""

    def destroy(self, before: datetime) -> None:
        """Keeps: retention.sixty-days"""
        try:
            for day in self._days():
                if day < _day(before):
                    self.store.destroy(day)
        except OSError as error:
            raise TransientError(f"The picture store does not answer ({type(error).__name__}).") from None

    def oldest(self) -> datetime | None:
        days = unless_away(self._days)
        return datetime.combine(min(days), time(tzinfo=UTC)) if days else None

    def _count(self, day: date) -> int:
        counted = self.store.count(day)
        return counted.pictures + counted.keys

    def _days(self) -> list[date]:
        return sorted(shelf for shelf in self.store.shelves() if isinstance(shelf, date))


def _day(before: datetime) -> date:
    return before.astimezone(UTC).date()
