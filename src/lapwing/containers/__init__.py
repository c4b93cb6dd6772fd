"""A byte stream cut into records, whatever it is wrapped in: lines, arrays, archives, tables, recordings, compressed."""
