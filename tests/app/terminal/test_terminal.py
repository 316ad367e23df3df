import io
import logging

from rich.console import Console

from app.terminal.log import ConsoleHandler
from app.terminal.progress import ProgressView
from app.terminal.text import clock_time, printable
from app.terminal.view import TerminalView
from engine.captions import LiveFigures, LoadState
from engine.pipeline_stats import PipelineStats
from tests.app.fakes import caption
from tests.fakes import ManualClock


def terminal(width: int = 60) -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(file=screen, force_terminal=True, width=width, height=20), screen


def plain() -> tuple[Console, io.StringIO]:
    lines = io.StringIO()
    return Console(file=lines, width=40), lines


def test_revisions_are_drawn_in_place_with_committed_text_plain_and_tentative_dim() -> None:
    console, screen = terminal()
    with TerminalView(console) as view:
        view.show(caption(0, target=("wir haben", "das")))
    shown = screen.getvalue()
    assert "wir haben \x1b[2mdas\x1b[0m" in shown
    assert "delay 0.5 s" in shown


def test_revisions_that_come_too_fast_are_drawn_with_the_next_refresh() -> None:
    console, screen = terminal()
    with TerminalView(console, clock=ManualClock()) as view:
        view.show(caption(0, target=("", "eins")))
        view.show(caption(1, revision=1, target=("", "zwei")))
        assert "zwei" not in screen.getvalue()
        view.refresh(12.0)
        assert "zwei" in screen.getvalue()
        assert "0:12" in screen.getvalue()


def test_a_final_scrolls_up_once() -> None:
    console, screen = terminal()
    with TerminalView(console) as view:
        view.show(caption(0, target=("", "das wird")))
        view.show(caption(1, revision=1, final=True, target=("das ist fertig", "")))
        view.show(caption(2, 1, target=("", "weiter")))
        shown = screen.getvalue()
    assert shown.count("das ist fertig") == 1
    assert shown.count("das wird") == 1


def test_a_text_longer_than_its_place_shows_its_end() -> None:
    console, screen = terminal(width=40)
    words = " ".join(f"w{i}" for i in range(1000))
    with TerminalView(console) as view:
        view.show(caption(0, target=(words, "newest")))
    assert "newest" in screen.getvalue()
    assert "w1 " not in screen.getvalue()


def test_a_pipe_gets_one_pair_of_lines_for_each_final_however_long() -> None:
    console, lines = plain()
    long = "sehr " * 50 + "lang"
    with TerminalView(console) as view:
        view.show(caption(0, target=("", "offen")))
        view.refresh(1.0)
        view.show(caption(1, revision=1, final=True, target=(long, "")))
    assert lines.getvalue().splitlines() == ["0:00  good morning", f"      {long}"]


def test_text_cannot_act_on_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\u202ec\x9b1m") == "a [2Jb  c 1m"
    assert printable("Grüße 👩‍🚀 नमस्ते") == "Grüße 👩‍🚀 नमस्ते"
    console, lines = plain()
    with TerminalView(console) as view:
        view.show(caption(0, final=True, target=("[red]x[/red] \x1b[31m", "")))
    assert "[red]x[/red]  [31m" in lines.getvalue()


def test_the_last_line_tells_delay_erasure_and_load() -> None:
    console, screen = terminal(width=80)
    live = LiveFigures(
        normalized_erasure=0.125,
        delay_s=1.54,
        load=LoadState.STRETCHED,
        real_time_factor=1.3,
    )
    stats = PipelineStats(live=live)
    with TerminalView(console, 754.0, stats=stats) as view:
        view.show(caption(0, target=("wir haben", "das")))
        view.refresh(12.0)
    line = "0:12 / 12:34   stretched (1.30 ×)   delay 0.5 s, settled 1.5 s   NE 0.12"
    assert line in screen.getvalue()


def test_progress_is_drawn_only_on_a_terminal() -> None:
    for (console, output), drawn in ((terminal(), True), (plain(), False)):
        with ProgressView(console, 60.0) as view:
            view.show(caption(0, final=True))
            view.refresh(30.0)
        assert ("0:30 / 1:00" in output.getvalue()) is drawn


def test_log_records_are_single_lines() -> None:
    console, lines = plain()
    record = logging.makeLogRecord(
        {
            "msg": "a warning that is longer than the console is wide",
            "levelno": logging.WARNING,
            "levelname": "WARNING",
        }
    )
    ConsoleHandler(console).emit(record)
    assert len(lines.getvalue().splitlines()) == 1


def test_clock_times() -> None:
    assert [clock_time(s) for s in (0, 61.9, 3600)] == ["0:00", "1:01", "1:00:00"]
