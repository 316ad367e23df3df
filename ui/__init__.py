"""The Qt subtitle overlay. Knows engine.captions only."""
