"""Every metric of every process, by its one name. Labels take values from closed sets only."""

from prometheus_client import Counter, Gauge, Histogram

# collector: step 1 heard, step 2 spooled, step 3 published
MESSAGES_HEARD = Counter(
    "platestream_collector_messages_total", "Messages posted by readers, by vendor and outcome", ["vendor", "outcome"]
)
READS_HEARD = Counter("platestream_collector_reads_total", "Reads taken from messages, resends included")
FIELDS_DROPPED = Counter("platestream_collector_dropped_fields_total", "Fields outside the closed list, dropped")
PICTURES_REFUSED = Counter("platestream_collector_refused_pictures_total", "Pictures not taken, by reason", ["reason"])
SPOOL_ROWS = Gauge("platestream_collector_spool_rows", "Messages on disk not yet acknowledged by the broker")
SPOOL_BYTES = Gauge("platestream_collector_spool_bytes", "Disk used by the spool")
SPOOL_OVERDUE = Counter("platestream_collector_spool_overdue_total", "Messages destroyed in the spool, overdue there")
PUBLISHED = Counter("platestream_collector_published_total", "Messages acknowledged by the broker", ["topic"])

# processor: step 4 matched
READS_MATCHED = Counter("platestream_processor_reads_total", "Reads compared with the hotlist")
READS_NOT_MATCHED = Counter(
    "platestream_processor_suspended_reads_total", "Reads not compared because all use was suspended by order"
)
HITS = Counter("platestream_processor_hits_total", "Reads that agree with an entry, by match kind", ["match_kind"])
NOT_ALERTED = Counter(
    "platestream_processor_not_alerted_total", "Entries whose plate was read but that may not alert", ["reason"]
)
ALERTS = Counter("platestream_processor_alerts_total", "Alerts raised, acknowledged by the broker; no updates of them")
SIGHTINGS = Counter(
    "platestream_processor_sightings_total", "Further sightings of cars already alerted: updates acknowledged"
)
ALERTS_UNREADABLE = Counter(
    "platestream_processor_unreadable_alerts_total",
    "Messages read back from the alerts log that are no alerts",
    ["reason"],
)
READ_TO_ALERT = Histogram(
    "platestream_processor_read_to_alert_seconds",
    "From the collector's receipt of a read to the broker's acknowledgement of its alert",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 300),
)
HOTLIST_ENTRIES = Gauge("platestream_processor_hotlist_entries", "Entries in the worker's hotlist table")
HOTLIST_REFUSED = Counter("platestream_processor_refused_entries_total", "Entries not taken into the table", ["reason"])
TABLES_CURRENT = Gauge(
    "platestream_processor_tables_current", "1 while the followed tables are known to be current, 0 while reads wait"
)

# storage: step 6 kept
READS_STORED = Counter("platestream_storage_reads_total", "Reads inserted, repeats included")
READS_OVERDUE = Counter(
    "platestream_storage_overdue_reads_total",
    "Reads past their destruction date, or collected while use was suspended: not stored",
)
ALERTS_STORED = Counter("platestream_storage_alerts_total", "Alerts inserted, repeats included")
OUTCOMES_STORED = Counter("platestream_storage_outcomes_total", "Outcomes inserted, repeats included")
LEDGER_STORED = Counter("platestream_storage_ledger_events_total", "Ledger events copied, each once")
INSERTS = Counter("platestream_storage_inserts_total", "Insert statements")
PAUSED = Gauge("platestream_storage_paused", "1 while a topic waits because its store is slow or away", ["topic"])
INSERT_SECONDS = Histogram("platestream_storage_insert_seconds", "Time of one insert")
PICTURES_STORED = Counter("platestream_storage_pictures_total", "Pictures written to the store, repeats included")
PICTURES_OVERDUE = Counter("platestream_storage_overdue_pictures_total", "Pictures past their destruction date")

# storage: step 7 held, step 9 destroyed
KAFKA_RECORDS = Gauge("platestream_storage_kafka_records", "Records on a truncated topic after truncation", ["topic"])
TRUNCATION_FAILURES = Counter("platestream_storage_truncation_failures_total", "Truncations that Kafka did not take")
HOLDS = Gauge("platestream_storage_holds", "Open holds; lapsed: not attested in time", ["kind", "standing"])
HELD_READS = Gauge("platestream_storage_held_reads", "Reads that holds keep; a read in two holds counts twice")
HELD_PICTURES_DIFFER = Counter(
    "platestream_storage_held_pictures_differ_total", "Pictures not held because they are not what their read says"
)
OLDEST_READ_SECONDS = Gauge("platestream_storage_oldest_read_seconds", "Age of the oldest read by place", ["place"])
DESTROYED = Counter("platestream_storage_destroyed_total", "Records and files destroyed by place", ["place"])
SURVIVORS = Gauge("platestream_storage_survivors", "Overdue records and files a sweep left, by place", ["place"])
UNKNOWN = Gauge("platestream_storage_unknown_places", "1 while it cannot be known what is overdue there", ["place"])
SWEEPS = Counter("platestream_storage_sweeps_total", "Sweeps, by outcome", ["outcome"])

# gateway: step 8 asked
SEARCHES = Counter("platestream_gateway_searches_total", "Searches, by outcome", ["outcome"])

# all processes
DEAD_LETTERS = Counter("platestream_dead_letters_total", "Messages that could not be processed", ["stage", "reason"])
LEDGER_EVENTS = Counter("platestream_ledger_events_total", "Events acknowledged by the ledger", ["kind"])
