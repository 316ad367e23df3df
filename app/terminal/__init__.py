"""What is written in the terminal: captions, progress, results, the log."""
