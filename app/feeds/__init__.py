"""Where captions go: WebSocket, subtitle files, the terminal."""
