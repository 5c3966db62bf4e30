"""The registry of every place that can hold a plate, and of what holds none and why.

A test reads the engine's own list of tables and the files of the topics, and fails for one that is in neither list.
"""

from platestream.settings import Settings
from sinks.clickhouse.store import Store
from sinks.pictures.store import PictureStore
from sinks.retention.backups import backups_place
from sinks.retention.files import Incoming, SpoolHere
from sinks.retention.pictures import PictureDays
from sinks.retention.place import Place
from sinks.retention.tables import DayTable, ServerLogs

DAY_TABLES = {  # table: what makes a row one of its kind, and the column of its day
    "reads": ("read_id", "collected_at"),
    "alerts": ("(alert_id, sighting)", "collected_at"),
    "blanked_reads": ("read_id", "hour"),
}
HELD_TABLES = ("held_reads", "held_alerts")  # a partition for each hold, dropped with it
EXEMPT_TABLES = {
    "reads_landing": "Null: rows pass through, none is kept",
    "alerts_landing": "Null: rows pass through, none is kept",
    "reads_from_landing": "a view that writes into reads and keeps nothing",
    "alerts_from_landing": "a view that writes into alerts and keeps nothing",
    "blanked_reads_from_landing": "a view that writes into blanked_reads and keeps nothing",
    "suppressed_plates": "in memory alone, filled by the storage process after each start",
    "ledger": "plates and read ids are sealed to the log readers; kept forever",
    "alert_outcomes": "names the alert and whoever verified it, no plate, read, time or place of one",
    "collection_counts": "counts by reader and hour",
    "hit_counts": "counts by reader, hour, kind of match and list",
    "migrations": "numbers and checksums of the schema",
}

TOPICS = {  # the sweep only counts what is left there (kafka_place.py): what destroys it runs by itself, all the time
    "plate-reads": "truncated once every group has committed them (truncation.py)",
    "plate-pictures": "truncated once every group has committed them (truncation.py)",
    "alerts": "deleted by the broker after the days of the topic",
    "dead-letters": "deleted by the broker after the days of the topic",
    "hotlist-entries": "the list itself, no reads; an entry is compacted away after it was taken off the list",
}


def places(settings: Settings, store: Store, pictures: PictureStore) -> list[Place]:
    """All places of storage itself that a sweep goes through, those that feed others first."""
    tables = [
        DayTable(store=store, table=table, identity=identity, time=time)
        for table, (identity, time) in DAY_TABLES.items()
    ]
    incoming = [Incoming(folder=store.incoming)] if store.incoming else []
    spool = SpoolHere(file=settings.home / "spool" / "spool.sqlite")
    return [spool, *incoming, *tables, ServerLogs(store=store), PictureDays(store=pictures), backups_place(settings)]
