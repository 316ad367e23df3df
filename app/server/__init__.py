"""Captions, sound and translations served on one port, one path per protocol."""
