from app.sources.pulse import PulseSource, parse_sources


def test_sources_are_read_with_their_number_and_format() -> None:
    listing = (
        "0\tspeaker.monitor\tmodule-null-sink.c\ts16le 2ch 44100Hz\tIDLE\n"
        "53\talsa_input.usb-headset\tPipeWire\tfloat32le 1ch 48000Hz\tSUSPENDED\n"
        "something else\n"
    )
    assert parse_sources(listing) == [
        PulseSource(0, "speaker.monitor", 2, 44_100),
        PulseSource(53, "alsa_input.usb-headset", 1, 48_000),
    ]
