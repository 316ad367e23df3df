"""OwsmCtc: the network with its vocabulary; what training and recognition construct."""

from sentencepiece import SentencePieceProcessor

from models.owsm_ctc.config import OwsmCtcConfig
from models.owsm_ctc.network import OwsmCtcNetwork
from models.owsm_ctc.vocabulary import Vocabulary


class OwsmCtc(OwsmCtcNetwork):
    """A recogniser; `forward` is documented in `models.owsm_ctc.network`.

    `vocabulary` is None if no tokenizer was given: enough to train, not to read text.
    """

    def __init__(
        self, config: OwsmCtcConfig, tokenizer: SentencePieceProcessor | None = None
    ) -> None:
        super().__init__(config)
        self.vocabulary = Vocabulary(config.tokens, tokenizer) if tokenizer else None
