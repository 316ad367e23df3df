"""The live meter: it agrees with what is measured afterwards."""

import pytest
from hypothesis import given

from engine.live_metrics import LiveMeter
from engine.metrics import caption_erasure
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from tests.engine.test_session import streams
from tests.fakes import FakeTranslator, fickle, prefix, upper


@given(streams())
def test_at_the_end_the_live_erasure_is_the_measured_one(prefixes: list[SourcePrefix]) -> None:
    session = Session(FakeTranslator(fickle), session="s")
    meter = LiveMeter()
    captions = [c for i, p in enumerate(prefixes) for c in session.feed(p, float(i))]
    captions += session.finish(99.0)
    for caption in captions:
        meter.observe(caption)
    assert meter.normalized_erasure == pytest.approx(caption_erasure(captions))


def test_delay_is_the_mean_from_when_a_word_is_said_until_its_translation_stays() -> None:
    session = Session(FakeTranslator(upper), session="s", stability=StabilityConfig(agreement=0))
    meter = LiveMeter()
    captions = session.feed(prefix("", "a", spoken_s=[1.0]), 1.5)
    captions += session.feed(prefix("a b", spoken_s=[1.0, 2.0], finished=True), 4.0)
    for caption in captions:
        assert meter.delay_s is None
        meter.observe(caption)
    assert meter.delay_s == pytest.approx((0.5 + 2.0) / 2)


def test_a_session_without_words_has_no_delay_and_no_erasure() -> None:
    meter = LiveMeter()
    assert (meter.normalized_erasure, meter.delay_s) == (0.0, None)
