import os
import sys
from collections.abc import AsyncGenerator, Iterator

import pytest

from app.sources.keyboard import as_typed, restore_keyboard
from app.sources.text import read_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX terminals")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    keyboard, program = os.openpty()
    yield keyboard, program
    os.close(keyboard)
    os.close(program)


def settings(fd: int) -> list[object]:
    import termios

    return termios.tcgetattr(fd)


async def test_keys_arrive_before_the_line_ends(terminal: tuple[int, int]) -> None:
    keyboard, program = terminal
    before = settings(program)
    with as_typed(program):
        text = read_text(program, by_key=True)
        for key in ("w", "ö", " "):
            os.write(keyboard, key.encode())
            assert await anext(text) == key
        assert isinstance(text, AsyncGenerator)
        await text.aclose()
    assert settings(program) == before


async def test_ctrl_d_ends_the_text(terminal: tuple[int, int]) -> None:
    keyboard, program = terminal
    with as_typed(program):
        text = read_text(program, by_key=True)
        os.write(keyboard, b"a")
        assert await anext(text) == "a"
        os.write(keyboard, b"\x04")
        assert [piece async for piece in text] == []


def test_the_terminal_is_as_before_after_a_sudden_end(terminal: tuple[int, int]) -> None:
    _, program = terminal
    before = settings(program)
    with as_typed(program) as keys:
        assert keys
        assert settings(program) != before
        restore_keyboard()
        assert settings(program) == before
    assert settings(program) == before


def test_a_pipe_is_left_alone() -> None:
    reading, writing = os.pipe()
    with as_typed(reading) as keys:
        assert not keys
    os.close(reading)
    os.close(writing)
