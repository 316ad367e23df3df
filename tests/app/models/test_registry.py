import json
from pathlib import Path

import pytest

from app.models.registry import Registry, RegistryError, choose_device


def add(root: Path, name: str, **config: object) -> Path:
    (root / name).mkdir()
    (root / name / "config.json").write_text(json.dumps(config))
    return root / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add(tmp_path, "a", kind="fretna", source_lang="en", target_lang="de")
    add(tmp_path, "b", kind="wait-k", source_lang="en", target_lang="de")
    add(tmp_path, "c", kind="owsm-ctc", source_lang="en")
    add(tmp_path, "d", kind="something-newer")
    (tmp_path / "no-model").mkdir()
    return tmp_path


def test_models_are_found_by_kind_and_languages(root: Path) -> None:
    registry = Registry(root)
    assert registry.find_translator("wait-k", "en", "de").directory == root / "b"
    assert registry.find_recognizer("en").directory == root / "c"
    assert len(registry.models()) == 3


def test_an_unknown_pair_lists_the_pairs_there_are(root: Path) -> None:
    with pytest.raises(RegistryError, match="there is: --from en --to de"):
        Registry(root).find_translator("fretna", "de", "en")
    assert issubclass(RegistryError, ValueError)


def test_a_pair_without_that_policy_lists_the_policies_there_are(root: Path) -> None:
    with pytest.raises(RegistryError, match="--translator fretna, wait-k"):
        Registry(root).find_translator("reta", "en", "de")


def test_a_recogniser_of_several_languages_is_found_for_each_and_for_auto(root: Path) -> None:
    add(root, "f", kind="owsm-ctc", source_lang="de", languages=["de", "en"])
    registry = Registry(root)
    assert registry.find_recognizer("en").directory == root / "c"  # its own language
    assert registry.find_recognizer("de").directory == root / "f"
    assert registry.find_recognizer("auto").directory == root / "f"


def test_recognisers_of_one_language_do_not_find_the_language_out(root: Path) -> None:
    with pytest.raises(RegistryError, match="c hears only en: --from en"):
        Registry(root).find_recognizer("auto")


def test_an_unknown_language_lists_the_languages_heard(root: Path) -> None:
    with pytest.raises(RegistryError, match="there is: --from en"):
        Registry(root).find_recognizer("de")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no translators at all"):
        Registry(tmp_path).find_translator("fretna", "en", "de")
    with pytest.raises(RegistryError, match="no recognisers at all"):
        Registry(tmp_path).find_recognizer("en")


def test_a_model_without_languages_is_an_error(root: Path) -> None:
    path = add(root, "e", kind="reta", source_lang="en")
    with pytest.raises(RegistryError, match="target_lang") as caught:
        Registry(root).models()
    assert str(path) in str(caught.value)


def test_cpu_is_chosen_when_asked_for() -> None:
    assert choose_device("cpu") == "cpu"


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.models.registry.has_gpu_driver", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(RegistryError, match="--device cpu"):
        choose_device("cuda")


def test_torch_is_not_asked_where_no_gpu_has_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.models.registry.has_gpu_driver", lambda: False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("torch was asked"))
    assert choose_device("auto") == "cpu"


def test_auto_takes_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.models.registry.has_gpu_driver", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert choose_device("auto") == "cuda"
