"""`dragoman run` with real networks, tiny and untrained: everything from sound to captions fits."""

import shutil

import pytest

from models.checkpoint import save_checkpoint
from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, captions_of, one_line_error
from tests.models.owsm_ctc_models import tiny_model
from tests.models.translators import autoregressive, fretna, tokenizer


@pytest.fixture
def machine_with_networks(machine: Machine) -> Machine:
    shutil.rmtree(machine.models)
    for kind, model in (
        ("fretna", fretna()),
        ("reta", autoregressive()),
        ("wait-k", autoregressive("wait-k")),
    ):
        directory = machine.models / kind
        save_checkpoint(directory, model.config.to_dict(), model, tokenizer().model)
    tiny_model().save(machine.models / "owsm-ctc", facts={"source_lang": "en"})
    return machine


@pytest.mark.parametrize("translator", ["fretna", "reta", "wait-k"])
def test_text_goes_through_every_policy(machine_with_networks: Machine, translator: str) -> None:
    machine = machine_with_networks
    options = ("--translator", translator, "--no-journal", "--jsonl", "-")
    typed = "the house is old\nwe have time\n"
    done = machine.run("run", "-", *options, *QUIET, *machine.options, typed=typed, fake=False)
    assert done.returncode == 0, done.stderr
    finals = [caption for caption in captions_of(done.stdout) if caption.final]
    assert [final.source.full for final in finals] == typed.splitlines()


@pytest.mark.parametrize("pace", ["fast", "real"])  # in real time there is a self-test first
def test_sound_goes_through_the_recogniser(machine_with_networks: Machine, pace: str) -> None:
    machine = machine_with_networks
    file = machine.sound("tone.wav", [(2.0, 0.5)])
    done = machine.run("run", str(file), "--pace", pace, *QUIET, *machine.options, fake=False)
    assert done.returncode == 2, done.stderr
    # A tone is no speech to the voice detector.
    assert "no speech" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["fretna", "owsm-ctc"])
def test_the_weights_of_another_model_are_one_line(
    machine_with_networks: Machine, name: str
) -> None:
    machine = machine_with_networks
    other = machine.models / "reta" / "model.safetensors"
    shutil.copy(other, machine.models / name / "model.safetensors")
    file = machine.sound("tone.wav", [(0.5, 0.5)])
    options = ("--translator", "fretna", *QUIET, *machine.options)
    done = machine.run("run", str(file), *options, fake=False)
    line = one_line_error(done)
    assert str(machine.models / name) in line
    assert "tensor" in line


def test_speech_is_translated_only_by_a_recogniser_that_has_learnt_it(
    machine_with_networks: Machine,
) -> None:
    machine = machine_with_networks
    file = machine.sound("tone.wav", [(0.5, 0.5)])
    options = ("--translator", "owsm-st", *QUIET, *machine.options)
    done = machine.run("run", str(file), "--to", "fr", *options, fake=False)
    line = one_line_error(done)
    assert "<st_fra>" in line
    assert "<asr>, <st_deu>" in line
    done = machine.run("run", str(file), "--to", "de", "--pace", "fast", *options, fake=False)
    assert "no speech" in done.stderr.splitlines()[-1]
