"""The policies behind the translator protocol, on the models' networks."""
