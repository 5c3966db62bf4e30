"""Backups as a place that can hold a plate: each is noted when it is begun, and goes by its date.

A note is a file of its own under `backups` in home, with the folder, the mark of what that folder lies on, and the
date. A backup whose medium is away when its date has come is not known to be gone, and blocks the certificate.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from platestream.durable_files import destroy_file, sync_folder, write_durably
from platestream.errors import TransientError
from platestream.settings import Settings
from sinks.retention.place import unless_away

_MARK = "backups.id"
_SALTED = "manifest.json"

_log = logging.getLogger(__name__)


def register(settings: Settings, backup: Path, destroy_by: datetime) -> None:
    """Note a backup, before it is written. Safe to repeat. Raises OSError."""
    mark = backup.parent / _MARK
    if not mark.exists():
        write_durably(mark, str(uuid4()).encode())
    note = {"folder": str(backup), "mark": mark.read_text(), "destroy_by": destroy_by.isoformat()}
    name = hashlib.sha256(str(backup).encode()).hexdigest()[:16]  # the same backup may lie in two places
    write_durably(_notes(settings) / f"{name}.json", json.dumps(note).encode())


@dataclass(frozen=True, kw_only=True)
class _Note:
    file: Path
    folder: Path
    mark: str
    destroy_by: datetime

    def is_within_reach(self) -> bool:
        """Whether the medium of the backup is there. Raises OSError when it fails."""
        mark = self.folder.parent / _MARK
        return mark.exists() and mark.read_text() == self.mark

    def is_there(self) -> bool:
        """Raises OSError when the medium of the backup is away."""
        if not self.is_within_reach():
            raise OSError("its medium is away")
        return self.folder.exists()

    def destroy(self) -> None:
        """The manifest first: without its salt no key opens the rest. Raises OSError."""
        if self.is_there():
            if (self.folder / _SALTED).exists():
                destroy_file(self.folder / _SALTED)
            shutil.rmtree(self.folder)
            sync_folder(self.folder.parent)
        self.file.unlink()
        sync_folder(self.file.parent)


@dataclass(frozen=True, kw_only=True)
class Backups:
    """All backups that were made or restored here."""

    notes: Path
    days: int
    name: str = "backups"
    method: str = (
        "manifest overwritten, so that no key opens the parts, folder removed; folders past their date counted"
    )

    def due(self, before: datetime) -> int | None:
        """Backups past their date, which is a midnight; `before` is as many days ago as reads are kept.

        Keeps: retention.sixty-days
        """
        return unless_away(lambda: sum(note.is_there() for note in self._overdue(before)))

    def mark(self, before: datetime) -> None:
        """Holds keep nothing of it."""

    def destroy(self, before: datetime) -> None:
        """Destroy those that can be reached; `due` tells of the others. Keeps: retention.sixty-days"""
        try:
            overdue = list(self._overdue(before))
        except OSError as error:
            raise TransientError(f"The list of backups cannot be read ({type(error).__name__}).") from None
        for note in overdue:
            try:
                note.destroy()
            except OSError as error:
                _log.error("backup %s is overdue and cannot be destroyed: %s", note.folder, error)

    def oldest(self) -> datetime | None:
        return None

    def of_hold(self, hold_id: UUID) -> list[Path]:
        """What backups within reach have of a hold; the others have it until their date. Raises OSError."""
        folders = [note.folder / "holds" / str(hold_id) for note in self._all() if note.is_within_reach()]
        return [folder for folder in folders if folder.exists()]

    def destroy_hold(self, hold_id: UUID) -> None:
        """Take a hold out of all backups within reach. Safe to repeat. Raises OSError.

        Keeps: retention.inactive, retention.exculpatory
        """
        for folder in self.of_hold(hold_id):
            shutil.rmtree(folder)
            sync_folder(folder.parent)

    def _overdue(self, before: datetime) -> Iterator[_Note]:
        today = before + timedelta(days=self.days - 1)
        return (note for note in self._all() if note.destroy_by <= today)

    def _all(self) -> Iterator[_Note]:
        """Raises OSError also when a note is damaged: then nobody knows what is due."""
        for file in sorted(self.notes.glob("[!.]*.json")):
            try:
                said = json.loads(file.read_text())
                destroy_by = datetime.fromisoformat(said["destroy_by"])
                yield _Note(file=file, folder=Path(said["folder"]), mark=said["mark"], destroy_by=destroy_by)
            except (KeyError, TypeError, ValueError):
                raise OSError(f"the note {file} is damaged") from None


def backups_place(settings: Settings) -> Backups:
    """The place of the settings' installation."""
    return Backups(notes=_notes(settings), days=settings.retention.days)


def _notes(settings: Settings) -> Path:
    return settings.home / "backups"
