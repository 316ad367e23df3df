from typing import Any

import pytest

from ui.settings import OverlaySettings, OverlaySettingsError


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("font_pt", 11),
        ("font_pt", 97),
        ("font_pt", "28"),
        ("rows", 0),
        ("rows", True),
        ("source_rows", 7),
        ("font_weight", 50),
        ("outline_percent", 41),
        ("line_s", -1),
        ("show", "everything"),
        ("align", "center"),
        ("motion", True),
        ("colour", "white"),
        ("box_colour", "#fff"),
        ("width_percent", 101),
        ("opacity", 1.1),
        ("opacity", float("nan")),
        ("dwell_s", 0),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(OverlaySettingsError, match=f"overlay setting {key} is .*; valid: ") as info:
        OverlaySettings(**{key: value})
    assert (info.value.key, str(info.value.value)) == (key, str(value))


def test_the_defaults_are_valid() -> None:
    assert OverlaySettings().rows == 2
