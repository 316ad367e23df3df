"""The models in the form that other engines run."""
