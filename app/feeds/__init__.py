"""Where captions go: files, MQTT, meetings and live streams; and the client of a feed."""
