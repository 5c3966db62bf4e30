-- Reads as they come out of Avro, with plain types: parsing straight into LowCardinality is slow. Nothing stays here.
CREATE TABLE IF NOT EXISTS reads_landing
(
    plate String,
    collected_at DateTime64(3, 'UTC'),
    read_id UUID,
    state Nullable(String),
    device_id String,
    received_at DateTime64(3, 'UTC'),
    latitude Float64,
    longitude Float64,
    confidence Nullable(Float32),
    candidates Array(Tuple(plate String, confidence Nullable(Float32))),
    pictures Array(Tuple(sha256 FixedString(32), kind String))
)
ENGINE = Null;

-- The same read always lands in the same place, so a repeat is dropped by merges; until then queries say
-- LIMIT 1 BY read_id and counts are uniqExact(read_id). A part is on disk when its insert returns, and so is the
-- outcome of a merge before the parts it replaces go. The TTL is the backstop of the sweep and drops whole parts.
CREATE TABLE IF NOT EXISTS reads
(
    folded_plate String,
    collected_at DateTime64(3, 'UTC'),
    read_id UUID,
    plate String,
    state LowCardinality(Nullable(String)),
    device_id LowCardinality(String),
    received_at DateTime64(3, 'UTC'),
    latitude Float64,
    longitude Float64,
    confidence Nullable(Float32),
    candidates Array(Tuple(plate String, confidence Nullable(Float32))),
    pictures Array(Tuple(sha256 FixedString(32), kind String)),
    classification LowCardinality(String) DEFAULT 'private',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(collected_at)
ORDER BY (folded_plate, collected_at, read_id)
TTL toStartOfDay(collected_at) + INTERVAL 60 DAY
SETTINGS
    index_granularity = 1024,
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

-- Folding as in schemas/plates.py; plates arrive upper case and without separators.
CREATE MATERIALIZED VIEW IF NOT EXISTS reads_from_landing TO reads AS
SELECT translate(plate, 'OI', '01') AS folded_plate, *
FROM reads_landing;
