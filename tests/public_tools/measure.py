"""Run by the Python that has them: figures of the public tools, as JSON.

    measure.py revisions < sentences.json   revised outputs: SimulEval, SLTev, simulstream
    measure.py simuleval OPTIONS…           one run of SimulEval with its own command line

A sentence is {"source", "reference", "delays", "revisions": [[source words read, text], …]}.
"""

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def measure_delays(sentences: list[dict[str, Any]]) -> dict[str, float]:
    from simuleval.evaluator.scorers import latency_scorer

    instances = {
        index: SimpleNamespace(
            delays=sentence["delays"],
            reference=sentence["reference"],
            reference_length=len(sentence["reference"].split()),
            source_length=len(sentence["source"].split()),
            metrics={},
        )
        for index, sentence in enumerate(sentences)
    }
    names = ("AL", "LAAL", "DAL", "AP")
    return {name.lower(): getattr(latency_scorer, f"{name}Scorer")()(instances) for name in names}


def measure_flicker(sentences: list[dict[str, Any]], folder: Path) -> float:
    from SLTev.files_modules import read_candidate_file
    from SLTev.flicker_modules import calc_average_flickers_per_tokens

    file = folder / "candidates.slt"
    with file.open("w", encoding="utf-8") as lines:
        for sentence in sentences:
            *partial, (read, final) = sentence["revisions"]
            lines.writelines(f"P {n} 0 {n} {text}\n" for n, text in partial)
            lines.write(f"C {read} 0 {read} {final}\n")
    return float(calc_average_flickers_per_tokens(read_candidate_file(str(file))))


def measure_log(sentences: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    from simulstream.metrics.readers import LogReader
    from simulstream.metrics.stats import NormalizedErasure

    file = folder / "log.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for index, sentence in enumerate(sentences):
            lines.write(json.dumps({"id": index, "metadata": {"wav_name": f"{index}.wav"}}) + "\n")
            shown: list[str] = []
            for read, text in sentence["revisions"]:
                words = text.split()
                n = 0
                while n < min(len(shown), len(words)) and shown[n] == words[n]:
                    n += 1
                entry = {
                    "id": index,
                    "total_audio_processed": read,
                    "computation_time": 0.0,
                    "generated_tokens": words[n:],
                    "deleted_tokens": shown[n:],
                }
                lines.write(json.dumps(entry) + "\n")
                shown = words
    config = SimpleNamespace(detokenizer_type="simuleval", latency_unit="word")
    log = LogReader(config, str(file), latency_unit="word")
    outputs = log.final_outputs_and_latencies().values()
    return {
        "ne": NormalizedErasure().compute(log),
        "delays": [output.ideal_delays for output in outputs],
    }


def run_simuleval() -> dict[str, Any]:
    from simuleval.evaluator import build_evaluator
    from simuleval.utils.agent import build_system_args

    system, arguments = build_system_args()
    evaluator = build_evaluator(arguments)
    evaluator(system)
    instances = evaluator.instances.values()
    return {
        **evaluator.quality,
        **evaluator.latency,
        "delays": [instance.delays for instance in instances],
        "predictions": [instance.prediction for instance in instances],
    }


def main() -> None:
    command = sys.argv.pop(1)
    if command == "simuleval":
        result = run_simuleval()
    else:
        sentences = json.load(sys.stdin)
        with tempfile.TemporaryDirectory() as folder:
            result = {
                "simuleval": measure_delays(sentences),
                "sltev": measure_flicker(sentences, Path(folder)),
                "simulstream": measure_log(sentences, Path(folder)),
            }
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
