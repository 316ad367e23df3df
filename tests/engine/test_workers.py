"""Workers: lanes take turns, and the calls of one come one at a time and in order."""

import threading
from concurrent.futures import Future

import pytest

from engine.workers import Workers
from tests.patience import TIMEOUT_S


def test_calls_of_a_lane_run_one_at_a_time_and_in_order() -> None:
    with Workers(4) as workers:
        lane = workers.lane()
        running, order = threading.Lock(), []

        def call(number: int) -> int:
            assert running.acquire(blocking=False)
            order.append(number)
            running.release()
            return number

        futures = [lane.submit(call, number) for number in range(200)]
        assert [future.result() for future in futures] == list(range(200)) == order


def test_a_busy_stream_delays_the_others_by_one_call_only() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()
    with Workers(1) as workers:
        busy, quiet, third = workers.lane(), workers.lane(), workers.lane()

        def hold() -> None:
            begun.set()
            go_on.wait()

        busy.submit(hold)
        begun.wait()
        for _ in range(3):
            busy.submit(order.append, "busy")
        for lane, name in ((quiet, "quiet"), (third, "third")):
            lane.submit(order.append, name)
            lane.submit(order.append, name)
        go_on.set()
    assert order == ["quiet", "third", "busy", "quiet", "third", "busy", "busy"]


def test_lanes_run_at_once_on_as_many_threads_as_there_are() -> None:
    meeting = threading.Barrier(3)
    with Workers(3) as workers:
        for future in [workers.lane().submit(meeting.wait) for _ in range(3)]:
            future.result(timeout=TIMEOUT_S)


def test_an_error_is_the_callers_and_the_next_call_runs() -> None:
    with Workers(1) as workers:
        lane = workers.lane()
        failing = lane.submit(int, "not a number")
        assert lane.submit(int, "7").result() == 7
        with pytest.raises(ValueError, match="not a number"):
            failing.result()


def test_a_cancelled_call_is_left_out() -> None:
    go_on = threading.Event()
    with Workers(1) as workers:
        lane = workers.lane()
        lane.submit(go_on.wait)
        unwanted: Future[int] = lane.submit(int, "1")
        assert unwanted.cancel()
        go_on.set()
        assert lane.submit(int, "2").result() == 2


def test_closing_waits_for_every_call_and_takes_no_more() -> None:
    done: list[int] = []
    workers = Workers(2)
    lanes = [workers.lane() for _ in range(5)]
    for lane in lanes:
        lane.submit(done.append, 1)
    workers.close()
    assert len(done) == 5
    with pytest.raises(RuntimeError, match="closed"):
        lanes[0].submit(done.append, 1)


def test_the_wait_for_a_turn_is_told() -> None:
    waits: list[float] = []
    with Workers(1, waited=waits.append) as workers:
        lane = workers.lane()
        lane.submit(int).result()
        lane.submit(int).result()
    assert len(waits) == 2
    assert all(wait >= 0 for wait in waits)


def test_there_is_at_least_one_thread() -> None:
    with pytest.raises(ValueError, match="n_threads = 0"):
        Workers(0)
