"""What can be set about the policies."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields


class PolicyError(ValueError):
    """Settings of a policy that do not go together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """How the policies decode; each setting is of one translator, which its metadata names."""

    wait: int = field(default=3, metadata={"translator": "wait-k"})
    """The k of Wait-k: source words read before the first target word."""
    beam: int = field(default=1, metadata={"translator": "reta"})
    """ReTA: hypotheses kept while searching; 1 is greedy."""
    bias: float = field(default=0.0, metadata={"translator": "reta"})
    """ReTA: the β of P' = (1 − β) P + β · 1[previous output], arXiv 1912.03393."""
    speculative: bool = field(default=False, metadata={"translator": "reta"})
    """ReTA: verify the previous output in one pass, write from where it diverges (SSBD,
    arXiv 2509.21740); greedy only, the same output in less time."""
    lossless: bool = field(default=False, metadata={"translator": "fretna"})
    """FReTNA: its hypothesis is a draft that ReTA verifies; the output is greedy ReTA's."""

    iterations: int = field(default=1, metadata={"translator": "fretna"})
    """FReTNA of the forms levt and hybrid: most rounds of edits of an update."""
    eos_penalty: float = field(default=0.0, metadata={"translator": "fretna"})
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

    @classmethod
    def expect_own(cls, settings: Collection[str], translator: str) -> None:
        """Raise PolicyError for the first of some settings that another translator has."""
        for setting in fields(cls):
            owner = setting.metadata.get("translator", translator)
            if setting.name in settings and owner != translator:
                raise PolicyError(f"{setting.name} is for {owner}, the translator is {translator}")
