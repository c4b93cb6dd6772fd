"""The embedded ledger: one SQLite file, narrow rows for what changes, immutable column blocks for what does not.

| file | what is in it |
|---|---|
| ledger.py | the ledger as the engine sees it: claim, save, tidy, expire |
| store.py, schema.py, leases.py | one open generation; its tables; partitions, epochs, the one writer |
| columns.py, frames.py | a frame as a small blob, and back; those that were decoded, kept for a while |
| runs.py, keys.py, names.py | sorted runs of pages, merged as they pile up; a name → its post; names on the disk |
| blocks.py, postings.py | facts and texts of posts, by sequence number; term → rows, for search |
| prepare.py, commit.py | what can be made before the lock is taken; the transaction |
| hearing.py, changing.py, standing.py | repeats and edits; deletes and authors; which content of a post stands |
| accounting.py | what became of every record, and the dead letters |
| selecting.py, searching.py, reading.py, counting.py | filters; queries to candidates; posts; windows and people |
| following.py | what changed since a commit, for copies elsewhere |
| upkeep.py, rollups.py, retention.py, rebuilding.py | merging and copying; whole hours; what is too old; a new generation |
| verify.py | every promise, checked |
"""
