"""The benchmark of the translators."""
