"""Export of autoregressive translators to CTranslate2, the engine for CPUs without torch.

A Wait-k checkpoint cannot be exported: CTranslate2's encoder attends in both directions, and it
knows no cross-attention that grows while the target is written.
"""

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import read_checkpoint
from models.export.engine import MODEL_FOLDER, import_ctranslate2
from models.export.folder import copy_rest, write_origin
from models.layers import CrossAttention, EncoderLayer, FeedForward, SelfAttention, decoder_layers
from models.tokenizer import BOS_ID, EOS_ID, UNK_ID, Tokenizer

Quantization = Literal["int8", "float32"]


def export(checkpoint: Path, out: Path, quantization: Quantization) -> None:
    """Write a folder that `models.export.engine` runs.

    Args:
        checkpoint: a `reta` checkpoint.
        out: folder to write; what an earlier export left there is replaced.
        quantization: of the weights; activations are quantised as they come.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
        ExportError: CTranslate2 is not installed.
    """
    content = read_checkpoint(checkpoint).expect("reta")
    model = AutoregressiveTransformer.from_checkpoint(content, "cpu")
    spec = specify(model, Tokenizer(content.tokenizer))
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    (out / MODEL_FOLDER).mkdir(parents=True, exist_ok=True)
    spec.save(str(out / MODEL_FOLDER))
    write_origin(out / MODEL_FOLDER, checkpoint)
    copy_rest(checkpoint, out)


def specify(model: AutoregressiveTransformer, tokenizer: Tokenizer) -> Any:
    """The `TransformerSpec` of a model."""
    config = model.config
    specs = import_ctranslate2().specs
    spec = specs.TransformerSpec.from_config(
        (config.n_encoder_layers, config.n_decoder_layers), config.n_heads, pre_norm=True
    )
    # Supplied, since CTranslate2's own sinusoids begin at position 1.
    spec.encoder.position_encodings.encodings = _array(model.encoder.positions)
    spec.decoder.position_encodings.encodings = _array(model.positions)
    spec.encoder.embeddings[0].weight = _array(model.embedding.weight)
    spec.decoder.embeddings.weight = _array(model.embedding.weight)
    spec.decoder.projection.weight = _array(model.embedding.weight)
    for side in (spec.encoder, spec.decoder):
        side.scale_embeddings = True  # times sqrt(d)
    _norm(spec.encoder.layer_norm, model.encoder.norm)
    _norm(spec.decoder.layer_norm, model.norm)
    encoder_layers = cast(list[EncoderLayer], list(model.encoder.layers))
    for target, encoder_layer in zip(spec.encoder.layer, encoder_layers, strict=True):
        _self_attention(target.self_attention, encoder_layer.attention)
        _norm(target.self_attention.layer_norm, encoder_layer.attention_norm)
        _feed_forward(target.ffn, encoder_layer.feed_forward, encoder_layer.feed_forward_norm)
    for target, layer in zip(spec.decoder.layer, decoder_layers(model.layers), strict=True):
        _self_attention(target.self_attention, layer.attention)
        _norm(target.self_attention.layer_norm, layer.attention_norm)
        _cross_attention(target.attention, layer.cross)
        _norm(target.attention.layer_norm, layer.cross_norm)
        _feed_forward(target.ffn, layer.feed_forward, layer.feed_forward_norm)
    _vocabulary(spec, tokenizer)
    return spec


def _vocabulary(spec: Any, tokenizer: Tokenizer) -> None:
    spec.register_source_vocabulary(tokenizer.pieces)
    spec.register_target_vocabulary(tokenizer.pieces)
    spec.config.unk_token = tokenizer.pieces[UNK_ID]
    spec.config.bos_token = spec.config.decoder_start_token = tokenizer.pieces[BOS_ID]
    spec.config.eos_token = tokenizer.pieces[EOS_ID]
    spec.config.add_source_eos = False  # EOS marks a complete segment: it is in the source or not


def _self_attention(target: Any, attention: SelfAttention) -> None:
    _linear(target.linear[0], attention.qkv)
    _linear(target.linear[1], attention.out)


def _cross_attention(target: Any, attention: CrossAttention) -> None:
    _linear(target.linear[0], attention.query)
    _linear(target.linear[1], attention.key_value)
    _linear(target.linear[2], attention.out)


def _feed_forward(target: Any, feed_forward: FeedForward, norm: nn.LayerNorm) -> None:
    _norm(target.layer_norm, norm)
    _linear(target.linear_0, feed_forward.inner)
    _linear(target.linear_1, feed_forward.outer)


def _linear(target: Any, linear: nn.Linear) -> None:
    target.weight, target.bias = _array(linear.weight), _array(linear.bias)


def _norm(target: Any, norm: nn.LayerNorm) -> None:
    target.gamma, target.beta = _array(norm.weight), _array(norm.bias)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = tensor.detach().float().numpy()
    return values
