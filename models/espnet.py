"""Reading the public OWSM-CTC repositories (ESPnet's layout) without ESPnet.

`meta.yaml` names the weights and the training configuration; that configuration holds the sizes,
the token list and the paths of the tokeniser and of the feature statistics. All paths are relative
to the repository's folder. Loading is strict: whatever this implementation does not compute the
same way, and every tensor that is missing, extra or misshapen, is a `CheckpointError`.
"""

import logging
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from models.errors import CheckpointError
from models.owsm_ctc.config import OwsmCtcConfig
from models.owsm_ctc.geometry import FFT_SAMPLES, HOP_SAMPLES, RATE_HZ, WINDOW_SAMPLES
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.vocabulary import read_tokenizer

logger = logging.getLogger(__name__)

META_FILE = "meta.yaml"
"""What tells a folder in ESPnet's layout from a checkpoint of this project."""

# The settings that this implementation computes, with the value ESPnet takes if the key is absent.
_ENCODER_FACTS = {
    "attention_layer_type": ("selfattn", "rel_selfattn"),
    "pos_enc_layer_type": ("abs_pos", "rel_pos"),
    "use_linear_after_conv": (False, False),
    "gate_activation": ("identity", "identity"),
    "input_layer": ("conv2d8", "conv2d8"),
    "use_ffn": (True, False),
    "macaron_ffn": (True, False),
    "ffn_activation_type": ("swish", "swish"),
    "positionwise_layer_type": ("linear", "linear"),
}
_FRONTEND_FACTS = {
    "n_fft": (FFT_SAMPLES, 512),
    "hop_length": (HOP_SAMPLES, 128),
    "fmin": (None, None),
    "fmax": (None, None),
    "htk": (False, False),
    "apply_stft": (True, True),
}
_TOP_FACTS = {
    "model": "espnet_ctc",
    "encoder": "e_branchformer_ctc",
    "promptencoder": "transformer",
    "frontend": "default",
    "normalize": "global_mvn",
    "token_type": "bpe",
}

# Our names, as patterns, and ESPnet's. The first match counts; `{}` takes the matched numbers.
_BLOCK = r"blocks\.(\d+)\."
_PROMPT_BLOCK = r"prompt_encoder\.blocks\.(\d+)\."
_ATTENTION_PARTS = {
    "query": "linear_q",
    "key": "linear_k",
    "value": "linear_v",
    "out": "linear_out",
}
_MODULE_NAMES: tuple[tuple[str, str], ...] = (
    (r"stem\.convs\.(\d+)", "encoder.embed.conv.{double}"),
    (r"stem\.out", "encoder.embed.out"),
    *(
        (_BLOCK + ours, "encoder.encoders.{}." + theirs)
        for ours, theirs in (
            ("norm_first", "norm_ff_macaron"),
            (r"first\.expand", "feed_forward_macaron.w_1"),
            (r"first\.contract", "feed_forward_macaron.w_2"),
            ("norm_attention", "norm_mha"),
            *((rf"attention\.{o}", f"attn.{t}") for o, t in _ATTENTION_PARTS.items()),
            ("norm_gate", "norm_mlp"),
            (r"gate\.expand", "cgmlp.channel_proj1.0"),
            (r"gate\.norm", "cgmlp.csgu.norm"),
            (r"gate\.conv\.conv", "cgmlp.csgu.conv"),
            (r"gate\.contract", "cgmlp.channel_proj2"),
            (r"merge_conv\.conv", "depthwise_conv_fusion"),
            ("merge", "merge_proj"),
            ("norm_second", "norm_ff"),
            (r"second\.expand", "feed_forward.w_1"),
            (r"second\.contract", "feed_forward.w_2"),
            ("norm_prompt", "norm_cross_attn"),
            *((rf"prompt_attention\.{o}", f"cross_attn.{t}") for o, t in _ATTENTION_PARTS.items()),
            ("norm_last", "norm_final"),
        )
    ),
    *(
        (_PROMPT_BLOCK + ours, "prompt_encoder.encoders.{}." + theirs)
        for ours, theirs in (
            ("norm_attention", "norm1"),
            *((rf"attention\.{o}", f"self_attn.{t}") for o, t in _ATTENTION_PARTS.items()),
            ("norm_feed_forward", "norm2"),
            (r"feed_forward\.expand", "feed_forward.w_1"),
            (r"feed_forward\.contract", "feed_forward.w_2"),
        )
    ),
    (r"prompt_encoder\.norm", "prompt_encoder.after_norm"),
    (r"prompt_encoder\.project", "prompt_proj"),
    ("project_prefix", "embed_proj"),
    ("embed", "embed"),
    ("norm", "encoder.after_norm"),
    ("condition", "encoder.conditioning_layer"),
    ("head", "ctc.ctc_lo"),
)
_BUFFER_NAMES = {
    "frontend.mel": "frontend.logmel.melmat",
    "frontend.mean": "normalize.mean",
    "frontend.std": "normalize.std",
}


def load_espnet(directory: Path, device: torch.device | str = "cpu") -> OwsmCtc:
    """Load a public OWSM-CTC repository, or a folder of its layout, ready for inference.

    Raises:
        CheckpointError: a file is missing or damaged, the configuration asks for something that
            this implementation does not compute, or a tensor is missing, extra or misshapen.
    """
    directory = Path(directory)
    meta = _read_yaml(directory / META_FILE)
    weights = directory / _text(meta, META_FILE, "files", "s2t_model_file")
    config_path = directory / _text(meta, META_FILE, "yaml_files", "s2t_train_config")
    raw = _read_yaml(config_path)
    config = _read_config(raw, config_path)
    tokenizer = _read_tokenizer(directory / _text(raw, config_path.name, "bpemodel"))
    stats = directory / _text(raw, config_path.name, "normalize_conf", "stats_file")
    try:
        model = OwsmCtc(config, tokenizer)
    except ValueError as error:
        raise CheckpointError(f"{config_path}: {error}") from error
    _load_tensors(model, _read_weights(weights), weights)
    _compare_statistics(model, stats)
    return model.to(device).eval()


def espnet_name(name: str) -> str:
    """Return ESPnet's name of one of our parameters or buffers, such as `head.weight`."""
    if name in _BUFFER_NAMES:
        return _BUFFER_NAMES[name]
    module, _, kind = name.rpartition(".")
    for pattern, theirs in _MODULE_NAMES:
        match = re.fullmatch(pattern, module)
        if match:
            numbers = match.groups()
            # Their convolutions stand in a sequence with the activations, so the index doubles.
            double = 2 * int(numbers[0]) if numbers else 0
            return f"{theirs.format(*numbers, double=double)}.{kind}"
    raise KeyError(name)


def _load_tensors(model: OwsmCtc, tensors: Mapping[str, Tensor], path: Path) -> None:
    # The mel matrix is a constant of ours, but checkpoints bring their own: take theirs.
    targets = {**model.state_dict(), "frontend.mel": model.frontend.mel}
    expected = {espnet_name(name): target for name, target in targets.items()}
    for name, target in expected.items():
        if name not in tensors:
            raise CheckpointError(f"{path}: the tensor {name} is missing")
        shape, wanted = tuple(tensors[name].shape), tuple(target.shape)
        if shape != wanted:
            raise CheckpointError(
                f"{path}: the tensor {name} has the shape {shape}; the configuration says {wanted}"
            )
    for name in tensors:
        if name not in expected:
            raise CheckpointError(f"{path}: the tensor {name} is not part of the configured model")
    with torch.no_grad():
        for name, target in expected.items():
            target.copy_(tensors[name])


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: damaged, or not plain tensors ({reason})") from error
    if not isinstance(tensors, dict):
        raise CheckpointError(f"{path}: holds a {type(tensors).__name__}, not named tensors")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: {name} is a {type(tensor).__name__}, not a tensor")
    return tensors


def _compare_statistics(model: OwsmCtc, path: Path) -> None:
    """Check the statistics file against the model's buffers, which are what counts."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stats:
            count = float(stats["count"])
            mean = stats["sum"] / count
            variance = stats["sum_square"] / count - mean * mean
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: not a file of feature statistics ({error})") from error
    if mean.shape != (model.config.n_mels,):
        raise CheckpointError(
            f"{path}: statistics of {mean.shape} bands; the model has {model.config.n_mels}"
        )
    std = np.sqrt(np.maximum(variance, 1e-20))
    ours_mean, ours_std = model.frontend.mean.numpy(), model.frontend.std.numpy()
    if not (np.allclose(mean, ours_mean, atol=1e-2) and np.allclose(std, ours_std, atol=1e-2)):
        logger.warning("%s differs from the statistics in the weights, which are used", path)


def _read_tokenizer(path: Path) -> SentencePieceProcessor:
    try:
        return read_tokenizer(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise CheckpointError(
            "reading an ESPnet checkpoint needs PyYAML: pip install 'dragoman[train]'"
        ) from error
    # The C parser reads a list of 50,000 tokens in a second; the Python one takes ten times that.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, Loader=loader)  # a safe loader
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: does not hold a mapping")
    return content


def _text(mapping: Mapping[str, Any], where: str, *keys: str) -> str:
    """Return the text at a path of keys."""
    value: Any = mapping
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise CheckpointError(f"{where}: {'.'.join(keys)} is missing")
    return value


def _read_config(raw: Mapping[str, Any], path: Path) -> OwsmCtcConfig:
    for key, name in _TOP_FACTS.items():
        _check_fact(path, key, raw.get(key), name)
    encoder, prompt, frontend = (
        _section(raw, path, key) for key in ("encoder_conf", "promptencoder_conf", "frontend_conf")
    )
    for section, facts in ((encoder, _ENCODER_FACTS), (frontend, _FRONTEND_FACTS)):
        for key, (expected, default) in facts.items():
            _check_fact(path, key, section.get(key, default), expected)
    _check_fact(path, "fs", str(frontend.get("fs", "16k")) in ("16k", str(RATE_HZ)), True)
    _check_fact(path, "win_length", frontend.get("win_length") or FFT_SAMPLES, WINDOW_SAMPLES)
    tokens = raw.get("token_list")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise CheckpointError(f"{path}: token_list is missing or not a list of texts")
    n_blocks = encoder.get("num_blocks", 12)
    attends = encoder.get("use_cross_attention", True)
    if isinstance(attends, bool):
        attends = [attends] * n_blocks
    try:
        return OwsmCtcConfig(
            tokens=tuple(tokens),
            n_mels=frontend.get("n_mels", 80),
            subsampling="conv2d8",
            width=encoder.get("output_size", 256),
            n_blocks=n_blocks,
            n_heads=encoder.get("attention_heads", 4),
            feed_forward_width=encoder.get("linear_units", 2048),
            gate_width=encoder.get("cgmlp_linear_units", 2048),
            gate_kernel=encoder.get("cgmlp_conv_kernel", 31),
            merge_kernel=encoder.get("merge_conv_kernel", 3),
            cross_attention_blocks=tuple(i for i, attend in enumerate(attends) if attend),
            inter_ctc_blocks=tuple(encoder.get("interctc_layer_idx") or ()),
            self_conditioning=bool(encoder.get("interctc_use_conditioning", False)),
            prompt_width=prompt.get("output_size", 256),
            prompt_blocks=prompt.get("num_blocks", 6),
            prompt_heads=prompt.get("attention_heads", 4),
            prompt_feed_forward_width=prompt.get("linear_units", 2048),
            dropout=encoder.get("dropout_rate", 0.1),
            buffer_s=float(_section(raw, path, "preprocessor_conf").get("speech_length", 30)),
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _section(raw: Mapping[str, Any], path: Path, key: str) -> Mapping[str, Any]:
    section = raw.get(key)
    if not isinstance(section, dict):
        raise CheckpointError(f"{path}: {key} is missing")
    return section


def _check_fact(path: Path, key: str, value: object, expected: object) -> None:
    if value != expected:
        raise CheckpointError(f"{path}: {key} is {value!r}; only {expected!r} is supported")
