"""Pure arithmetic of windows: which one a time falls in, what is counted in it, and how complete it is."""
