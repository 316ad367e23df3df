"""Settings: the defaults of the code, then a TOML file, then the command line.

Each table of the file is one frozen dataclass, which stands beside the code that it configures
and validates itself; this module only composes them. An unknown table or key is an error.
"""

import dataclasses
import logging
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from app.feeds.mqtt import MqttConfig
from app.feeds.push_config import PushConfig
from app.running.config import RunConfig
from app.server.config import ServerConfig
from engine.policies.config import PolicyError
from engine.recognizer_config import PRESETS, RecognizerConfig
from engine.retention import RetentionConfig
from engine.stability import BALANCED, StabilityConfig
from engine.vad import VadConfig
from ui.settings import OverlaySettings

logger = logging.getLogger(__name__)

FILE_NAME = "config.toml"


class ConfigError(ValueError):
    """A setting is unknown, of a wrong type or out of range; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, one table each."""

    run: RunConfig = field(default_factory=RunConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    recognizer: RecognizerConfig = field(default_factory=RecognizerConfig)
    stability: StabilityConfig = BALANCED
    overlay: OverlaySettings = field(default_factory=OverlaySettings)
    feed: ServerConfig = field(default_factory=ServerConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    push: PushConfig = field(default_factory=PushConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)


def default_file() -> Path:
    """Where settings are read from when no file is named."""
    return platformdirs.user_config_path("dragoman") / FILE_NAME


def load(file: Path | None, overrides: Mapping[str, Mapping[str, object]]) -> Settings:
    """Compose the settings.

    Args:
        file: a TOML file that must exist; None for the user's own, which need not.
        overrides: table → field → value, from the command line.

    Raises:
        ConfigError: a setting is unknown, of a wrong type or out of range, the command line has
            one of another translator, or the file cannot be read.
    """
    origin, tables = str(file or default_file()), _read(file)
    settings = compose(tables, origin, overrides)
    _check_translator(settings.run, tables.get("run", {}), origin, overrides.get("run", {}))
    return settings


def _check_translator(
    run: RunConfig, table: Mapping[str, object], origin: str, chosen: Mapping[str, object]
) -> None:
    """Refuse options of another translator; warn of such settings in the file.

    The file may hold those of a translator that the command line puts another one in place of.
    """
    try:
        run.expect_own(chosen, run.translator)
    except PolicyError as error:
        raise ConfigError(f"command line: {error}") from error
    if "translator" not in chosen:
        try:
            run.expect_own(table, run.translator)
        except PolicyError as error:
            logger.warning("%s: [run] %s", origin, error)


def compose(
    tables: Mapping[str, object],
    origin: str,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> Settings:
    """Settings of tables as they stand in a file; `origin` names that in messages.

    Raises:
        ConfigError: as for `load`.
    """
    known = {item.name: item for item in dataclasses.fields(Settings)}
    for name in tables.keys() - known.keys():
        raise ConfigError(f"{origin}: unknown table [{name}]; known: {', '.join(known)}")
    built: dict[str, Any] = {}
    hints = typing.get_type_hints(Settings)
    for name in known:
        table = tables.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{origin}: {name} is {table!r}, not a table; write [{name}]")
        values = _from_table(hints[name], table, f"{origin}: [{name}]")
        if name == "recognizer":  # what the file says of it refines the preset
            values = {**dataclasses.asdict(PRESETS[built["run"].preset]), **values}
        chosen = (overrides or {}).get(name, {})
        if name == "stability" and "delay_s" not in {**values, **chosen}:
            values = {"budget": BALANCED.budget, **values}
        built[name] = _make(hints[name], values, f"{origin}: [{name}]")
        if chosen:
            built[name] = _make(hints[name], {**values, **chosen}, "command line")
    return Settings(**built)


def tables_of(settings: Settings) -> dict[str, dict[str, object]]:
    """The tables of which `compose` makes the same settings; JSON can hold them."""
    return {
        item.name: _to_table(getattr(settings, item.name)) for item in dataclasses.fields(settings)
    }


def _read(file: Path | None) -> dict[str, Any]:
    path = default_file() if file is None else file
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if file is None:
            return {}
        raise ConfigError(f"{path}: no such file") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path}: not TOML ({error})") from error


def _from_table(kind: type, table: Mapping[str, object], origin: str) -> dict[str, object]:
    """The values of one table by field name, each of the type that the field declares.

    A field's key in the file is its name, or `metadata["key"]` where that is no identifier.
    """
    keys = {
        str(item.metadata.get("key", item.name)): item.name for item in dataclasses.fields(kind)
    }
    hints = typing.get_type_hints(kind)
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{origin} has the unknown key {key!r}; known: {', '.join(keys)}")
        values[keys[key]] = _convert(value, hints[keys[key]], f"{origin} {key}")
    return values


def _to_table(made: Any) -> dict[str, object]:
    table: dict[str, object] = {}
    for item in dataclasses.fields(made):
        value = getattr(made, item.name)
        if isinstance(value, Path):
            value = str(value)
        if value is not None:
            table[str(item.metadata.get("key", item.name))] = value
    return table


def _make(kind: type, values: Mapping[str, object], origin: str) -> object:
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}") from error


def _convert(value: object, hint: Any, where: str) -> object:
    """A TOML value as the type of its field; only what loses nothing is converted."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            hint = next(item for item in arguments if item is not type(None))
            return _convert(value, hint, where)
        case typing.Literal:
            if value in arguments:
                return value
            raise ConfigError(f"{where} is {value!r}, not one of {', '.join(map(str, arguments))}")
        case builtin if builtin is tuple:
            if not isinstance(value, list | tuple):
                raise ConfigError(f"{where} is {value!r}, not a list")
            return tuple(_convert(item, arguments[0], where) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    if type(value) is not hint:
        raise ConfigError(f"{where} is {value!r}, not of type {hint.__name__}")
    return value
