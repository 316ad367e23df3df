"""The options of every command that translates: how the policies decode."""

import argparse
import dataclasses

from engine.policies.config import PolicyConfig

POLICY_OPTIONS = tuple(field.name for field in dataclasses.fields(PolicyConfig))


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """Declare them; one that is not given stays out of the result."""
    add = parser.add_argument_group("decoding", argument_default=argparse.SUPPRESS).add_argument
    add("--wait", type=int, metavar="K", help="words that wait-k stays behind (3)")
    add("--beam", type=int, metavar="N", help="reta searches with a beam of N (1: greedy)")
    add("--bias", type=float, metavar="B", help="reta prefers its previous output, 0 to 1 (0)")
    add("--speculative", action="store_true", help="reta verifies its previous output (SSBD)")
    add("--iterations", type=int, metavar="N", help="edits of fretna in an update (1)")
    add("--eos-penalty", type=float, metavar="P", help="fretna's edits write more, 0 to 3 (0)")
    add("--lossless", action="store_true", help="reta verifies fretna's output: the same as reta")


def read_policy(arguments: argparse.Namespace) -> PolicyConfig:
    """The policy of a command line for its translator.

    Raises:
        PolicyError: an option is out of range or of another translator, or two do not go together.
    """
    given = {name: value for name, value in vars(arguments).items() if name in POLICY_OPTIONS}
    PolicyConfig.expect_own(given, arguments.translator)
    return PolicyConfig(**given)
