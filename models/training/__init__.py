"""Data preparation, the training loop and one task per kind of model."""
