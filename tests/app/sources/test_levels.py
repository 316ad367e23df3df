import io

import numpy as np
import pytest
from rich.console import Console

from app.sources.errors import SourceError
from app.sources.levels import FLOOR_DB, Meter, device_table, show_devices
from tests.app.sources.test_microphone import ANOTHER, DEVICES, FAKE, FakeSystem


def text_of(table: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_meter_rises_at_once_and_falls_slowly() -> None:
    meter = Meter()
    meter.deliver(np.full((800, 2), 0.1, np.float32))
    assert meter.level_db == pytest.approx(-20.0, abs=0.1)
    meter.deliver(np.zeros((800, 2), np.float32))
    assert FLOOR_DB < meter.level_db < -20.0
    for _ in range(100):
        meter.deliver(np.zeros((800, 2), np.float32))
    assert meter.level_db == FLOOR_DB
    assert "█" not in meter.bar()


def test_the_table_names_kind_default_and_level() -> None:
    meter = Meter()
    meter.deliver(np.ones((800, 1), np.float32))
    lines = text_of(device_table(DEVICES, {5: meter})).splitlines()
    assert "microphone (default)" in lines[2]
    assert "cannot be opened" in lines[2]
    assert "this computer" in lines[3]
    assert "0 dB" in lines[3]


def test_a_pipe_gets_the_list_without_levels() -> None:
    console = Console(file=io.StringIO(), width=100)
    show_devices(console, FakeSystem([]), live=False)
    assert isinstance(console.file, io.StringIO)
    assert "Fake" in console.file.getvalue()
    assert "dB" not in console.file.getvalue()


def test_a_computer_without_inputs_says_what_to_do() -> None:
    system = FakeSystem([], ())
    with pytest.raises(SourceError, match="plug one in"):
        show_devices(Console(file=io.StringIO()), system, live=False)


def test_a_device_that_is_plugged_in_appears_with_its_level() -> None:
    """What the terminal shows at each moment is what was drawn since the last one."""
    system = FakeSystem([np.ones((800, 1), np.float32)])
    shown: list[str] = []

    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            shown.append(text)
            if "Another" in text:
                raise KeyboardInterrupt
            if "Fake" in text and not system.n_looks:
                system.plug(FAKE, ANOTHER, told=True)
            return super().write(text)

    with pytest.raises(KeyboardInterrupt):
        show_devices(Console(file=Terminal(), force_terminal=True, width=100), system, live=True)
    drawn = "".join(shown)
    assert drawn.index("Fake") < drawn.index("Another")
    assert system.idle
