"""The models of this computer: which there are, fetched, exported, loaded and put to use."""
