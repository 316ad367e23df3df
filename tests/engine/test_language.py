from collections.abc import Mapping

import numpy as np
import pytest

from engine.acoustics import BestPathDecoder
from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.language import FIRST_S, LanguageWatch, TokenIdentifier
from engine.recognizer import StreamingRecognizer
from engine.recognizer_config import RecognizerConfig
from engine.source import SourcePrefix
from tests.engine.test_recognizer import check_order, recognize
from tests.engine.tones import PIECES, AlwaysSpeech, ToneModel, loudness_detector, silence, speak
from tests.models.owsm_ctc_models import tiny_model

ENGLISH, GERMAN = {"en": 0.9, "de": 0.1}, {"en": 0.1, "de": 0.9}
UNSURE = {"en": 0.45, "de": 0.55}


class HighIsGerman:
    """Takes speech with the tones of `ship` for German."""

    languages = ("en", "de")

    def __init__(self) -> None:
        self.asked: list[float] = []

    def probabilities(self, samples: Samples) -> Mapping[str, float]:
        self.asked.append(len(samples) / SAMPLE_RATE_HZ)
        newest = np.trim_zeros(samples, "b")[-SAMPLE_RATE_HZ // 2 :]
        loudest = np.abs(np.fft.rfft(newest)).argmax() * SAMPLE_RATE_HZ / len(newest)
        return GERMAN if loudest > 1900 else ENGLISH


def stream(
    identifier: HighIsGerman, *, endless: bool = False, config: RecognizerConfig | None = None
) -> StreamingRecognizer:
    decoder = BestPathDecoder(ToneModel(), PIECES, lang_tokens={"de": "eng", "en": "eng"})
    return StreamingRecognizer(
        decoder,
        AlwaysSpeech() if endless else loudness_detector(),
        lang="en",
        identifier=identifier,
        config=config,
    )


def languages_of(prefixes: list[SourcePrefix]) -> list[tuple[str, str]]:
    return [(prefix.lang, prefix.committed) for prefix in prefixes if prefix.finished]


def test_every_stretch_of_speech_has_its_own_language() -> None:
    parts = (speak("we go home now"), speak("ship ship ship"), speak("we have to go"))
    sound = np.concatenate([np.concatenate((part, silence(2))) for part in parts])
    prefixes = recognize(sound, stream(HighIsGerman()))
    check_order(prefixes)
    assert languages_of(prefixes) == [
        ("en", "we go home now"),
        ("de", "ship ship ship"),
        ("en", "we have to go"),
    ]


def test_a_short_word_alone_is_asked_for_at_its_end() -> None:
    identifier = HighIsGerman()
    sound = np.concatenate((speak("ship"), silence(2)))
    assert languages_of(recognize(sound, stream(identifier))) == [("de", "ship")]


def test_a_change_without_a_pause_begins_a_segment() -> None:
    sound = np.concatenate((speak("we have to go home now " * 2), speak("ship " * 16), silence(2)))
    prefixes = recognize(sound, stream(HighIsGerman()))
    check_order(prefixes)
    heard = languages_of(prefixes)
    assert [lang for lang, _ in heard] == ["en", "de"]
    assert heard[0][1].startswith("we have to go home now we have to go home now")
    assert " ".join(text for _, text in heard).count("ship") == 16


def test_another_language_of_the_same_words_is_told_at_once() -> None:
    never_sure = RecognizerConfig(n_agreeing=5, certain_after_s=5.0)
    sound = np.concatenate((speak("ship"), silence(2)))
    prefixes = recognize(sound, stream(HighIsGerman(), endless=True, config=never_sure))
    check_order(prefixes)
    told = [(prefix.lang, prefix.tentative) for prefix in prefixes if not prefix.committed]
    assert told[-2:] == [("en", "ship"), ("de", "ship")]


def test_the_language_is_asked_for_seldom_in_long_speech() -> None:
    identifier = HighIsGerman()
    recognize(speak("we go " * 42), stream(identifier))  # 30 s
    assert identifier.asked[0] == pytest.approx(FIRST_S, abs=0.5)
    assert 8 <= len(identifier.asked) <= 14
    assert max(identifier.asked) <= 6.5


def test_the_first_answer_decides_while_nothing_is_committed() -> None:
    watch = LanguageWatch("en")
    watch.begin()
    assert watch.hear(UNSURE, committed=False)
    assert watch.language == "de"


def test_behind_committed_words_two_sure_answers_in_a_row_are_needed() -> None:
    watch = LanguageWatch("en")
    watch.begin()
    for answer in (UNSURE, UNSURE, GERMAN, ENGLISH, GERMAN):
        assert not watch.hear(answer, committed=True)
    assert watch.is_due(0)  # a doubt is settled soon
    assert watch.hear(GERMAN, committed=True)
    assert watch.language == "de"


def test_the_network_names_the_language_on_its_first_frame() -> None:
    model = tiny_model()
    identifier = TokenIdentifier(model, model.config.tokens, ("en", "de"))
    sound = np.random.default_rng(0).normal(size=8_000).astype(np.float32) * 0.1
    shares = identifier.probabilities(sound)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
    best = max(shares, key=shares.__getitem__)
    assert {"en": "<eng>", "de": "<deu>"}[best] == model.recognize(sound).language


def test_a_language_without_a_token_is_named() -> None:
    model = tiny_model()
    with pytest.raises(ValueError, match="<fra>"):
        TokenIdentifier(model, model.config.tokens, ("en", "fr"))
