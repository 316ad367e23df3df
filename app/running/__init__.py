"""A session put together from the settings, run, and brought to all that shows it."""
