"""Batching: the same for each stream, computed together."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.acoustics import BestPathDecoder
from engine.audio import Samples
from engine.batching import BatchingModel
from tests.models.owsm_ctc_models import tiny_model

N_STREAMS = 6
LONG_S = 30.0  # no call waits so long


def window(seed: int, seconds: float) -> Samples:
    return np.random.default_rng(seed).normal(size=round(seconds * 16_000)).astype(np.float32) * 0.1


class Counted:
    """A model that notes how many rows each of its calls has; the first waits to be let go."""

    def __init__(self) -> None:
        self.model = tiny_model()
        self.sizes: list[int] = []
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()

    def log_probs(self, audio: Sequence[Samples], **options: Any) -> tuple[Any, Any]:
        self.sizes.append(len(audio))
        self.begun.set()
        self.let_go.wait()
        return self.model.log_probs(audio, **options)


def call(model: Any, samples: Samples) -> Any:
    log_probs, _ = model.log_probs([samples], lang=["<nolang>"], task=["<asr>"], prompt=[None])
    return log_probs[0].numpy()


def test_streams_that_call_at_once_are_computed_as_one_and_hear_what_they_hear_alone() -> None:
    counted = Counted()
    batching = BatchingModel(counted, max_rows=N_STREAMS, deadline_s=LONG_S)
    windows = [window(seed, 1.0 + 0.4 * seed) for seed in range(N_STREAMS)]
    with ThreadPoolExecutor(N_STREAMS) as threads:
        together = list(threads.map(lambda samples: call(batching, samples), windows))
    assert counted.sizes == [N_STREAMS]
    for samples, heard in zip(windows, together, strict=True):
        np.testing.assert_allclose(heard, call(counted.model, samples), atol=1e-4)


def test_a_call_that_stays_alone_waits_no_longer_than_the_deadline() -> None:
    counted = Counted()
    decoder = BestPathDecoder(BatchingModel(counted, deadline_s=0.0), counted.model.config.tokens)
    alone = BestPathDecoder(counted.model, counted.model.config.tokens)
    assert decoder.decode(window(1, 2.0), lang="en") == alone.decode(window(1, 2.0), lang="en")
    assert counted.sizes == [1]


def test_what_comes_while_a_batch_is_computed_is_the_next_batch() -> None:
    counted = Counted()
    counted.let_go.clear()
    batching = BatchingModel(counted, max_rows=N_STREAMS, deadline_s=0.0)
    with ThreadPoolExecutor(N_STREAMS + 1) as threads:
        first = threads.submit(call, batching, window(0, 1.0))
        counted.begun.wait()
        others = [threads.submit(call, batching, window(n, 1.0)) for n in range(N_STREAMS)]
        while batching.n_waiting < N_STREAMS:
            threading.Event().wait(0.001)
        counted.let_go.set()
        assert len({future.result().shape for future in (first, *others)}) == 1
    assert counted.sizes == [1, N_STREAMS]


def test_the_fault_of_one_stream_is_its_own() -> None:
    counted = Counted()
    batching = BatchingModel(counted, max_rows=2, deadline_s=LONG_S)
    broken = np.full(16_000, np.nan, np.float32)
    with ThreadPoolExecutor(2) as threads:
        bad = threads.submit(call, batching, broken)
        good = threads.submit(call, batching, window(1, 1.0))
        np.testing.assert_allclose(good.result(), call(counted.model, window(1, 1.0)), atol=1e-4)
        with pytest.raises(ValueError, match="finite"):
            bad.result()
