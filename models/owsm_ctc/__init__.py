"""OWSM-CTC: one CTC encoder for speech recognition, speech translation and language detection."""
