-- A search for a plate reads one granule of 1,024 rows from each of 60 parts. In blocks of 64 KiB it would unpack eight of
-- them, column by column: 30 MB a search instead of 4.
ALTER TABLE reads MODIFY SETTING min_compress_block_size = 8192;
