"""Who is told, and how: one file for each kind of channel."""
