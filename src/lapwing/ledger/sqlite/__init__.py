"""The embedded ledger: one SQLite file, narrow rows for what changes, immutable column blocks for what does not.

schema.py       the tables, opening, the format version
columns.py      a frame as a small blob, and back
runs.py         sorted runs of pages, merged as they pile up: the log-structured merge tree under keys and activity
keys.py         a name → the post it belongs to: new or known
activity.py     who posted where and when, as signed rows: what windows are counted from
blocks.py       facts and texts of posts, by sequence number
postings.py     term → rows, for search
prepare.py      everything of a batch that can be made before the lock is taken
commit.py       the transaction
standing.py     which content of a post stands, and what edits, deletes and authors change in the counts
leases.py       partitions, epochs, the one writer
reading.py      posts, search         counting.py   windows, people, completeness
upkeep.py       merging, retention, backup         verify.py   every promise, checked
"""
