DROP TABLE nodes;
DROP TABLE idempotency_keys;
DROP TABLE audit_log;
DROP TABLE stream_costs;
DROP TABLE stream_metrics;
DELETE FROM counters WHERE name IN ('stream_metrics', 'stream_costs');
