-- Roles on a ClickHouse server, for a database named `default`; run it as an administrator, again after an upgrade:
--     clickhouse-client --multiquery < deploy/clickhouse-roles.sql
-- Then make users with passwords of their own and give them roles:
--     the storage process                                  platestream_storage, at an upgrade also platestream_migrator
--     the one with retention.is_run_here                   platestream_sweeper as well
--     the gateway in it (storage.clickhouse_reader_dsn)    platestream_reader alone
--     whoever runs `platestream restore`                   platestream_restorer as well
-- No role may drop a table. Nobody but the sweeper destroys rows, and the reader changes nothing.

CREATE ROLE IF NOT EXISTS platestream_migrator, platestream_storage, platestream_sweeper, platestream_reader, platestream_restorer;

-- what was searched for must not stay in the server's logs, whoever forgets to say so
CREATE SETTINGS PROFILE IF NOT EXISTS platestream_quiet SETTINGS log_queries = 0 TO platestream_migrator, platestream_storage, platestream_sweeper, platestream_restorer;
CREATE SETTINGS PROFILE IF NOT EXISTS platestream_reading SETTINGS log_queries = 0, readonly = 2 TO platestream_reader;

-- the schema
GRANT SELECT, INSERT, CREATE TABLE, CREATE VIEW, ALTER TABLE, ALTER VIEW ON default.* TO platestream_migrator;

-- step 6: what the sinks write, count and merge; each start looks whether the schema is the newest
GRANT CREATE TABLE, SELECT ON default.migrations TO platestream_storage;
GRANT SELECT, INSERT ON default.reads_landing TO platestream_storage;
GRANT SELECT, INSERT ON default.alerts_landing TO platestream_storage;
GRANT SELECT, INSERT, OPTIMIZE ON default.reads TO platestream_storage;
GRANT SELECT, INSERT, OPTIMIZE ON default.alerts TO platestream_storage;
GRANT SELECT, INSERT ON default.blanked_reads TO platestream_storage;
GRANT SELECT, INSERT ON default.alert_outcomes TO platestream_storage;
GRANT SELECT, INSERT ON default.ledger TO platestream_storage;
GRANT SELECT, INSERT ON default.collection_counts TO platestream_storage;
GRANT SELECT, INSERT ON default.hit_counts TO platestream_storage;
GRANT SELECT ON system.parts TO platestream_storage;
GRANT SELECT ON system.settings TO platestream_storage;

-- steps 7 and 9: holds are filled, suppressed plates taken out, days and ended holds dropped and counted beforehand
GRANT SELECT, INSERT, ALTER DELETE ON default.held_reads TO platestream_sweeper;
GRANT SELECT, INSERT, ALTER DELETE ON default.held_alerts TO platestream_sweeper;
GRANT SELECT, ALTER DELETE ON default.reads TO platestream_sweeper;
GRANT SELECT, ALTER DELETE ON default.alerts TO platestream_sweeper;
GRANT SELECT, INSERT, ALTER DELETE ON default.blanked_reads TO platestream_sweeper;
GRANT SELECT, INSERT, TRUNCATE ON default.suppressed_plates TO platestream_sweeper;
GRANT SELECT, INSERT ON default.collection_counts TO platestream_sweeper;
GRANT SELECT, INSERT ON default.hit_counts TO platestream_sweeper;
GRANT SELECT ON system.parts TO platestream_sweeper;
GRANT SELECT ON system.detached_parts TO platestream_sweeper;
GRANT SELECT ON system.tables TO platestream_sweeper;
GRANT SELECT ON system.settings TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.query_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.query_thread_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.query_views_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.text_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.opentelemetry_span_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.asynchronous_insert_log TO platestream_sweeper;
GRANT SELECT, TRUNCATE ON system.user_query_log TO platestream_sweeper;

-- step 8: what searches and the public log read
GRANT SELECT ON default.reads TO platestream_reader;
GRANT SELECT ON default.alerts TO platestream_reader;
GRANT SELECT ON default.alert_outcomes TO platestream_reader;
GRANT SELECT ON default.held_reads TO platestream_reader;
GRANT SELECT ON default.held_alerts TO platestream_reader;
GRANT SELECT ON default.collection_counts TO platestream_reader;
GRANT SELECT ON default.hit_counts TO platestream_reader;
GRANT SELECT ON system.settings TO platestream_reader;
GRANT SELECT ON system.processes TO platestream_reader; -- it may end its own searches, and looks for them there

-- a backup that is restored passes through tables in memory
GRANT CREATE TABLE, DROP TABLE, SELECT, INSERT ON default.restored_held_reads TO platestream_restorer;
GRANT CREATE TABLE, DROP TABLE, SELECT, INSERT ON default.restored_held_alerts TO platestream_restorer;
GRANT SELECT, INSERT ON default.held_reads TO platestream_restorer;
GRANT SELECT, INSERT ON default.held_alerts TO platestream_restorer;
