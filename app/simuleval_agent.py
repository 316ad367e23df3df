"""Our policies as an agent of SimulEval, the evaluation tool of the field.

    simuleval --agent app/simuleval_agent.py --source en.txt --target de.txt --translator wait-k

SimulEval has no way to take a word back, so what is written are the words that commit: all of
Wait-k's, and those of a re-translator once they are stable.
"""

import argparse
from pathlib import Path
from typing import Any

from app.commands.policy import add_policy_options, read_policy
from app.models.registry import TRANSLATORS, Registry, load_translator
from engine.stability import StabilityConfig, StableTarget, settle
from engine.translator import TranslatorSession

try:
    from simuleval.agents import TextToTextAgent
    from simuleval.agents.actions import Action, ReadAction, WriteAction
    from simuleval.utils import entrypoint
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}; SimulEval is in the extra `tools`: pip install -e '.[tools]'", name=error.name
    ) from error


@entrypoint
class AppendOnlyAgent(TextToTextAgent):  # type: ignore[misc]  # SimulEval is not typed
    """Reads word by word, writes what commits."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        model = Registry(arguments.models).find_translator(
            arguments.translator, arguments.source_lang, arguments.target_lang
        )
        # The weights themselves: figures of a policy, without what eight bits change.
        self._translator = load_translator(
            model, device="cpu", policy=read_policy(arguments), backend="torch"
        )
        self._stability = StabilityConfig(agreement=arguments.agreement)
        self._session: TranslatorSession = self._translator.start()
        self._target = StableTarget()
        super().__init__(arguments)

    @staticmethod
    def add_args(parser: argparse.ArgumentParser) -> None:
        """Declare the options of the agent."""
        parser.add_argument("--translator", choices=TRANSLATORS, default="wait-k")
        parser.add_argument("--models", type=Path, help="instead of the shipped ones")
        parser.add_argument("--from", dest="source_lang", default="en")
        parser.add_argument("--to", dest="target_lang", default="de")
        parser.add_argument("--agreement", type=int, default=StabilityConfig().agreement)
        add_policy_options(parser)

    def reset(self) -> None:
        """Forget everything: a new sentence begins."""
        super().reset()
        self._session = self._translator.start()
        self._target = StableTarget()

    def policy(self, states: Any = None) -> Action:
        """Write the words that the source read so far commits, or read on."""
        states = self.states if states is None else states
        prefix, finished = " ".join(states.source), states.source_finished
        n_written = len(self._target.committed)
        hypothesis = self._session.update(
            prefix, finished=finished, committed=self._target.committed
        )
        self._target = settle(
            self._target, hypothesis, evidence=prefix, finished=finished, config=self._stability
        )
        words = self._target.committed[n_written:]
        if not words and not finished:
            return ReadAction()
        return WriteAction(" ".join(words), finished=finished)
