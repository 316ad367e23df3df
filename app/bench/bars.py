"""What the project promised of its translators, and what was measured."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.bench.points import FRETNA

Json = Mapping[str, Any]

_WHY = {
    "eager reta_over_fretna": (
        "the shipped ReTA has two decoder layers; the published ratios are against six (next line)"
    ),
    "optimised reta_over_fretna": (
        "the engine makes ReTA's steps cheap, and its decoder has two layers (next line: six)"
    ),
    "optimised best_ar_over_fretna": (
        "verified drafts, or a decoder of one layer, save ReTA most of its time"
    ),
    "waitk_over_fretna": (
        "word by word, an update of Wait-k is about one step of each side; FReTNA fills ten slots "
        "and searches them for words in about the same time"
    ),
    "update_cost_60_over_10": "attention to more cached positions",
    "teacher": (
        "42 minutes of training on one core, of everyday sentences; its score was still rising"
    ),
    "within": "ReTA reads the whole sentence both ways; FReTNA's encoder only looks back",
    "above": "at this lag the difference may be chance",
    "ne": "it takes back more than a session's budget",
    "lossless": "the drafts that hold are too short",
}
"""Why a bar is not reached, where it is not."""

_TEACHER_BARS = {"multi30k_test_2016": 38, "test/tatoeba": 35}
"""BLEU of the teacher on the sets that have such a bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One claim, its bar, and the figure beside it; a row without a bar is told for comparison."""

    claim: str
    bar: str = ""
    figure: str
    reached: bool | None = None
    why: str = ""

    def cells(self) -> list[str]:
        """The row of the table."""
        verdict = {True: "reached", False: "not reached", None: ""}[self.reached]
        return [
            self.claim,
            self.bar,
            self.figure,
            verdict,
            self.why if self.reached is False else "",
        ]


HEAD = ("Claim", "Bar", "Measured", "", "Why not")


def rows(ratios: Json | None, sets: Sequence[Json]) -> Iterator[Row]:
    """The table, of what was measured.

    Args:
        ratios: the JSON object of the ratios of computation.
        sets: those of the test sets, each with its name as `set`.
    """
    if ratios is not None:
        yield from _ratio_rows(ratios)
    for claim in (_against_reta, _against_wait_k, _teacher, _erasure, _curve, _identical):
        for one in sets:
            yield from claim(one)
    if ratios is not None:
        rounds = ratios["rounds"]
        values, why = rounds["eager"]["reta_over_lossless"], _WHY["lossless"]
        yield _least("lossless: ReTA greedy / lossless, eager, 20–40 words", values, 2, why)
        yield _beside(
            "… optimised: ReTA in int8 / lossless, whose verifier is in single precision",
            rounds["optimised"]["reta_over_lossless"],
        )


def _ratio_rows(measured: Json) -> Iterator[Row]:
    for setting, bar, title in (
        ("eager", 20, "eager, mean over a sentence's updates, 20–40 words"),
        ("optimised", 10, "optimised engines, int8, CPU, the same updates"),
    ):
        ratios = measured["rounds"][setting]
        why = _WHY[f"{setting} reta_over_fretna"]
        yield _least(f"{title}: ReTA greedy / FReTNA", ratios["reta_over_fretna"], bar, why)
        yield _beside(
            "… ReTA of six and six layers, as in the literature / FReTNA",
            ratios["reta_6_6_over_fretna"],
        )
        why = _WHY["waitk_over_fretna"]
        yield _least(f"{setting}: Wait-k (k = 3) / FReTNA", ratios["waitk_over_fretna"], 1.5, why)
        if setting == "optimised":
            values, why = ratios["best_ar_over_fretna"], _WHY["optimised best_ar_over_fretna"]
            yield _least("optimised: best AR re-translator / FReTNA", values, 3, why)
        yield _beside(
            "… ReTA with verified drafts / FReTNA", ratios["reta_speculative_over_fretna"]
        )
        yield _beside("… ReTA of six and one layers / FReTNA", ratios["reta_6_1_over_fretna"])
    growth = measured["summary"]["update_cost_60_over_10"]
    yield Row(
        claim="cost of one update at 60 words ÷ at 10 words (`stream`)",
        bar="≤ 1.5",
        figure=f"{growth:.2f}",
        reached=growth <= 1.5,
        why=_WHY["update_cost_60_over_10"],
    )


def _against_reta(one: Json) -> Iterator[Row]:
    for comparison in one["comparisons"]:
        if comparison["baseline"].startswith("reta"):
            difference, figure = _difference(comparison)
            yield Row(
                claim=f"{_title(one)}: BLEU of FReTNA − greedy {_capital(comparison['baseline'])}",
                bar="≥ −1.0",
                figure=figure,
                reached=difference >= -1.0,
                why=_WHY["within"],
            )


def _against_wait_k(one: Json) -> Iterator[Row]:
    for comparison in one["comparisons"]:
        if not comparison["baseline"].startswith("wait"):
            continue
        difference, figure = _difference(comparison)
        baseline, lag, its_lag = (comparison[key] for key in ("baseline", "al", "al_baseline"))
        claim = f"BLEU of FReTNA at AL {lag:.2f} − {_capital(baseline)} at {its_lag:.2f}"
        if comparison["system"] != FRETNA.name:  # the claim is of the default setting
            yield Row(claim=f"… with `--stability 0`: {claim}", figure=figure)
            continue
        yield Row(
            claim=f"{_title(one)}: {claim}",
            bar="> 0, p < 0.05",
            figure=figure,
            reached=difference > 0 and comparison["p"] < 0.05,
            why=_WHY["above"],
        )


def _teacher(one: Json) -> Iterator[Row]:
    for part, bar in _TEACHER_BARS.items():
        if part in one["set"]:
            best = max(row["bleu"] for row in one["systems"] if row["schedule"] == "offline")
            yield Row(
                claim=f"{_title(one)}: teacher, whole sentences",
                bar=f"≥ {bar} BLEU",
                figure=f"{best:.1f}",
                reached=best >= bar,
                why=_WHY["teacher"],
            )


def _erasure(one: Json) -> Iterator[Row]:
    words = {row["system"]: row for row in one["systems"] if row["schedule"] == "words"}
    ne = words[FRETNA.name]["ne"]
    yield Row(
        claim=f"{_title(one)}: NE of FReTNA at the default setting",
        bar="≤ 0.2",
        figure=f"{ne:.2f}",
        reached=ne <= 0.2,
        why=_WHY["ne"],
    )


def _curve(one: Json) -> Iterator[Row]:
    points = {row["system"]: row for row in one["points"]}
    curve = [points[name] for name in one["curves"]["fretna, budget"]]
    parts = [f"NE {row['ne']:.2f} at AL {row['al']:.1f}: {row['bleu']:.1f} BLEU" for row in curve]
    yield Row(
        claim=f"{_title(one)}: its curve (`--stability`, a sample)",
        bar="down to 0",
        figure="; ".join(parts),
        reached=min(row["ne"] for row in curve) == 0,
    )


def _identical(one: Json) -> Iterator[Row]:
    lossless = one["lossless"]
    yield Row(
        claim=f"{_title(one)}: lossless, sentences whose every hypothesis is greedy ReTA's",
        bar="100 %",
        figure=f"{100 * lossless['identical']:g} % of {lossless['n_sentences']}",
        reached=lossless["identical"] == 1.0,
    )


def _difference(comparison: Json) -> tuple[float, str]:
    before, now = comparison["bleu_baseline"], comparison["bleu"]
    return (
        now - before,
        f"{now:.1f} − {before:.1f} = {now - before:+.1f}, p = {comparison['p']:.3f}",
    )


def _title(one: Json) -> str:
    folder, _, file = one["set"].rpartition("/")
    return f"{file.split('.')[0]} ({folder})"


def _capital(system: str) -> str:
    return system.replace("reta", "ReTA").replace("wait", "Wait")


def _least(claim: str, ratios: Sequence[float], bar: float, why: str) -> Row:
    return Row(
        claim=claim,
        bar=f"≥ {bar:g}",
        figure=_range(ratios),
        reached=statistics.median(ratios) >= bar,
        why=why,
    )


def _beside(claim: str, ratios: Sequence[float]) -> Row:
    return Row(claim=claim, figure=_range(ratios))


def _range(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
