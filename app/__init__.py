"""What a person starts: command line, settings, sources, feeds."""
