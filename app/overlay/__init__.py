"""The overlay as a program: what the user chose, and an engine in a process of its own."""
