"""What can be set about the policies."""

from dataclasses import dataclass


class PolicyError(ValueError):
    """Settings of a policy that do not go together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """How the policies decode; each setting concerns one of them and the others ignore it."""

    wait: int = 3
    """The k of Wait-k: source words read before the first target word."""
    beam: int = 1
    """ReTA: hypotheses kept while searching; 1 is greedy."""
    bias: float = 0.0
    """ReTA: the β of P' = (1 − β) P + β · 1[previous output], arXiv 1912.03393."""
    speculative: bool = False
    """ReTA: verify the previous output in one pass, write from where it diverges (SSBD,
    arXiv 2509.21740); greedy only, the same output in less time."""
    lossless: bool = False
    """FReTNA: its hypothesis is a draft that ReTA verifies; the output is greedy ReTA's."""

    iterations: int = 1
    """FReTNA of the forms levt and hybrid: most rounds of edits of an update."""
    eos_penalty: float = 0.0
    """The same forms: taken from the score of inserting nothing; against short outputs."""

    def __post_init__(self) -> None:
        """Raise PolicyError, naming key, value and valid range, for the first bad setting."""
        if not 1 <= self.wait <= 50:
            raise PolicyError(f"wait is {self.wait}, must be from 1 to 50")
        if not 1 <= self.beam <= 32:
            raise PolicyError(f"beam is {self.beam}, must be from 1 to 32")
        if not 0.0 <= self.bias < 1.0:
            raise PolicyError(f"bias is {self.bias}, must be from 0 to less than 1")
        if not 1 <= self.iterations <= 10:
            raise PolicyError(f"iterations is {self.iterations}, must be from 1 to 10")
        if not 0.0 <= self.eos_penalty <= 3.0:
            raise PolicyError(f"eos_penalty is {self.eos_penalty}, must be from 0 to 3")
        if self.speculative and self.beam > 1:
            raise PolicyError(f"speculative decoding is greedy, beam is {self.beam}, must be 1")
