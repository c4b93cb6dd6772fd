"""The one store that is right: what is known, what it counts for, and how far the log was read."""
