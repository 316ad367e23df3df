"""The benchmarks: of the translators, and of a server under load."""
