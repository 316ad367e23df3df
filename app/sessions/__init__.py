"""Kept sessions: the journal of a run, its sound, and what can be done with them later."""
