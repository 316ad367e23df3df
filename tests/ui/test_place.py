from pathlib import Path

import pytest

from ui.place import Place, PlaceMemory

PLACE = Place(x=10, bottom=700, width=800)


def test_a_place_is_recalled_for_its_display_layout_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "place.json"
    PlaceMemory(file).remember("one screen", PLACE)
    PlaceMemory(file).remember("two screens", Place(**{**vars_of(PLACE), "x": 99}))
    assert PlaceMemory(file).recall("one screen") == PLACE
    assert PlaceMemory(file).recall("three screens") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"layouts": 3}', '{"layouts": {"a": {"x": "1"}}}', "\ud800"]
)
def test_a_broken_file_is_replaced(tmp_path: Path, text: str) -> None:
    file = tmp_path / "place.json"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    memory = PlaceMemory(file)
    assert memory.recall("a") is None
    memory.remember("a", PLACE)
    assert memory.recall("a") == PLACE


def test_a_folder_that_cannot_be_written_is_reported_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    PlaceMemory(tmp_path / "file" / "place.json").remember("a", PLACE)
    assert "not kept" in caplog.text


def test_without_a_file_nothing_is_remembered() -> None:
    memory = PlaceMemory(None)
    memory.remember("a", PLACE)
    assert memory.recall("a") is None


def vars_of(place: Place) -> dict[str, int]:
    return {name: getattr(place, name) for name in Place.__dataclass_fields__}
