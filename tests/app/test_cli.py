import os
import signal
import subprocess
import sys

import pytest

from app import cli
from app.cli import main
from app.commands import models

HEAVY = ("torch", "PyQt6", "numpy", "av", "onnxruntime", "websockets", "rich")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom app.cli import main\n"
        "try:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "--translator" in done.stdout
    assert done.stderr.strip() == "[]"


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (["run"], "required: SOURCE (dragoman run --help)"),
        (["run", "talk.wav", "--colour"], "unrecognized arguments: --colour (dragoman --help)"),
        (["runn"], "invalid choice: 'runn'"),
        (["sessions", "search"], "(dragoman sessions search --help)"),
    ],
)
def test_a_mistake_is_one_line(
    mistake: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(mistake)
    line = capsys.readouterr().err
    assert line.startswith("dragoman: error: ")
    assert line.count("\n") == 1
    assert told in line


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("run - --translator fretna --wait 5", "wait is for wait-k, the translator is fretna"),
        ("run - --wait 3", "wait is for wait-k, the translator is fretna"),
        ("serve --translator wait-k --beam 4", "beam is for reta, the translator is wait-k"),
        ("run - --translator reta --lossless", "lossless is for fretna, the translator is reta"),
        ("run - --translator owsm-st --bias 0", "bias is for reta, the translator is owsm-st"),
        ("evaluate translate --set x.tsv --wait 5", "wait is for wait-k, the translator is fretna"),
    ],
)
def test_an_option_of_another_translator_is_one_line(
    command: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == cli.EXIT_USAGE
    line = capsys.readouterr().err
    assert line.startswith("dragoman: error: ")
    assert line.endswith(f"{told}\n")
    assert line.count("\n") == 1


def test_ctrl_c_while_the_program_is_loaded_is_no_bug() -> None:
    code = (
        "import os, runpy, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'app.commands.run':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "runpy.run_module('app', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_budget_that_is_no_number_is_named_as_the_user_knows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "talk.wav", "--stability", "maybe"])
    assert "argument --stability: 'maybe' is no number, nor off" in capsys.readouterr().err


def test_ctrl_c_while_a_library_is_loaded_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(_: object) -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:  # what an extension module makes of it
            raise ImportError("initialization failed") from error

    monkeypatch.setattr(models, "_list", load)
    assert main(["models", "list"]) == cli.EXIT_INTERRUPTED
    assert capsys.readouterr().err == ""


def test_a_terminal_that_lacks_a_character_is_no_bug() -> None:
    code = "import sys\nfrom app.cli import main\nmain(['models', 'list'])"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, check=True, text=True)
    assert "en-de-fretna" in done.stdout
