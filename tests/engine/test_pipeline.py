"""The pipeline: order, overload, endings, errors."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from engine.captions import Caption, LoadState
from engine.journal import Journal, JournalError
from engine.limits import Limits
from engine.live_text import LiveText
from engine.metrics import caption_erasure
from engine.pace import SourceClock
from engine.pipeline import run
from engine.pipeline_stats import PipelineStats
from engine.source import SourcePrefix
from engine.translator import Hypothesis
from tests.fakes import (
    FakeTranslator,
    Gate,
    ManualClock,
    ScriptedReader,
    fickle,
    in_order,
    prefix,
    stream,
    upper,
)


def grow(n: int, segment: int = 0, *, finished: bool = True) -> list[SourcePrefix]:
    """Prefixes of a segment of n words, one more word each."""
    words = [f"w{i}" for i in range(n)]
    prefixes = [
        prefix(" ".join(words[:i]), words[i], segment=segment, end_s=segment * n + i + 1.0)
        for i in range(n)
    ]
    end = prefix(" ".join(words), segment=segment, finished=True, end_s=(segment + 1.0) * n)
    return [*prefixes, end] if finished else prefixes


async def collect(
    captions: AsyncIterator[Caption], into: list[Caption] | None = None
) -> list[Caption]:
    into = [] if into is None else into
    async for caption in captions:
        into.append(caption)
    return into


async def test_typed_text_becomes_captions() -> None:
    clock = ManualClock()
    captions = in_order(
        await collect(
            run(
                stream(["we ha", "ve it\nan", "d more"]),
                LiveText("en", clock),
                FakeTranslator(upper),
                session="s",
                clock=clock,
                limits=Limits(conflate=False),
            )
        )
    )
    finals = [c for c in captions if c.final]
    assert [c.target.committed for c in finals] == ["WE HAVE IT", "AND MORE"]
    assert not captions[0].final


async def test_stale_prefixes_are_conflated_and_finished_ones_are_not() -> None:
    gate = Gate()
    stats = PipelineStats()
    reading = asyncio.Event()

    async def source() -> AsyncIterator[list[SourcePrefix]]:
        yield grow(1, finished=False)
        await reading.wait()
        yield [*grow(5, 0)[1:], *grow(5, 1)]

    running = asyncio.create_task(
        collect(
            run(
                source(),
                ScriptedReader(),
                FakeTranslator(gate),
                session="s",
                clock=ManualClock(),
                stats=stats,
            )
        )
    )
    await asyncio.to_thread(gate.arrived.acquire)
    reading.set()
    for _ in range(10):
        gate.opened.release()
    captions = in_order(await running)
    assert [c.source.full for c in captions if c.final] == ["w0 w1 w2 w3 w4"] * 2
    assert [c.source.full for c in captions if not c.final] == ["w0"]
    assert stats.n_conflated == 9
    assert (stats.n_captions, stats.n_finals) == (3, 2)


async def test_without_conflation_every_prefix_is_translated_before_the_next_item() -> None:
    order: list[str] = []

    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        order.append(f"translate {len(words)}")
        return upper(words, finished, committed)

    class Reader(ScriptedReader):
        def accept(self, item: SourcePrefix | list[SourcePrefix]) -> list[SourcePrefix]:
            order.append("read")
            return super().accept(item)

    clock = SourceClock[SourcePrefix](Reader(), lambda item: item.end_s)
    captions = await collect(
        run(
            stream(grow(3)),
            clock,
            FakeTranslator(policy),
            session="s",
            clock=clock,
            limits=Limits(conflate=False),
        )
    )
    reads = [f"translate {n}" for n in (1, 2, 3, 3)]
    assert order == [step for each in reads for step in ("read", each)]
    assert [c.emitted_s for c in captions] == [1.0, 2.0, 3.0, 3.0]


async def test_inference_never_runs_on_the_event_loop() -> None:
    threads: set[int] = set()

    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        threads.add(threading.get_ident())
        return upper(words, finished, committed)

    class Reader(ScriptedReader):
        def accept(self, item: SourcePrefix | list[SourcePrefix]) -> list[SourcePrefix]:
            threads.add(threading.get_ident())
            return super().accept(item)

    await collect(
        run(
            stream(grow(4)),
            Reader(),
            FakeTranslator(policy),
            session="s",
            clock=ManualClock(),
        )
    )
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_stop_makes_the_last_segment_final_and_yields_it() -> None:
    stop = asyncio.Event()
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[SourcePrefix]:
        try:
            yield prefix("we", "have")
            await asyncio.Event().wait()
        finally:
            closed.set()

    captions = []
    async for caption in run(
        endless(),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
        stop=stop,
    ):
        captions.append(caption)
        stop.set()
    assert [c.final for c in in_order(captions)] == [False, True]
    assert captions[-1].target.committed == "WE HAVE"
    assert closed.is_set()


async def test_stop_loses_nothing_of_what_the_source_gave() -> None:
    gate, stop = Gate(), asyncio.Event()
    given: list[str] = []

    async def endless() -> AsyncIterator[SourcePrefix]:
        for number in count():
            given.append(f"line {number}")
            yield prefix(given[-1], segment=number, finished=True)

    captions = run(
        endless(),
        ScriptedReader(),
        FakeTranslator(gate),
        session="s",
        clock=ManualClock(),
        limits=Limits(items=2, prefixes=1),
        stop=stop,
    )
    collecting = asyncio.create_task(collect(captions))
    await asyncio.to_thread(gate.arrived.acquire)
    for _ in range(100):  # until the queue is full
        await asyncio.sleep(0)
    stop.set()
    gate.opened.release(1000)
    finals = [caption.source.committed for caption in await collecting if caption.final]
    assert finals == given


async def test_stop_before_the_start_ends_at_once() -> None:
    stop = asyncio.Event()
    stop.set()

    async def endless() -> AsyncIterator[SourcePrefix]:
        await asyncio.Event().wait()
        yield prefix("never")

    clock = ManualClock()
    reader = ScriptedReader()
    captions = run(endless(), reader, FakeTranslator(upper), session="s", clock=clock, stop=stop)
    assert await collect(captions) == []
    assert reader.n_finished == 1


@pytest.fixture
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return Journal.open(tmp_path_factory.mktemp("journal") / "journal.sqlite3")


async def forever(items: list[SourcePrefix]) -> AsyncIterator[SourcePrefix]:
    """A live source: some items, then silence."""
    for item in items:
        yield item
    await asyncio.Event().wait()


async def test_consumer_that_leaves_still_gets_a_journaled_final(journal: Journal) -> None:
    captions = run(
        forever([prefix("we", "have")]),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
        journal=journal,
    )
    async for _ in captions:
        break
    await captions.aclose()
    kept = in_order(journal.captions("s"))
    assert [c.final for c in kept] == [False, True]
    assert journal.sessions()[0].state == "ended"
    journal.close()


async def test_cancelled_consumer_still_gets_a_journaled_final(journal: Journal) -> None:
    shown = asyncio.Event()

    async def consume() -> None:
        async for _ in run(
            forever([prefix("we", "have")]),
            ScriptedReader(),
            FakeTranslator(upper),
            session="s",
            clock=ManualClock(),
            journal=journal,
        ):
            shown.set()

    consuming = asyncio.create_task(consume())
    await shown.wait()
    consuming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consuming
    assert [c.final for c in in_order(journal.captions("s"))] == [False, True]
    journal.close()


def test_end_of_the_event_loop_finalises_an_abandoned_session(journal: Journal) -> None:
    async def main() -> None:
        async for _ in run(
            forever([prefix("we", "have")]),
            ScriptedReader(),
            FakeTranslator(upper),
            session="s",
            clock=ManualClock(),
            journal=journal,
        ):
            break

    asyncio.run(main())
    assert [c.final for c in in_order(journal.captions("s"))] == [False, True]
    journal.close()


async def test_every_caption_is_journaled_before_it_is_yielded(journal: Journal) -> None:
    async for caption in run(
        stream(grow(6)),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
        journal=journal,
    ):
        assert caption in journal.captions("s")
    journal.close()


async def test_error_of_the_source_surfaces_once_after_the_captions_before_it() -> None:
    class Unplugged(OSError):
        pass

    async def source() -> AsyncIterator[SourcePrefix]:
        yield prefix("we", "have")
        raise Unplugged("the microphone is gone")

    captions: list[Caption] = []
    running = run(
        source(), ScriptedReader(), FakeTranslator(upper), session="s", clock=ManualClock()
    )
    with pytest.raises(Unplugged):
        await collect(running, captions)
    assert in_order(captions)[-1].final
    assert captions[-1].source.committed == "we have"


async def test_error_of_the_reader_surfaces_after_what_it_read_before() -> None:
    class Reader(ScriptedReader):
        def accept(self, item: SourcePrefix | list[SourcePrefix]) -> list[SourcePrefix]:
            if item == prefix("boom"):
                raise RuntimeError("bad audio")
            return super().accept(item)

    captions: list[Caption] = []
    running = run(
        forever([*grow(3), prefix("and", "more", segment=1), prefix("boom")]),
        Reader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
    )
    with pytest.raises(RuntimeError, match="bad audio"):
        await collect(running, captions)
    finals = [c.source.committed for c in in_order(captions) if c.final]
    assert finals == ["w0 w1 w2", "and more"]


async def test_error_of_the_translator_surfaces() -> None:
    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        await collect(
            run(
                stream(grow(2)),
                ScriptedReader(),
                FakeTranslator(policy),
                session="s",
                clock=ManualClock(),
            )
        )


async def test_oldest_items_are_dropped_and_counted_when_a_source_cannot_wait() -> None:
    gate = Gate()
    stats = PipelineStats()
    read: list[int] = []

    class Reader:
        def accept(self, item: int) -> list[SourcePrefix]:
            gate(["x"], False, ())
            read.append(item)
            return []

        def finish(self) -> list[SourcePrefix]:
            return []

    async def source() -> AsyncIterator[int]:
        yield 0
        await asyncio.to_thread(gate.arrived.acquire)
        for i in range(1, 10):
            yield i
        for _ in range(10):
            gate.opened.release()

    await collect(
        run(
            source(),
            Reader(),
            FakeTranslator(upper),
            session="s",
            clock=ManualClock(),
            limits=Limits(items=3, drop_items=True),
            stats=stats,
        )
    )
    assert read == [0, 7, 8, 9]
    assert (stats.n_items, stats.n_dropped) == (10, 6)


async def test_slow_consumer_loses_no_caption() -> None:
    captions = []
    async for caption in run(
        stream(grow(30)),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
        limits=Limits(captions=1, conflate=False),
    ):
        for _ in range(5):
            await asyncio.sleep(0)  # lets the pipeline fill its queues
        captions.append(caption)
    assert len(in_order(captions)) == 31


async def test_failing_journal_is_reported_once_and_stops_nothing(journal: Journal) -> None:
    errors: list[JournalError] = []
    stats = PipelineStats()
    journal.set_quota(0)
    captions = await collect(
        run(
            stream(grow(200)),
            ScriptedReader(),
            FakeTranslator(upper),
            session="s" * 100_000,
            clock=ManualClock(),
            journal=journal,
            on_journal_error=errors.append,
            limits=Limits(conflate=False),
            stats=stats,
        )
    )
    assert in_order(captions)[-1].final
    assert len(errors) == 1
    assert "free some space" in str(errors[0])
    assert stats.journal_failing
    journal.close()


async def test_session_id_that_the_journal_knows_is_an_error(journal: Journal) -> None:
    journal.begin_session("s", source_lang="en", target_lang="de")
    journal.end_session("s")
    running = run(
        stream(grow(2)),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(),
        journal=journal,
    )
    with pytest.raises(ValueError, match="in the journal already"):
        await collect(running)
    journal.close()


async def test_second_cancellation_leaves_at_once() -> None:
    gate = Gate()
    running = asyncio.create_task(
        collect(
            run(
                forever([prefix("we", "have")]),
                ScriptedReader(),
                FakeTranslator(gate),
                session="s",
                clock=ManualClock(),
            )
        )
    )
    await asyncio.to_thread(gate.arrived.acquire)  # the translator is busy, and stays so
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(3):
        gate.opened.release()


async def test_sessions_may_share_a_worker() -> None:
    with ThreadPoolExecutor(1) as worker:
        both = await asyncio.gather(
            *(
                collect(
                    run(
                        stream(grow(10)),
                        ScriptedReader(),
                        FakeTranslator(upper),
                        session=session,
                        clock=ManualClock(),
                        worker=worker,
                    )
                )
                for session in ("one", "two")
            )
        )
    assert [in_order(captions)[-1].final for captions in both] == [True, True]


async def test_long_line_flows_through_small_queues() -> None:
    text = " ".join(f"w{i}" for i in range(10_000))
    clock = ManualClock()
    captions = await collect(
        run(
            stream([text[:30_000], text[30_000:]]),
            LiveText("en", clock),
            FakeTranslator(upper),
            session="s",
            clock=clock,
            limits=Limits(captions=1),
        )
    )
    finals = [c for c in in_order(captions) if c.final]
    assert " ".join(c.source.committed for c in finals) == text


async def test_empty_source_gives_no_caption(journal: Journal) -> None:
    clock = ManualClock()
    captions = run(
        stream(["", " \n\n"]),
        LiveText("en", clock),
        FakeTranslator(upper),
        session="s",
        clock=clock,
        journal=journal,
    )
    assert await collect(captions) == []
    assert journal.sessions()[0].state == "ended"
    journal.close()


def test_limits_out_of_range_name_key_and_value() -> None:
    with pytest.raises(ValueError, match="limit captions = 0 is not 1 or more"):
        Limits(captions=0)


class SlowReader(ScriptedReader):
    """Every item costs session time; longer steps would cost less."""

    def __init__(self, clock: ManualClock, work_s: float) -> None:
        super().__init__()
        self.factor = 1
        self._clock = clock
        self._work_s = work_s

    def stretch(self, factor: int) -> None:
        self.factor = factor

    def accept(self, item: SourcePrefix | list[SourcePrefix]) -> list[SourcePrefix]:
        assert isinstance(item, SourcePrefix)
        self._clock.now_s = max(self._clock.now_s, item.end_s) + self._work_s / self.factor
        return super().accept(item)


async def run_slowly(work_s: float, stats: PipelineStats) -> tuple[list[Caption], SlowReader]:
    """Ten segments, an item a second."""
    clock = ManualClock()
    reader = SlowReader(clock, work_s)
    items = [item for segment in range(10) for item in grow(10, segment)]
    captions = run(
        stream(items),
        reader,
        FakeTranslator(upper),
        session="s",
        clock=clock,
        stats=stats,
        end_s=lambda item: item.end_s,
    )
    return in_order(await collect(captions)), reader


async def test_a_machine_that_is_too_slow_gives_every_final_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stats = PipelineStats()
    captions, reader = await run_slowly(8.0, stats)
    assert [c.segment for c in captions if c.final] == list(range(10))
    assert stats.live.load is LoadState.FINALS_ONLY
    assert stats.n_withheld > 0
    assert reader.factor == 8
    said = [record.getMessage() for record in caplog.records]
    assert ["too slow: stretched" in said[0], "too slow: finals only" in said[-1]] == [True, True]
    assert stats.live.real_time_factor is not None
    assert stats.live.real_time_factor > 1
    assert not any(c.segment == 9 and not c.final for c in captions)


async def test_a_machine_that_keeps_up_leaves_nothing_out() -> None:
    stats = PipelineStats()
    _, reader = await run_slowly(0.3, stats)
    assert stats.live.load is LoadState.KEEPING_UP
    assert (stats.n_withheld, reader.factor) == (0, 1)


async def test_the_figures_tell_what_was_taken_back_and_when_words_stood() -> None:
    stats = PipelineStats()
    captions = await collect(
        run(
            stream(grow(6)),
            ScriptedReader(),
            FakeTranslator(fickle),
            session="s",
            clock=ManualClock(6.0),
            limits=Limits(conflate=False),
            stats=stats,
        )
    )
    assert stats.live.normalized_erasure == pytest.approx(caption_erasure(captions))
    assert stats.live.normalized_erasure > 0
    assert stats.live.delay_s == pytest.approx(6.0 - 3.5)
    assert stats.live.load is None


async def test_a_source_whose_clock_is_behind_does_not_make_the_machine_late() -> None:
    stats = PipelineStats()
    captions = run(
        stream(grow(30)),
        ScriptedReader(),
        FakeTranslator(upper),
        session="s",
        clock=ManualClock(1000.0),
        stats=stats,
    )
    await collect(captions)
    assert (stats.live.load, stats.lag_s) == (LoadState.KEEPING_UP, 0.0)
