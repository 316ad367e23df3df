"""Folders in the layout of the public OWSM-CTC repositories."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from models.espnet import espnet_name
from models.owsm_ctc.network import OwsmCtcNetwork
from tests.models.owsm_ctc_models import tiny_tokenizer


def write_repository(directory: Path, network: OwsmCtcNetwork, /, **changes: Any) -> Path:
    """Write a network in the layout of the public repositories; `changes` go into config.yaml."""
    sizes = network.config
    attends = [i in sizes.cross_attention_blocks for i in range(sizes.n_blocks)]
    encoder = {
        "output_size": sizes.width,
        "attention_heads": sizes.n_heads,
        "attention_layer_type": "selfattn",
        "pos_enc_layer_type": "abs_pos",
        "linear_units": sizes.feed_forward_width,
        "cgmlp_linear_units": sizes.gate_width,
        "cgmlp_conv_kernel": sizes.gate_kernel,
        "merge_conv_kernel": sizes.merge_kernel,
        "num_blocks": sizes.n_blocks,
        "use_ffn": True,
        "macaron_ffn": True,
        "use_cross_attention": attends,
        "interctc_layer_idx": list(sizes.inter_ctc_blocks),
        "interctc_use_conditioning": sizes.self_conditioning,
    }
    config: dict[str, Any] = {
        "token_list": list(sizes.tokens),
        "token_type": "bpe",
        "bpemodel": "data/bpe.model",
        "model": "espnet_ctc",
        "frontend": "default",
        "frontend_conf": {
            "fs": "16k",
            "n_fft": 512,
            "win_length": 400,
            "hop_length": 160,
            "n_mels": sizes.n_mels,
        },
        "normalize": "global_mvn",
        "normalize_conf": {"stats_file": "exp/feats_stats.npz"},
        "encoder": "e_branchformer_ctc",
        "encoder_conf": encoder,
        "promptencoder": "transformer",
        "promptencoder_conf": {
            "output_size": sizes.prompt_width,
            "num_blocks": sizes.prompt_blocks,
            "attention_heads": sizes.prompt_heads,
            "linear_units": sizes.prompt_feed_forward_width,
        },
        "preprocessor_conf": {"speech_length": 30},
    }
    for key, value in changes.items():
        if isinstance(value, dict):
            config[key].update(value)
        else:
            config[key] = value
    for folder in ("data", "exp"):
        (directory / folder).mkdir(parents=True)
    meta = {
        "files": {"s2t_model_file": "exp/model.pth"},
        "yaml_files": {"s2t_train_config": "exp/config.yaml"},
    }
    (directory / "meta.yaml").write_text(yaml.safe_dump(meta))
    (directory / "exp" / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    (directory / "data" / "bpe.model").write_bytes(tiny_tokenizer().serialized_model_proto())
    zeros = np.zeros(sizes.n_mels)
    np.savez(directory / "exp" / "feats_stats.npz", count=10.0, sum=zeros, sum_square=zeros)
    tensors = {**network.state_dict(), "frontend.mel": network.frontend.mel}
    named = {espnet_name(name): tensor.clone() for name, tensor in tensors.items()}
    torch.save(named, directory / "exp" / "model.pth")
    return directory
