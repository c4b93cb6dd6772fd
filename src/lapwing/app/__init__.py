"""The front door: the only room that knows all the others, and puts them together as the configuration says."""
