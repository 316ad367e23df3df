"""`dragoman bench serve`: real streams through a real server, with fake models."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from app.bench.serve import LoadTest, figures, find_capacity, stages
from app.bench.serve_report import print_report
from app.bench.streams import Heard, LoadTestError, percentile
from app.server.stats import ServerStats
from tests.app.conftest import Machine

FAKE = (sys.executable, "-m", "tests.app.dragoman", "serve")
TONE = (np.sin(np.arange(16_000) * 0.2) / 2).astype(np.float32)


@pytest.fixture
def options(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    return machine.options


def test_streams_get_what_the_server_made(options: tuple[str, ...]) -> None:
    test = LoadTest(sound=TONE, seconds=2.0, options=options, command=FAKE)
    result = test.run(3)
    assert result["n_streams"] == 3
    assert result["n_finals_received"] == result["n_finals_sent"] == 3
    assert result["n_streams_with_other_finals"] == 0
    assert result["stages"].keys() == {"wait", "recognise", "translate", "fan_out"}
    assert result["stages"]["translate"]["n_calls"] >= 3
    assert sum(result["states"].values()) == pytest.approx(1.0)


def test_a_server_that_does_not_start_says_why(options: tuple[str, ...]) -> None:
    test = LoadTest(sound=TONE, seconds=1.0, options=("--workers", "0"), command=FAKE)
    with pytest.raises(LoadTestError, match="workers is 0"):
        test.run(1)


def test_a_final_that_did_not_come_is_seen() -> None:
    heard = [Heard(session="a", finals=[3, 7], lags_s=[0.1, 0.2], final_lags_s=[0.1, 0.2])]
    metrics = ServerStats().render()
    assert figures(heard, {"a": [3, 7]}, metrics)["holds"]
    result = figures(heard, {"a": [3, 5, 7]}, metrics)
    assert (result["n_streams_with_other_finals"], result["holds"]) == (1, False)


def test_a_lag_beyond_the_bound_is_not_held() -> None:
    late = Heard(session="a", lags_s=[0.1] * 18 + [2.1, 2.2])
    assert not figures([late], {}, ServerStats().render())["holds"]


def test_stages_are_read_from_the_metrics() -> None:
    stats = ServerStats()
    for seconds in (0.02, 0.02, 0.02, 0.2):
        stats.stages.recognise.add(seconds, processor_s=0.01)
    stats.stages.wait.add(11.0)
    found = stages(stats.render())
    assert found["recognise"] == {
        "n_calls": 4,
        "total_s": pytest.approx(0.26),
        "processor_s": pytest.approx(0.04),
        "mean_ms": pytest.approx(65.0),
        "p95_ms_at_most": 250.0,
    }
    assert found["wait"]["p95_ms_at_most"] is None


@pytest.mark.parametrize("capacity", [0, 1, 3, 4, 8, 13, 63, 64, 100])
def test_the_capacity_is_found(capacity: int) -> None:
    tried: list[str] = []
    found = find_capacity(lambda n: {"holds": n <= capacity}, tried.append)
    assert found == min(capacity, 64)
    assert len(tried) <= 10


def test_percentiles_are_values_that_occur() -> None:
    assert percentile([], 95) == 0.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile(list(range(100)), 95) == 95


def test_the_report_is_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    heard = [Heard(session="a", lags_s=[0.5], states=["keeping up"])]
    run = figures(heard, {}, ServerStats().render())
    result = {
        "machine": {"processors": 2, "load_average": 0.1},
        "seconds": 30.0,
        "capacity": 7,
        "runs": [{"took_s": 31.0, **run}],
    }
    print_report(result, None)
    assert "This machine holds 7 live streams." in capsys.readouterr().out
    print_report(result, Path("-"))
    assert json.loads(capsys.readouterr().out) == result
