"""How long tests wait for what has to happen."""

TIMEOUT_S = 300.0
"""Far more than anything takes, on a busy machine too: only what never happens takes so long."""
