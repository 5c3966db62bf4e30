"""The schema of the database as it is promised: for each table engine, partition key, sorting key and columns."""

from dataclasses import dataclass

_READ = """
    state LowCardinality(Nullable(String))
    device_id LowCardinality(String)
    received_at DateTime64(3, 'UTC')
    latitude Float64
    longitude Float64
    confidence Nullable(Float32)
    candidates Array(Tuple(plate String, confidence Nullable(Float32)))
    pictures Array(Tuple(sha256 FixedString(32), kind String))
"""
_ALERT_IDENTITY = """
    plate String
    collected_at DateTime64(3, 'UTC')
    alert_id UUID
"""
_ALERT_AS_SENT = """
    read_id UUID
    entry_id String
    raised_at DateTime64(3, 'UTC')
    status {word}
    match_kind {word}
    state_verdict {word}
    priority Int32
    notice {word}
    state {optional_word}
    device_id {word}
    received_at DateTime64(3, 'UTC')
    latitude Float64
    longitude Float64
    confidence Nullable(Float32)
    candidates Array(Tuple(plate String, confidence Nullable(Float32)))
    pictures Array(Tuple(sha256 FixedString(32), kind String))
    list_plate String
    list_state {optional_word}
    source {word}
    category {word}
    case_number Nullable(String)
    extracted_at DateTime64(3, 'UTC')
    differing_positions Array(Int32)
    matched_candidate Nullable(String)
    is_late Bool
    is_stale Bool
    list_age_seconds Nullable(Int64)
    entry_effective_at Nullable(DateTime64(3, 'UTC'))
    entry_age_seconds Nullable(Int64)
    passage_started_at Nullable(DateTime64(3, 'UTC'))
    last_seen_at Nullable(DateTime64(3, 'UTC'))
"""
_PLAIN = {"word": "String", "optional_word": "Nullable(String)"}
_LOW = {"word": "LowCardinality(String)", "optional_word": "LowCardinality(Nullable(String))"}
_CLASSIFIED = "\n    classification LowCardinality(String)"
_STORED = "\n    stored_at DateTime64(3, 'UTC')"
_READ_ORDER = "folded_plate, collected_at, read_id"


@dataclass(frozen=True)
class Table:
    engine: str
    partition_key: str
    sorting_key: str
    columns: dict[str, str]


def _columns(text: str) -> dict[str, str]:
    pairs = (line.strip().split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {name: kind for name, kind in pairs}


_FOLDED = "\n    folded_plate String"
_READ_KEY = "\n    collected_at DateTime64(3, 'UTC')\n    read_id UUID\n    plate String"
_ALERT = _columns(
    _FOLDED + _ALERT_IDENTITY + "    sighting Int32" + _ALERT_AS_SENT.format(**_LOW)
    + "    source_offset Int64" + _CLASSIFIED + _STORED
)  # fmt: skip
_HELD_ALERT = {"hold_id": "UUID", **_ALERT, "held_at": _ALERT["stored_at"]}
del _HELD_ALERT["stored_at"]
_BLANKED = _columns(
    "hour DateTime('UTC')\n device_id LowCardinality(String)" + _CLASSIFIED + "\n read_id UUID"
)  # fmt: skip

TABLES = {
    "migrations": Table(
        "MergeTree", "", "number",
        _columns("number UInt32\n name String\n checksum String\n applied_at DateTime64(3, 'UTC')"),
    ),
    "reads": Table(
        "ReplacingMergeTree", "toDate(collected_at)", _READ_ORDER,
        _columns(_FOLDED + _READ_KEY + _READ + _CLASSIFIED + _STORED),
    ),
    "reads_landing": Table(
        "Null", "", "",
        _columns(
            "plate String\n collected_at DateTime64(3, 'UTC')\n read_id UUID"
            + _READ.replace("LowCardinality(Nullable(String))", "Nullable(String)").replace(
                "LowCardinality(String)", "String"
            )
        ),
    ),
    "alerts": Table("ReplacingMergeTree", "toDate(collected_at)", "alert_id, sighting", _ALERT),
    "alerts_landing": Table(
        "Null", "", "",
        _columns(_ALERT_IDENTITY + _ALERT_AS_SENT.format(**_PLAIN) + "    sighting Int32\n    source_offset Int64"),
    ),
    "alert_outcomes": Table(
        "ReplacingMergeTree", "", "alert_id",
        _columns(
            "alert_id UUID\n outcome LowCardinality(String)\n verified_by String\n"
            "verified_at DateTime64(3, 'UTC')\n report_number Nullable(String)" + _STORED
        ),
    ),
    "ledger": Table(
        "ReplacingMergeTree", "", "offset",
        _columns("offset UInt64\n key Nullable(String)\n value Nullable(String)" + _STORED),
    ),
    "held_reads": Table(
        "ReplacingMergeTree", "hold_id", _READ_ORDER,
        _columns(
            "hold_id UUID" + _FOLDED + _READ_KEY + _READ + _CLASSIFIED
            + "\n read_sha256 FixedString(32)\n held_at DateTime64(3, 'UTC')"
        ),
    ),
    "held_alerts": Table("ReplacingMergeTree", "hold_id", "alert_id, sighting", _HELD_ALERT),
    "suppressed_plates": Table("Memory", "", "", _columns("folded_plate String")),
    "collection_counts": Table(
        "AggregatingMergeTree", "", "hour, device_id, classification",
        _columns(
            "hour DateTime('UTC')\n device_id LowCardinality(String)" + _CLASSIFIED
            + "\n reads SimpleAggregateFunction(max, UInt64)"
        ),
    ),
    "hit_counts": Table(
        "AggregatingMergeTree", "", "hour, device_id, match_kind, category, source",
        _columns(
            "hour DateTime('UTC')\n device_id LowCardinality(String)\n match_kind LowCardinality(String)\n"
            "category LowCardinality(String)\n source LowCardinality(String)\n"
            "hits SimpleAggregateFunction(max, UInt64)"
        ),
    ),
    "blanked_reads": Table(
        "ReplacingMergeTree", "toDate(hour)", "hour, device_id, classification, read_id", _BLANKED
    ),
}  # fmt: skip

VIEWS = {"reads_from_landing", "alerts_from_landing", "blanked_reads_from_landing"}
