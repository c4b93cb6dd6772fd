"""What was heard, remembered in order: topics, partitions, offsets."""
