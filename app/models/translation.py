"""The translator of a session: one, one for each language that may be spoken, or the recogniser."""

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.models.registry import SPEECH_TRANSLATOR, Model, Registry, RegistryError, load_translator
from engine.multilingual import ANY_LANGUAGE, MultilingualTranslator, SpokenTranslation

if TYPE_CHECKING:
    from app.running.config import RunConfig
    from engine.translator import Translator

logger = logging.getLogger(__name__)


def plan(registry: Registry, run: "RunConfig") -> "Callable[[str], Translator]":
    """Find what translates, before anything slow is done for it.

    Returns:
        Loads it onto a device, which may take seconds.

    Raises:
        RegistryError: there is no such translator.
    """
    if run.translator == SPEECH_TRANSLATOR:
        return lambda device: SpokenTranslation(run.source_lang, run.target_lang)
    if run.source_lang == ANY_LANGUAGE:
        models = _for_each_language(registry, run)
        return lambda device: MultilingualTranslator(
            {
                lang: load_translator(model, device=device, policy=run, backend=run.backend)
                for lang, model in models.items()
            },
            target_lang=run.target_lang,
        )
    model = registry.find_translator(run.translator, run.source_lang, run.target_lang)
    return lambda device: load_translator(model, device=device, policy=run, backend=run.backend)


def _for_each_language(registry: Registry, run: "RunConfig") -> dict[str, Model]:
    heard = registry.find_recognizer(ANY_LANGUAGE).languages
    models: dict[str, Model] = {}
    for lang in heard:
        with contextlib.suppress(RegistryError):
            models[lang] = registry.find_translator(run.translator, lang, run.target_lang)
    if not models:
        raise RegistryError(
            f"no {run.translator} translator to {run.target_lang!r} from any language that the "
            f"recogniser tells apart ({', '.join(heard)})"
        )
    untranslated = [lang for lang in heard if lang not in models and lang != run.target_lang]
    if untranslated:
        logger.warning("without a translation, only heard: %s", ", ".join(untranslated))
    return models
