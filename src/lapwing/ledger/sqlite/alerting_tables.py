"""The tables of those who alert. They are added to a ledger that was made before there were any."""

from __future__ import annotations

DDL = """
-- how far changes of incidents were read, and behind which commit the latest of them was
CREATE TABLE IF NOT EXISTS alert_place (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL,
    commit_number INTEGER NOT NULL, clock_us INTEGER NOT NULL);
-- what each reader knows, and what is held back
CREATE TABLE IF NOT EXISTS alert_readers (channel TEXT NOT NULL, address TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (channel, address)) WITHOUT ROWID;
-- an incident as rules saw it with a change
CREATE TABLE IF NOT EXISTS alert_scenes (number INTEGER PRIMARY KEY, clock_us INTEGER NOT NULL, renewed INTEGER NOT NULL,
    category INTEGER NOT NULL, country TEXT NOT NULL, longitude REAL, latitude REAL, merged_into TEXT NOT NULL);
-- what each reader was told, by which rule
CREATE TABLE IF NOT EXISTS alert_sent (number INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL, channel TEXT NOT NULL,
    address TEXT NOT NULL, rule TEXT NOT NULL, kind TEXT NOT NULL, counts INTEGER NOT NULL, at_us INTEGER NOT NULL,
    incidents TEXT NOT NULL, UNIQUE (alert, channel, address));
CREATE INDEX IF NOT EXISTS alert_sent_by_time ON alert_sent (at_us);
"""

TABLES = ("alert_place", "alert_readers", "alert_scenes", "alert_sent")
"""A rebuild copies these as they are, so that nothing is sent twice."""
