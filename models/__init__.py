"""Networks and what belongs to them: tokenisers, layers, checkpoints, training. No streams."""
