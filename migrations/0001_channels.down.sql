DROP TABLE counters;
DROP TABLE broadcasts;
DROP TABLE channels;
