"""The tables of flagged posts and of incidents. They are added to a ledger that was made before there were any."""

from __future__ import annotations

DDL = """
-- posts that may tell of an emergency: narrow; all else of them is in facts and texts
CREATE TABLE IF NOT EXISTS flagged (seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, at_us INTEGER NOT NULL,
    category INTEGER NOT NULL, verdict INTEGER NOT NULL, per_mille INTEGER NOT NULL, official INTEGER NOT NULL,
    longitude REAL, latitude REAL, because TEXT, terms BLOB);
CREATE INDEX IF NOT EXISTS flagged_by_commit ON flagged (number);
-- how far the time of posts had come with a commit; a minute or more apart
CREATE TABLE IF NOT EXISTS moments (number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL);
-- candidates (state 0) and incidents; `body` is the whole of those that are still worked on
CREATE TABLE IF NOT EXISTS incidents (founder INTEGER PRIMARY KEY, mark TEXT NOT NULL, state INTEGER NOT NULL,
    reason TEXT NOT NULL, category INTEGER NOT NULL, severity INTEGER NOT NULL, first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL, since_us INTEGER NOT NULL, voices INTEGER NOT NULL, posts INTEGER NOT NULL,
    reposts INTEGER NOT NULL, taken_back INTEGER NOT NULL, area INTEGER NOT NULL, country TEXT NOT NULL,
    longitude REAL, latitude REAL, radius_km REAL, merged_into TEXT NOT NULL, muted INTEGER NOT NULL,
    confirmed_by TEXT NOT NULL, official INTEGER NOT NULL, number INTEGER NOT NULL, body BLOB);
CREATE INDEX IF NOT EXISTS incidents_by_mark ON incidents (mark);
CREATE INDEX IF NOT EXISTS incidents_by_time ON incidents (last_us) WHERE state > 0;
CREATE INDEX IF NOT EXISTS incidents_at_work ON incidents (founder) WHERE body IS NOT NULL;
CREATE TABLE IF NOT EXISTS evidence (seq INTEGER PRIMARY KEY, founder INTEGER NOT NULL, voice INTEGER NOT NULL,
    standing INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS evidence_by_founder ON evidence (founder);
CREATE TABLE IF NOT EXISTS rhythms (area INTEGER PRIMARY KEY, body BLOB NOT NULL);
-- what became of incidents, in order, for those who alert
CREATE TABLE IF NOT EXISTS incident_changes (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL, commit_number INTEGER NOT NULL, at_us INTEGER NOT NULL, decided_us INTEGER NOT NULL,
    kind TEXT NOT NULL, state INTEGER NOT NULL, severity INTEGER NOT NULL, voices INTEGER NOT NULL, muted INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS incident_changes_by_incident ON incident_changes (incident, number);
-- what people decided, and behind which commit it was taken up
CREATE TABLE IF NOT EXISTS decisions (number INTEGER PRIMARY KEY AUTOINCREMENT, at_commit INTEGER NOT NULL, body BLOB NOT NULL);
"""

TABLES = ("moments", "incident_changes", "decisions")
"""A rebuild copies these as they are; flagged posts are judged again, and the other tables made anew from them."""
