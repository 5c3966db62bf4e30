-- Alerts as they come out of Avro; nothing stays here. A column that a writer's version does not have yet takes its
-- default.
CREATE TABLE IF NOT EXISTS alerts_landing
(
    plate String,
    collected_at DateTime64(3, 'UTC'),
    alert_id UUID,
    read_id UUID,
    entry_id String,
    raised_at DateTime64(3, 'UTC'),
    status String,
    match_kind String,
    state_verdict String,
    priority Int32,
    notice String,
    state Nullable(String),
    device_id String,
    received_at DateTime64(3, 'UTC'),
    latitude Float64,
    longitude Float64,
    confidence Nullable(Float32),
    candidates Array(Tuple(plate String, confidence Nullable(Float32))),
    pictures Array(Tuple(sha256 FixedString(32), kind String)),
    list_plate String,
    list_state Nullable(String),
    source String,
    category String,
    case_number Nullable(String),
    extracted_at DateTime64(3, 'UTC'),
    differing_positions Array(Int32),
    matched_candidate Nullable(String),
    is_late Bool,
    is_stale Bool,
    list_age_seconds Nullable(Int64),
    entry_effective_at Nullable(DateTime64(3, 'UTC')),
    entry_age_seconds Nullable(Int64),
    passage_started_at Nullable(DateTime64(3, 'UTC')),
    last_seen_at Nullable(DateTime64(3, 'UTC')),
    sighting Int32 DEFAULT 1,
    source_offset Int64 DEFAULT -1
)
ENGINE = Null;

-- A message on `alerts` is identified by alert and sighting: the first raises the alert, a later one is the same car
-- again. An alert goes with the day on which its read was collected.
CREATE TABLE IF NOT EXISTS alerts
(
    folded_plate String,
    plate String,
    collected_at DateTime64(3, 'UTC'),
    alert_id UUID,
    sighting Int32,
    read_id UUID,
    entry_id String,
    raised_at DateTime64(3, 'UTC'),
    status LowCardinality(String),
    match_kind LowCardinality(String),
    state_verdict LowCardinality(String),
    priority Int32,
    notice LowCardinality(String),
    state LowCardinality(Nullable(String)),
    device_id LowCardinality(String),
    received_at DateTime64(3, 'UTC'),
    latitude Float64,
    longitude Float64,
    confidence Nullable(Float32),
    candidates Array(Tuple(plate String, confidence Nullable(Float32))),
    pictures Array(Tuple(sha256 FixedString(32), kind String)),
    list_plate String,
    list_state LowCardinality(Nullable(String)),
    source LowCardinality(String),
    category LowCardinality(String),
    case_number Nullable(String),
    extracted_at DateTime64(3, 'UTC'),
    differing_positions Array(Int32),
    matched_candidate Nullable(String),
    is_late Bool,
    is_stale Bool,
    list_age_seconds Nullable(Int64),
    entry_effective_at Nullable(DateTime64(3, 'UTC')),
    entry_age_seconds Nullable(Int64),
    passage_started_at Nullable(DateTime64(3, 'UTC')),
    last_seen_at Nullable(DateTime64(3, 'UTC')),
    source_offset Int64 DEFAULT -1,
    classification LowCardinality(String) DEFAULT 'private',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(collected_at)
ORDER BY (alert_id, sighting)
TTL toStartOfDay(collected_at) + INTERVAL 60 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS alerts_from_landing TO alerts AS
SELECT translate(plate, 'OI', '01') AS folded_plate, *
FROM alerts_landing;

-- What a person found about an alert, without the plate; of several, the last on the topic counts. Kept for audits.
CREATE TABLE IF NOT EXISTS alert_outcomes
(
    alert_id UUID,
    outcome LowCardinality(String),
    verified_by String,
    verified_at DateTime64(3, 'UTC'),
    report_number Nullable(String),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY alert_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;
