import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.ctc_paths import BLANK_ID, best_path, collapse
from models.ctc_prefix import PrefixPaths

LABELS = st.integers(BLANK_ID + 1, 3)


@given(st.integers(0, 10_000), st.integers(1, 9), st.lists(LABELS, max_size=5), st.integers(1, 3))
def test_a_growing_prefix_is_continued_like_the_best_path_from_scratch(
    seed: int, n_slots: int, prefix: list[int], n_at_once: int
) -> None:
    scores = np.random.default_rng(seed).normal(size=(n_slots, 4)).astype(np.float32)
    paths = PrefixPaths(scores)
    for n in range(0, len(prefix) + 1, n_at_once):
        try:
            expected = collapse(best_path(scores, prefix[:n]))[n:]
        except ValueError:
            expected = []  # no room
        assert paths.continuation(prefix[:n]) == expected
