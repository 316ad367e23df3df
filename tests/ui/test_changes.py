import dataclasses
from pathlib import Path

import pytest

from ui.changes import Changes
from ui.settings import OverlaySettings


@pytest.fixture
def configured(tmp_path: Path) -> OverlaySettings:
    return OverlaySettings(changes_file=tmp_path / "new" / "changes.json", font_pt=30)


def test_a_change_is_there_after_a_restart(configured: OverlaySettings) -> None:
    changed = dataclasses.replace(configured, font_pt=40, colour="#ff0000", reading_mode=True)
    Changes(configured).save(changed)
    assert Changes(configured).apply() == changed


def test_a_setting_that_was_edited_in_the_file_overrules_the_change(
    configured: OverlaySettings,
) -> None:
    Changes(configured).save(dataclasses.replace(configured, font_pt=40, rows=3))
    edited = dataclasses.replace(configured, font_pt=20)
    assert Changes(edited).apply() == dataclasses.replace(edited, rows=3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"changes": 3}',
        '{"changes": {"font_pt": 3, "nonsense": {"value": 1, "configured": 1}}}',
        '{"changes": {"font_pt": {"value": 500, "configured": 30}}}',
        '{"changes": {"font_pt": {"value": "40", "configured": 30}}}',
        '{"changes": {"place_file": {"value": "/tmp/x", "configured": null}}}',
    ],
)
def test_a_broken_file_changes_nothing_and_is_replaced(
    configured: OverlaySettings, text: str
) -> None:
    file = configured.changes_file
    assert file is not None
    file.parent.mkdir()
    file.write_text(text)
    assert Changes(configured).apply() == configured
    changed = dataclasses.replace(configured, font_pt=40)
    Changes(configured).save(changed)
    assert Changes(configured).apply() == changed


def test_a_folder_that_cannot_be_written_is_reported_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    settings = OverlaySettings(changes_file=tmp_path / "file" / "changes.json")
    Changes(settings).save(dataclasses.replace(settings, font_pt=40))
    assert "not kept" in caplog.text
