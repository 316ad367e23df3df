"""Run by the Python that has atheris: bytes that reach ever more lines of the parsers.

    coverage_guided.py NAME CORPUS [option of libFuzzer …]

NAME is a parser of tests/app/parsers.py, or `all`: then the first byte says which. What was found
worth keeping is in the folder CORPUS; bytes that break a parser are written where
`-artifact_prefix` says, the error goes to standard error, and the exit code is not 0.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app", "engine"], enable_loader_override=False):
    from tests.app.parsers import PARSERS


def one_of_all(data: bytes) -> None:
    parsers = list(PARSERS.values())
    if data:
        parse, _ = parsers[data[0] % len(parsers)]
        parse(data[1:])


def seed(name: str, corpus: Path) -> None:
    """Begin with what the parsers are meant for."""
    for number, (each, (_, meant)) in enumerate(PARSERS.items()):
        if name in (each, "all"):
            first = bytes([number]) if name == "all" else b""
            for index, data in enumerate(meant):
                (corpus / f"{each}-{index}").write_bytes(first + data)


def main(name: str, corpus: Path, *options: str) -> None:
    seed(name, corpus)
    parse = one_of_all if name == "all" else PARSERS[name][0]
    atheris.Setup([sys.argv[0], str(corpus), *options], parse)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
