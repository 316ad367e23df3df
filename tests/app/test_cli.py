import subprocess
import sys

import pytest

from app.cli import describe, is_expected, main
from app.config import ConfigError

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


def test_our_own_errors_and_the_systems_are_the_users_to_mend_and_bugs_are_not() -> None:
    assert is_expected(ConfigError("x"))
    assert is_expected(FileNotFoundError(2, "No such file or directory", "talk.wav"))
    assert not is_expected(ValueError("x"))
    assert not is_expected(KeyError("x"))


def test_errors_are_told_in_one_line() -> None:
    assert describe(ConfigError("a\nb")) == "a b"
    missing = FileNotFoundError(2, "No such file or directory", "talk.wav")
    assert describe(missing) == "talk.wav: No such file or directory"
