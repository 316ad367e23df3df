from app.config import ConfigError
from app.errors import describe, is_expected


def test_our_own_errors_and_the_systems_are_the_users_to_mend_and_bugs_are_not() -> None:
    assert is_expected(ConfigError("x"))
    assert is_expected(FileNotFoundError(2, "No such file or directory", "talk.wav"))
    assert not is_expected(ValueError("x"))
    assert not is_expected(KeyError("x"))


def test_errors_are_told_in_one_line() -> None:
    assert describe(ConfigError("a\nb")) == "a b"
    missing = FileNotFoundError(2, "No such file or directory", "talk.wav")
    assert describe(missing) == "talk.wav: No such file or directory"
