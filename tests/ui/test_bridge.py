import threading
from collections.abc import Sequence

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QThread
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from tests.fakes import ManualClock
from tests.ui.streams import caption
from tests.ui.waiting import wait_until
from ui.bridge import SEGMENTS_WAITING, CaptionBridge
from ui.status import News, Notice


class Receiver:
    """Notes what the bridge hands over, and in which thread."""

    def __init__(self, bridge: CaptionBridge) -> None:
        self.batches: list[list[Caption]] = []
        self.threads: set[QThread | None] = set()
        bridge.arrived.connect(self.take)

    def take(self, captions: list[Caption], published_s: float) -> None:
        self.batches.append(captions)
        self.published_s = published_s
        self.threads.add(QThread.currentThread())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bridge(qt: QApplication, clock: ManualClock) -> CaptionBridge:
    return CaptionBridge(clock=clock)


def publish_elsewhere(bridge: CaptionBridge, news: Sequence[News]) -> None:
    def publish() -> None:
        for one in news:
            bridge.publish(one)

    thread = threading.Thread(target=publish)
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


def test_the_time_of_the_oldest_caption_that_waited_is_told(
    bridge: CaptionBridge, clock: ManualClock
) -> None:
    receiver = Receiver(bridge)
    clock.now_s = 7.0
    publish_elsewhere(bridge, [caption("eins")])
    clock.now_s = 8.0
    publish_elsewhere(bridge, [caption("zwei", revision=1)])
    assert wait_until(lambda: bool(receiver.batches))
    assert receiver.published_s == 7.0


def test_the_newest_notice_arrives_after_the_captions_before_it(bridge: CaptionBridge) -> None:
    heard: list[object] = []
    bridge.arrived.connect(lambda captions, _: heard.extend(captions))
    bridge.noticed.connect(heard.append)
    lost, found = Notice(phase="lost", subject="feed"), Notice(phase="running")
    publish_elsewhere(bridge, [caption("eins"), lost, found])
    assert wait_until(lambda: len(heard) == 2)
    assert heard == [caption("eins"), found]


def test_a_stalled_gui_keeps_the_newest_segments(bridge: CaptionBridge) -> None:
    receiver = Receiver(bridge)
    captions = [caption("a", segment=n, final=True) for n in range(SEGMENTS_WAITING + 9)]
    publish_elsewhere(bridge, captions)
    assert wait_until(lambda: bool(receiver.batches))
    assert receiver.batches == [captions[9:]]
