"""Where audio and live text come from: files, microphone, standard input."""
