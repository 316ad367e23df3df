"""The parity pack: outputs of ESPnet itself, which this implementation must reproduce."""

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.acoustics import BestPathDecoder
from engine.audio import AudioChunk
from engine.language import TokenIdentifier
from engine.recognizer import StreamingRecognizer
from models.checkpoint import load_espnet
from models.owsm_ctc.decoding import greedy_runs
from models.owsm_ctc.frontend import mel_matrix
from models.owsm_ctc.long_form import Buffering
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.prefix_search import beam_search
from tests.engine.tones import AlwaysSpeech
from tests.models.owsm_ctc_models import ENGLISH_ASR

PACK = Path(__file__).resolve().parents[3] / "shared" / "parity" / "owsm_ctc"
TOLERANCE = 1e-4  # natural log; the bar of the pack
SHORT = [
    "c01_en_asr_na",
    "c02_en_asr_prompt",
    "c03_en_st_na",
    "c04_en_st_prompt",
    "c05_de_asr_na",
    "c06_de_st_prompt",
    "c07_nolang_asr_na",
    "c08_en_asr_pad30s",
]

Case = dict[str, Any]
Cases = dict[str, Case]
Reference = dict[str, NDArray[Any]]

pytestmark = pytest.mark.skipif(
    not PACK.is_dir(), reason=f"the parity pack is not beside the repository: {PACK}"
)


@pytest.fixture(scope="module")
def model() -> OwsmCtc:
    return load_espnet(PACK / "v31like", "cpu")


@pytest.fixture(scope="module")
def reference() -> Reference:
    with np.load(PACK / "v31like" / "reference.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def cases() -> Cases:
    content = json.loads((PACK / "v31like" / "cases.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in content["cases"]}


def read_wav(name: str) -> NDArray[np.float32]:
    with wave.open(str(PACK / name)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return np.asarray(samples / 32768, np.float32)


def short_audio(case: Case) -> NDArray[np.float32]:
    audio = read_wav(case["wav"])
    n_samples = case["pad_to_samples"] or len(audio)
    return np.pad(audio, (0, n_samples - len(audio)))


def largest_difference(ours: torch.Tensor, theirs: NDArray[Any]) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(np.asarray(ours) - theirs).max())


def test_the_computed_mel_matrix_is_the_checkpoints(model: OwsmCtc) -> None:
    np.testing.assert_allclose(mel_matrix(80), model.frontend.mel.numpy(), atol=1e-7)


@pytest.mark.parametrize("name", SHORT)
def test_short_audio(model: OwsmCtc, cases: Cases, reference: Reference, name: str) -> None:
    case = cases[name]
    audio, prompt = short_audio(case), case["text_prev"]
    lang, task = case["lang_sym"], case["task_sym"]
    log_probs, lengths = model.log_probs([audio], lang=[lang], task=[task], prompt=[prompt])
    assert lengths.tolist() == [case["out_frames"]]
    assert largest_difference(log_probs, reference[f"{name}/log_probs"]) <= TOLERANCE
    assert [run.token_id for run in greedy_runs(log_probs[0])] == case["token_int"]
    recognition = model.recognize(audio, lang=lang, task=task, prompt=prompt)
    assert recognition.text == case["text_nospecial"]
    assert recognition.language == case["tokens"][0]
    assert model.vocabulary.decode(case["token_int"]) == case["text"]


@pytest.mark.parametrize("name", SHORT)
def test_inter_ctc_of_short_audio(
    model: OwsmCtc, cases: Cases, reference: Reference, name: str
) -> None:
    case = cases[name]
    audio = torch.from_numpy(short_audio(case))
    with torch.inference_mode():
        features, lengths = model.frontend(audio[None], torch.tensor([len(audio)]))
        prefix, prompt = torch.tensor([case["prefix_ids"]]), torch.tensor([case["text_prev_ids"]])
        output = model(features, lengths, prefix, prompt, torch.tensor([prompt.shape[1]]))
    for block, ours in zip((2, 3, 5), output.inter_log_probs, strict=True):
        theirs = reference[f"{name}/inter{block}_log_probs"]
        assert largest_difference(ours, theirs) <= TOLERANCE
        ids = [run.token_id for run in greedy_runs(ours[0])]
        tokens = [model.config.tokens[i] for i in ids]
        assert tokens == case["inter_tokens"][str(block)]


def test_stages_of_c02(model: OwsmCtc, cases: Cases, reference: Reference) -> None:
    case = cases["c02_en_asr_prompt"]
    audio = torch.from_numpy(read_wav(case["wav"]))[None]
    lengths = torch.tensor([audio.shape[1]])
    stages: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[torch.nn.Module, object, torch.Tensor], None]:
        def hook(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> None:
            stages[name] = output

        return hook

    hooks = [block.register_forward_hook(keep(f"block{i}")) for i, block in enumerate(model.blocks)]
    hooks.append(model.positions.register_forward_hook(keep("subsampled_posenc")))
    hooks.append(model.norm.register_forward_hook(keep("encoder_out")))
    hooks.append(model.prompt_encoder.norm.register_forward_hook(keep("prompt_memory")))
    with torch.inference_mode():
        stages["logmel"], _ = model.frontend.log_mel(audio, lengths)
        stages["logmel_mvn"], n_frames = model.frontend(audio, lengths)
        model(
            stages["logmel_mvn"],
            n_frames,
            torch.tensor([case["prefix_ids"]]),
            torch.tensor([case["text_prev_ids"]]),
        )
    for hook in hooks:
        hook.remove()
    names = [key.partition("/")[2] for key in reference if key.startswith("stages_c02/")]
    assert len(names) == 11
    for name in names:
        assert largest_difference(stages[name], reference[f"stages_c02/{name}"]) <= 1e-4, name


def test_a_padded_batch_of_different_prompts_languages_and_tasks(
    model: OwsmCtc, cases: Cases, reference: Reference
) -> None:
    case = cases["c09_batch2"]
    log_probs, lengths = model.log_probs(
        [read_wav(name) for name in case["wavs"]],
        lang=["<eng>", "<deu>"],
        task=["<asr>", "<st_eng>"],
        prompt=["good evening and welcome to the news", None],
    )
    assert lengths.tolist() == case["out_lens"]
    for row, n_frames in enumerate(case["out_lens"]):
        theirs = reference["c09_batch2/log_probs"][row, :n_frames]
        assert largest_difference(log_probs[row, :n_frames], theirs) <= TOLERANCE
        ids = [run.token_id for run in greedy_runs(log_probs[row, :n_frames])]
        assert ids == case["greedy"][row]["token_int"]
        assert model.vocabulary.decode(ids) == case["greedy"][row]["text"]


@pytest.mark.parametrize("name", ["c10_long_ctx4", "c11_long_ctx2", "c12_long_st_ctx4"])
def test_long_audio(model: OwsmCtc, cases: Cases, reference: Reference, name: str) -> None:
    case = cases[name]
    audio = read_wav(case["wav"])
    context_s, lang, task = case["context_len_in_secs"], case["lang_sym"], case["task_sym"]
    buffers = model.buffer_log_probs(audio, context_s=context_s, lang=lang, task=task)
    best = buffers[:, : case["buffer_frames"]].argmax(-1)
    np.testing.assert_array_equal(best, reference[f"{name}/argmax_buffers"])
    top = buffers[:, : case["buffer_frames"]].topk(2).values
    margins = reference[f"{name}/top2_margin_buffers"]
    assert largest_difference(top[..., 0] - top[..., 1], margins) <= 2 * TOLERANCE
    shifted = Buffering(30.0, context_s).join_with_shift(buffers)
    assert [run.token_id for run in greedy_runs(shifted)] == case["token_int"]
    # The text is the same without the shift of 160 ms.
    recognition = model.recognize_long(audio, context_s=context_s, lang=lang, task=task)
    assert recognition.text == case["text_nospecial"]


def test_short_and_long_audio_with_a_prompt_for_the_first_buffer(
    model: OwsmCtc, cases: Cases
) -> None:
    case = cases["c13_batch_decode"]
    texts = []
    for name, lang, task, prompt in zip(
        case["wavs"], case["lang_sym"], case["task_sym"], case["text_prev"], strict=True
    ):
        audio = read_wav(name)
        if len(audio) > 480_000:
            context_s = case["context_len_in_secs"]
            recognition = model.recognize_long(
                audio, context_s=context_s, lang=lang, task=task, prompt=prompt
            )
        else:
            padded = np.pad(audio, (0, 480_000 - len(audio)))
            recognition = model.recognize(padded, lang=lang, task=task, prompt=prompt)
        texts.append(recognition.text)
    assert texts == case["texts"]


def test_alignment(model: OwsmCtc, cases: Cases, reference: Reference) -> None:
    case = cases["c14_align"]
    audio = read_wav(case["wav"])
    buffers = model.buffer_log_probs(audio, context_s=case["context_len_in_secs"], lang="<eng>")
    # The reference aligns on 274 frames of each buffer: 50 of context dropped from 374.
    frames = buffers[:, 2:][:, 50:-50].flatten(0, 1)
    assert list(frames.shape) == case["lpz_shape"]
    assert largest_difference(frames[:200], reference["c14_align/lpz_first200"]) <= TOLERANCE
    np.testing.assert_array_equal(frames.argmax(-1), reference["c14_align/lpz_argmax"])
    utterances = [line.partition(" ")[2] for line in case["text"].splitlines()]
    words = list(model.align(audio, " ".join(utterances), lang="<eng>"))
    assert [word.text for word in words] == " ".join(utterances).split()
    for utterance, (start_s, end_s, _) in zip(utterances, case["segments"], strict=True):
        spoken = [words.pop(0) for _ in utterance.split()]
        assert spoken[-1].end_s == pytest.approx(end_s, abs=0.12)
        # The reference begins a segment half a second before its first token, if it can.
        assert spoken[0].start_s == pytest.approx(max(0.0, start_s + 0.5), abs=0.1) or start_s < 0.5


def test_prefix_beam_search(model: OwsmCtc, cases: Cases) -> None:
    case = cases["c15_beam5"]
    audio = read_wav(case["wav"])
    log_probs, _ = model.log_probs([audio], lang=["<eng>"], task=["<asr>"], prompt=[None])
    best = beam_search(log_probs[0].numpy(), beam=5)[0]
    assert list(best.token_ids) == case["token_int"]
    assert best.log_prob == pytest.approx(case["score"], abs=TOLERANCE)
    recognition = model.recognize(audio, lang="<eng>", beam=5)
    assert recognition.text == case["text_nospecial"]


def test_long_audio_by_the_rule_of_2026(model: OwsmCtc, cases: Cases, reference: Reference) -> None:
    case = cases["c16_master_long"]
    audio = read_wav(case["wav"])
    context_s, lang = case["context_len_in_secs"], case["lang_sym"]
    buffers = model.buffer_log_probs(audio, context_s=context_s, lang=lang)
    frames = Buffering(30.0, context_s).join(buffers, len(audio))
    assert len(frames) == case["n_frames"]
    np.testing.assert_array_equal(frames.argmax(-1), reference["c16_master_long/argmax"])
    recognition = model.recognize_long(audio, context_s=context_s, lang=lang)
    assert recognition.text == case["text_nospecial"]
    assert [token.id for token in recognition.tokens] == case["token_int"]


@pytest.mark.parametrize(("wav", "lang"), [("en1", "en"), ("en2", "en"), ("de1", "de")])
def test_the_language_is_heard_in_the_whole_recording(model: OwsmCtc, wav: str, lang: str) -> None:
    identifier = TokenIdentifier(model, model.config.tokens, ("en", "de"))
    shares = identifier.probabilities(read_wav(f"wav/{wav}.wav"))
    assert max(shares, key=shares.__getitem__) == lang


def test_a_stream_is_translated_by_the_recogniser_itself(model: OwsmCtc, cases: Cases) -> None:
    case = cases["c03_en_st_na"]
    tokens = model.config.tokens
    stream = StreamingRecognizer(
        BestPathDecoder(model, tokens),
        AlwaysSpeech(),
        lang="en",
        translator=BestPathDecoder(model, tokens, task="<st_deu>"),
    )
    audio = read_wav(case["wav"])
    prefixes = stream.accept(AudioChunk(audio, 0.0)) + stream.finish()
    assert prefixes[-1].finished
    assert prefixes[-1].translation
    assert len(prefixes[-1].translation.split()) > 2


def test_converting_to_a_checkpoint_of_our_own_keeps_every_number(
    model: OwsmCtc, cases: Cases, tmp_path: Path
) -> None:
    model.save(tmp_path / "converted")
    converted = OwsmCtc.from_checkpoint(tmp_path / "converted")
    audio = read_wav("wav/en2.wav")
    ours, _ = model.log_probs([audio], **ENGLISH_ASR)
    theirs, _ = converted.log_probs([audio], **ENGLISH_ASR)
    assert largest_difference(ours, theirs.numpy()) <= 1e-5
