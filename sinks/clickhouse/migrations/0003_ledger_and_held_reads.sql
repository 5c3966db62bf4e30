-- The topic `ledger` once more, byte for byte. Bodies and keys hold no plate; plates are only in sealed boxes.
CREATE TABLE IF NOT EXISTS ledger
(
    offset UInt64,
    key Nullable(String),
    value Nullable(String),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY offset
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;

-- Reads that a hold keeps: a partition for each hold, which lives as long as the hold and has no TTL. The hash is over
-- what the reader sent, in ClickHouse's own binary format of a row, so it is the same for every copy of a read.
CREATE TABLE IF NOT EXISTS held_reads
(
    hold_id UUID,
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
    read_sha256 FixedString(32) DEFAULT SHA256(formatRow(
        'RowBinary', plate, collected_at, read_id, state, device_id, received_at, latitude, longitude, confidence,
        candidates, pictures
    )),
    held_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY hold_id
ORDER BY (folded_plate, collected_at, read_id)
SETTINGS
    index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1;
