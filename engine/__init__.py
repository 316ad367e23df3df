"""The stream: audio to text to captions. Knows no sockets, no Qt, no files of settings."""
