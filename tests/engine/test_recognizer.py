import logging
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.acoustics import BestPathDecoder
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from engine.recognizer import StreamingRecognizer
from engine.recognizer_config import PRESETS, RecognizerConfig, RecognizerError
from engine.source import SourcePrefix
from engine.vad import SileroModel, SpeechDetector, VadConfig, VoiceDetector
from tests.caption_order import extends
from tests.engine.tones import (
    PIECES,
    WORDS,
    AlwaysSpeech,
    ToneModel,
    loudness_detector,
    silence,
    speak,
)

BALANCED = PRESETS["balanced"]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
pauses = st.floats(0.0, 1.5)


def recognizer(
    model: ToneModel | None = None,
    vad: SpeechDetector | None = None,
    config: RecognizerConfig = BALANCED,
) -> StreamingRecognizer:
    decoder = BestPathDecoder(model or ToneModel(), PIECES)
    return StreamingRecognizer(decoder, vad or loudness_detector(), lang="en", config=config)


def chunks(samples: Samples, lengths: list[int] | None = None) -> Iterator[AudioChunk]:
    """Cut samples into chunks of these lengths, which are used in turn."""
    lengths = lengths or [SAMPLE_RATE_HZ // 10]
    position, index = 0, 0
    while position < len(samples):
        part = samples[position : position + lengths[index % len(lengths)]]
        yield AudioChunk(part, position / SAMPLE_RATE_HZ)
        position += len(part)
        index += 1


def recognize(
    samples: Samples, to: StreamingRecognizer | None = None, lengths: list[int] | None = None
) -> list[SourcePrefix]:
    to = to or recognizer()
    prefixes = [prefix for chunk in chunks(samples, lengths) for prefix in to.accept(chunk)]
    return prefixes + to.finish()


def finals(prefixes: list[SourcePrefix]) -> list[str]:
    return [prefix.committed for prefix in prefixes if prefix.finished]


def check_order(prefixes: list[SourcePrefix]) -> None:
    """Segments count up, committed text only grows, and a segment ends once, with no more."""
    for before, after in pairwise(prefixes):
        if before.finished:
            assert after.segment == before.segment + 1
            assert after.start_s >= before.end_s
        else:
            assert after.segment == before.segment
            assert after.start_s == before.start_s
            assert extends(before.committed, after.committed)
        assert after.finished or after.end_s >= before.end_s
    for prefix in prefixes:
        assert prefix.start_s <= prefix.end_s
        assert not (prefix.finished and prefix.tentative)
    assert not prefixes or prefixes[-1].finished


def test_words_are_tentative_first_then_committed_then_finished() -> None:
    prefixes = recognize(np.concatenate((speak("we have to go home now"), silence(2))))
    check_order(prefixes)
    assert prefixes[0].tentative
    assert not prefixes[0].committed
    assert any(prefix.committed and not prefix.finished for prefix in prefixes)
    assert finals(prefixes) == ["we have to go home now"]


def test_tentative_words_that_were_wrong_are_taken_back() -> None:
    spoken = "we go home now we go home now"
    prefixes = recognize(speak(spoken))
    shown = {word for prefix in prefixes for word in prefix.tentative.split()}
    assert shown - {"we", "go", "home", "now"}
    assert finals(prefixes) == [spoken]


def test_a_stretched_recogniser_hears_the_same_in_fewer_steps() -> None:
    sound = np.concatenate((speak("we have to go home now"), silence(2)))
    stretched = recognizer()
    stretched.stretch(4)
    usual, seldom = recognize(sound), recognize(sound, stretched)
    check_order(seldom)
    assert finals(seldom) == finals(usual)
    assert len(seldom) < len(usual)


def test_a_rehearsal_leaves_no_trace_in_the_stream() -> None:
    sound = speak("we go home now")
    rehearsed = recognizer()
    rehearsed.rehearse()
    assert recognize(sound, rehearsed) == recognize(sound)


def test_a_rehearsal_translates_where_the_recogniser_translates() -> None:
    hears, translates = ToneModel(), ToneModel()
    decoders = [BestPathDecoder(model, PIECES) for model in (hears, translates)]
    stream = StreamingRecognizer(
        decoders[0], loudness_detector(), lang="en", translator=decoders[1]
    )
    stream.rehearse()
    assert hears.window_lengths == translates.window_lengths != []


def test_silence_ends_a_segment() -> None:
    sound = np.concatenate((silence(1), speak("we go"), silence(1), speak("the old ship")))
    prefixes = recognize(sound)
    check_order(prefixes)
    assert finals(prefixes) == ["we go", "the old ship"]
    assert prefixes[-1].start_s > 2.0


def test_a_word_after_60_seconds_of_silence_is_there() -> None:
    sound = np.concatenate((speak("we go"), silence(60), speak("home"), silence(1)))
    assert finals(recognize(sound)) == ["we go", "home"]


def test_a_short_pause_does_not_end_a_segment() -> None:
    sound = np.concatenate((speak("we go"), silence(0.3), speak("home")))
    assert finals(recognize(sound)) == ["we go home"]


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.tuples(texts, pauses), min_size=1, max_size=3),
    st.lists(st.sampled_from([0, 7, 160, 512, 1600, 6400, 16_000]), min_size=1, max_size=5),
)
def test_any_chunking_gives_the_same_prefixes(
    parts: list[tuple[str, float]], lengths: list[int]
) -> None:
    sound = np.concatenate([np.concatenate((silence(p), speak(text))) for text, p in parts])
    whole = recognize(sound, lengths=[len(sound)])
    check_order(whole)
    if not any(lengths):
        lengths = [*lengths, 800]
    assert recognize(sound, lengths=lengths) == whole
    assert " ".join(finals(whole)) == " ".join(text for text, _ in parts)


@pytest.mark.parametrize("preset", PRESETS)
def test_long_speech_without_a_pause_loses_and_doubles_no_word(preset: str) -> None:
    generator = random.Random(3)
    text = " ".join(generator.choice(WORDS) for _ in range(250))
    model = ToneModel()
    config = PRESETS[preset]
    prefixes = recognize(speak(text), recognizer(model, config=config))
    check_order(prefixes)
    assert " ".join(finals(prefixes)) == text
    assert len(finals(prefixes)) >= 3
    longest_s = config.longest_segment_s + config.left_context_s + 4
    assert max(model.window_lengths) < longest_s * SAMPLE_RATE_HZ
    for prefix in prefixes:
        assert prefix.end_s - prefix.start_s < config.longest_segment_s + 4


def sentences(prefixes: list[SourcePrefix]) -> list[str]:
    """What was said, with every segment that goes on joined to the next one."""
    joined, goes_on = list[str](), False
    for prefix in prefixes:
        if prefix.finished:
            joined[len(joined) - goes_on :] = (
                [f"{joined[-1]} {prefix.text}"] if goes_on else [prefix.text]
            )
            goes_on = prefix.goes_on
    assert not goes_on
    return [text.strip() for text in joined]


def test_a_segment_that_ends_for_its_length_goes_on() -> None:
    spoken = " ".join(["we have to go home now the old ship sailed"] * 10)
    prefixes = recognize(np.concatenate((speak(spoken), silence(2), speak("go home now"))))
    check_order(prefixes)
    assert len(finals(prefixes)) > 2
    assert sentences(prefixes) == [spoken, "go home now"]


@pytest.mark.parametrize("pause_s", [0.5, 0.8])
def test_a_word_or_two_before_more_speech_begin_its_sentence(pause_s: float) -> None:
    sound = np.concatenate((speak("now"), silence(pause_s), speak("we have to go home")))
    prefixes = recognize(sound)
    check_order(prefixes)
    assert finals(prefixes) == ["now", "we have to go home"]
    assert sentences(prefixes) == ["now we have to go home"]


def test_a_word_by_itself_is_committed_at_once_and_ends_soon_after() -> None:
    stream = recognizer()
    said = recognize_on(stream, np.concatenate((speak("now"), silence(0.7))))
    assert (said[-1].committed, said[-1].tentative, said[-1].finished) == ("now", "", False)
    (last,) = recognize_on(stream, silence(0.6))
    assert (last.committed, last.finished, last.goes_on) == ("now", True, False)


def test_words_one_by_one_do_not_become_one_endless_sentence() -> None:
    words = ("we", "have", "to", "go", "home", "now")
    sound = np.concatenate([part for word in words for part in (speak(word), silence(0.7))])
    assert sentences(recognize(sound)) == ["we have to", "go home now"]


def test_a_fragment_that_no_word_follows_ends_all_the_same() -> None:
    cough = (np.random.default_rng(0).normal(size=1600) * 1e-1).astype(np.float32)
    sound = np.concatenate((speak("now"), silence(0.8), cough, silence(3), speak("we go home")))
    assert sentences(recognize(sound, recognizer(ToneModel(n_unsure=0)))) == ["now", "we go home"]


def test_long_speech_is_cut_at_a_pause_between_words() -> None:
    sound = np.concatenate((speak("we have to go " * 15), silence(0.35), speak("home now " * 5)))
    assert finals(recognize(sound)) == [("we have to go " * 15).strip(), ("home now " * 5).strip()]


def test_memory_and_window_stay_bounded_where_all_is_speech() -> None:
    model = ToneModel()
    stream = recognizer(model, AlwaysSpeech())
    sound = np.concatenate((speak("we go home"), silence(30)))
    prefixes = [prefix for _ in range(4) for prefix in recognize_on(stream, sound)]
    prefixes += stream.finish()
    check_order(prefixes)
    assert finals(prefixes) == ["we go home"] * 4
    assert max(model.window_lengths) <= (BALANCED.buffer_s + 0.5) * SAMPLE_RATE_HZ
    kept = stream._ring.end - stream._ring.start
    assert kept <= 15 * SAMPLE_RATE_HZ


def recognize_on(stream: StreamingRecognizer, sound: Samples) -> list[SourcePrefix]:
    begin_s = stream._time(stream._ring.end)
    return [
        prefix
        for chunk in chunks(sound)
        for prefix in stream.accept(replace(chunk, start_s=begin_s + chunk.start_s))
    ]


def test_blanks_end_a_segment_while_the_detector_still_hears_speech() -> None:
    sound = np.concatenate((speak("we go"), silence(2), speak("home"), silence(3)))
    prefixes = recognize(sound, recognizer(vad=AlwaysSpeech()))
    check_order(prefixes)
    assert finals(prefixes) == ["we go", "home"]


def test_speech_without_words_tells_nothing() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, 10 * SAMPLE_RATE_HZ).astype(np.float32)
    assert recognize(noise, recognizer(vad=AlwaysSpeech())) == []


def test_words_that_were_shown_and_are_gone_end_with_an_empty_final() -> None:
    class Flickering(ToneModel):
        def _hear(self, frames: Samples) -> np.ndarray:
            tokens = super()._hear(frames)
            return tokens if len(frames) < 8 else np.zeros_like(tokens)

    prefixes = recognize(np.concatenate((speak("we"), silence(2))), recognizer(Flickering()))
    check_order(prefixes)
    assert prefixes[0].tentative
    assert finals(prefixes) == [""]


def test_the_last_pass_never_contradicts_committed_words() -> None:
    class SecondThoughts(ToneModel):
        """Hears other words as soon as it is given the whole utterance and its end."""

        def _hear(self, frames: Samples) -> np.ndarray:
            tokens = super()._hear(frames)
            quiet_end = not tokens[-6:].any()
            return np.where(tokens > 0, PIECES.index("▁ship"), 0) if quiet_end else tokens

    prefixes = recognize(
        np.concatenate((speak("we have to go home now we have to go home"), silence(2))),
        recognizer(SecondThoughts()),
    )
    check_order(prefixes)
    (text,) = finals(prefixes)
    assert text.startswith("we have to go home now we")
    assert text.endswith("ship")
    assert len(text.split()) == 11


def test_words_have_times_and_confidence() -> None:
    stream = recognizer()
    recognize(np.concatenate((silence(1), speak("we go"), silence(1))), stream)
    assert [word.text for word in stream.words] == ["we", "go"]
    first, second = stream.words
    assert first.start_s == pytest.approx(1.0, abs=0.12)
    assert first.end_s == pytest.approx(1.16, abs=0.12)
    assert second.start_s == pytest.approx(1.28, abs=0.12)
    assert 0.8 < first.confidence < 1.0


def test_every_token_of_a_word_has_its_own_times_and_confidence() -> None:
    stream = recognizer()
    recognize(np.concatenate((speak("sailing"), silence(1))), stream)
    (word,) = stream.words
    assert [token.piece for token in word.tokens] == ["▁sail", "ing"]
    assert (word.tokens[0].start_s, word.tokens[-1].end_s) == (word.start_s, word.end_s)
    assert word.tokens[0].end_s <= word.tokens[1].start_s
    assert all(0.8 < token.confidence < 1.0 for token in word.tokens)


def test_session_time_starts_where_the_first_chunk_does() -> None:
    stream = recognizer()
    sound = np.concatenate((silence(1), speak("we go"), silence(2)))
    late = [
        prefix
        for chunk in chunks(sound)
        for prefix in stream.accept(replace(chunk, start_s=chunk.start_s + 100))
    ]
    assert late[0].start_s == pytest.approx(100.7, abs=0.1)


def test_lost_sound_counts_as_silence_and_times_stay_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = recognizer()
    prefixes = recognize_on(stream, speak("we go"))
    with caplog.at_level(logging.WARNING):
        prefixes += stream.accept(AudioChunk(silence(0.1), 500.0))
    assert finals(prefixes) == ["we go"]
    assert len(caplog.records) == 1
    prefixes += recognize_on(stream, speak("home"))
    prefixes += stream.finish()
    check_order(prefixes)
    assert finals(prefixes) == ["we go", "home"]
    assert stream.words[0].start_s == pytest.approx(500.1, abs=0.12)


def test_speech_behind_lost_sound_is_heard_however_long_a_pause_has_to_be() -> None:
    stream = recognizer(vad=loudness_detector(VadConfig(min_silence_s=4.0)))
    prefixes = recognize_on(stream, speak("we go"))
    prefixes += stream.accept(AudioChunk(speak("home"), 20.0))
    prefixes += stream.finish()
    check_order(prefixes)
    assert finals(prefixes) == ["we go", "home"]


def test_samples_that_are_not_numbers_count_as_silence() -> None:
    sound = np.concatenate((speak("we go"), silence(1)))
    sound[-1000:-900] = np.nan
    stream = recognizer()
    assert finals(recognize(sound, stream)) == ["we go"]
    assert stream.n_invalid == 100


def test_sound_beyond_full_scale_is_clipped_and_heard() -> None:
    sound = np.concatenate((speak("we go home"), silence(1)))
    assert finals(recognize(30 * sound)) == ["we go home"]


def test_chunks_of_10_ms_and_of_nothing_are_heard_like_any_other() -> None:
    sound = np.concatenate((speak("we go home"), silence(1)))
    lengths = [SAMPLE_RATE_HZ // 100, 0]
    assert recognize(sound, lengths=lengths) == recognize(sound, lengths=[len(sound)])


def test_a_stream_that_ends_in_a_word_tells_the_word() -> None:
    assert finals(recognize(speak("we go", gap_s=0.0))) == ["we go"]


def test_an_empty_stream_tells_nothing() -> None:
    stream = recognizer()
    assert stream.finish() == []
    assert stream.accept(AudioChunk(silence(0), 0.0)) == []
    assert stream.words == ()


def test_windows_lie_on_the_frame_grid() -> None:
    model = ToneModel()
    stream = recognizer(model)
    for chunk in chunks(speak("we have to go home now " * 12)):
        stream.accept(chunk)
    assert len(model.window_lengths) > 20
    assert all(length % 1280 == 0 for length in model.window_lengths)


def test_the_model_is_told_the_language_by_its_own_token() -> None:
    model = ToneModel()
    recognize(speak("we go"), recognizer(model))
    assert set(model.langs) == {"eng"}


def noises() -> list[Samples]:
    generator = np.random.default_rng(7)
    n = 30 * SAMPLE_RATE_HZ
    white = generator.normal(0, 0.1, n)
    times = np.arange(n) / SAMPLE_RATE_HZ
    hum = 0.3 * np.sin(2 * np.pi * 50 * times) + 0.1 * np.sin(2 * np.pi * 150 * times)
    clicks = np.zeros(n)
    clicks[:: SAMPLE_RATE_HZ // 2] = 1.0
    chord = 0.1 * np.sum([np.sin(2 * np.pi * hz * times) for hz in (220.0, 277.2, 329.6)], axis=0)
    return [sound.astype(np.float32) for sound in (white, hum, clicks, chord, np.zeros(n))]


@pytest.mark.parametrize("index", range(5))
def test_noise_alone_gives_no_word_with_the_real_detector(index: int) -> None:
    class Babbling(ToneModel):
        """Hears words in anything."""

        def _hear(self, frames: Samples) -> np.ndarray:
            return np.resize([PIECES.index("▁we"), 0], len(frames))

    stream = recognizer(Babbling(), VoiceDetector(SileroModel()))
    assert recognize(noises()[index], stream) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"step_ms": 100}, "multiple of 80"),
        ({"step_ms": 0}, "expected 80 to 4000"),
        ({"right_context_ms": -80}, "right_context_ms is -80"),
        ({"buffer_s": 5.0}, "buffer_s is 5.0; expected at least"),
        ({"buffer_s": math.nan}, "buffer_s is nan"),
        ({"longest_segment_s": 10.0}, "at least long_segment_s"),
    ],
)
def test_a_setting_out_of_range_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RecognizerError, match=says):
        RecognizerConfig(**changes)


def test_the_first_word_is_shown_without_waiting_for_a_whole_step() -> None:
    config = RecognizerConfig(step_ms=1600)
    for early in (False, True):
        stream = recognizer(config=replace(config, first_step_ms=80 if early else 1600))
        first = recognize(np.concatenate((silence(1), speak("we have to go home now"))), stream)[0]
        assert first.tentative
        assert stream.speech_start_s == pytest.approx(1.0, abs=0.04)
        assert (first.end_s - 1.0 < 0.6) == early
