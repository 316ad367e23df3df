import threading

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QThread
from PyQt6.QtTest import QSignalSpy
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from tests.fakes import ManualClock
from tests.ui.streams import caption
from tests.ui.waiting import wait_until
from ui.bridge import SEGMENTS_WAITING, CaptionBridge


class Receiver:
    """Notes what the bridge hands over, and in which thread."""

    def __init__(self, bridge: CaptionBridge) -> None:
        self.batches: list[list[Caption]] = []
        self.threads: set[QThread | None] = set()
        bridge.arrived.connect(self.take)

    def take(self, captions: list[Caption]) -> None:
        self.batches.append(captions)
        self.threads.add(QThread.currentThread())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bridge(qt: QApplication, clock: ManualClock) -> CaptionBridge:
    return CaptionBridge(clock=clock)


def publish_elsewhere(bridge: CaptionBridge, captions: list[Caption]) -> None:
    thread = threading.Thread(target=lambda: [bridge.publish(one) for one in captions])
    thread.start()
    thread.join()


def test_captions_of_another_thread_arrive_in_the_gui_thread(
    qt: QApplication, bridge: CaptionBridge
) -> None:
    receiver = Receiver(bridge)
    publish_elsewhere(bridge, [caption("eins")])
    assert receiver.batches == []
    assert wait_until(lambda: receiver.batches == [[caption("eins")]])
    assert receiver.threads == {qt.thread()}


def test_the_newest_revision_of_each_segment_wins(bridge: CaptionBridge) -> None:
    receiver = Receiver(bridge)
    captions = [caption("a", segment=0, revision=n) for n in range(5)]
    captions += [caption("b", segment=1, revision=n) for n in range(3)]
    publish_elsewhere(bridge, [*captions, captions[2]])
    assert wait_until(lambda: bool(receiver.batches))
    assert receiver.batches == [[captions[4], captions[7]]]


def test_captions_that_come_faster_than_the_rate_wait_for_the_next_turn(
    bridge: CaptionBridge, clock: ManualClock
) -> None:
    receiver = Receiver(bridge)
    bridge.publish(caption("eins"))
    assert len(receiver.batches) == 1
    clock.now_s = 0.01
    bridge.publish(caption("zwei", revision=1))
    bridge.publish(caption("drei", revision=2))
    assert len(receiver.batches) == 1
    spy = QSignalSpy(bridge.arrived)
    assert spy.wait(1000)
    assert receiver.batches[1:] == [[caption("drei", revision=2)]]


def test_a_caption_after_a_pause_does_not_wait(bridge: CaptionBridge, clock: ManualClock) -> None:
    receiver = Receiver(bridge)
    bridge.publish(caption("eins"))
    clock.now_s = 1.0
    bridge.publish(caption("zwei", revision=1))
    assert len(receiver.batches) == 2


def test_a_stalled_gui_keeps_the_newest_segments(bridge: CaptionBridge) -> None:
    receiver = Receiver(bridge)
    captions = [caption("a", segment=n, final=True) for n in range(SEGMENTS_WAITING + 9)]
    publish_elsewhere(bridge, captions)
    assert wait_until(lambda: bool(receiver.batches))
    assert receiver.batches == [captions[9:]]
