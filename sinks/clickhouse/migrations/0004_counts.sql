-- What remains when reads are gone: how many were collected, by reader and hour. Read ids are counted, so a replay or
-- a resend counts once, and a count can only grow until its day is destroyed: of several the largest is right.
CREATE TABLE IF NOT EXISTS collection_counts
(
    hour DateTime('UTC'),
    device_id LowCardinality(String),
    classification LowCardinality(String),
    reads SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, device_id, classification)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

-- Hits of those reads by their kind and by the list they were found on; later sightings of an alert are not hits.
CREATE TABLE IF NOT EXISTS hit_counts
(
    hour DateTime('UTC'),
    device_id LowCardinality(String),
    match_kind LowCardinality(String),
    category LowCardinality(String),
    source LowCardinality(String),
    hits SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, device_id, match_kind, category, source)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

-- Reads of which nothing may be stored are counted all the same: a count of nought at an hour in which someone passed
-- would tell that the plate is suppressed. They land without plate, place and pictures.
CREATE TABLE IF NOT EXISTS blanked_reads
(
    hour DateTime('UTC'),
    device_id LowCardinality(String),
    classification LowCardinality(String),
    read_id UUID
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(hour)
ORDER BY (hour, device_id, classification, read_id)
TTL toStartOfDay(hour) + INTERVAL 60 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS blanked_reads_from_landing TO blanked_reads AS
SELECT toStartOfHour(collected_at) AS hour, device_id, 'private' AS classification, read_id
FROM reads_landing
WHERE plate = '';

ALTER TABLE reads_from_landing MODIFY QUERY
SELECT translate(plate, 'OI', '01') AS folded_plate, *
FROM reads_landing
WHERE plate != '';
