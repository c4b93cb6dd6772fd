"""Cities and countries: their names in text and in profiles, and what is near."""
