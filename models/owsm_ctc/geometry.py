"""Samples, mel frames and encoder frames: the constants that every part of OWSM-CTC shares.

Numbers only, so that what runs without torch can know them too.
"""

RATE_HZ = 16_000
FFT_SAMPLES = 512
WINDOW_SAMPLES = 400  # 25 ms
HOP_SAMPLES = 160  # 10 ms

MIN_FRAMES = 15
"""The fewest mel frames that the stem makes an encoder frame of: 15 → 7 → 3 → 1."""

MIN_SAMPLES = (MIN_FRAMES - 1) * HOP_SAMPLES
"""140 ms, which give `MIN_FRAMES` mel frames."""

PREFIX_FRAMES = 2
"""Encoder frames in front of the sound's: one for the language token, one for the task token."""

BLANK_ID = 0
