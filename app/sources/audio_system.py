"""Which of the ways to the inputs of this computer is there."""

from app.sources.devices import AudioSystem
from app.sources.portaudio import PortAudio
from app.sources.pulse import SoundServer


def find_audio_system() -> AudioSystem:
    """The sound server where one runs, and PortAudio elsewhere.

    Raises:
        SourceError: no sound server runs, and PortAudio is not installed.
    """
    server = SoundServer()
    return server if server.answers() else PortAudio()
