-- Alerts of the reads that a hold keeps; a partition for each hold, as in held_reads.
CREATE TABLE IF NOT EXISTS held_alerts
(
    hold_id UUID,
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
    held_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY hold_id
ORDER BY (alert_id, sighting)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

-- Suppressed plates in force, filled by the storage process. In memory alone: the statement that takes their rows out is
-- kept on disk by the engine, and so it names this table and no plate. While the table is empty, after a restart, such
-- a statement does nothing.
CREATE TABLE IF NOT EXISTS suppressed_plates (folded_plate String) ENGINE = Memory;

-- Holds look at what was stored since they last looked.
ALTER TABLE reads ADD INDEX IF NOT EXISTS stored_since stored_at TYPE minmax GRANULARITY 16;
ALTER TABLE alerts ADD INDEX IF NOT EXISTS stored_since stored_at TYPE minmax GRANULARITY 16;

-- What was dropped, or replaced by a merge or a sweep, leaves the disk in seconds.
ALTER TABLE reads MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 5, cleanup_delay_period_random_add = 0;
ALTER TABLE alerts MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 5, cleanup_delay_period_random_add = 0;
ALTER TABLE held_reads MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 5, cleanup_delay_period_random_add = 0;
ALTER TABLE held_alerts MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 5, cleanup_delay_period_random_add = 0;
ALTER TABLE blanked_reads MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 5, cleanup_delay_period_random_add = 0;
