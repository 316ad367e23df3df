"""Quality, delay, stability and speed of the models on test sets."""
