"""What a record says: bytes in, columns and refusals out. One file per protocol, each ending in `FORMAT`."""
