"""Settings of all tests."""

import os
import signal
import tempfile

import hypothesis

# Before torch is imported, here and in the programs that tests start: the networks are tiny, and
# threads that wait for each other on a busy machine make them many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell lets what it starts in the background ignore Ctrl-C, and so would the programs that tests
# start, which are to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What the tests export of models goes to a folder that is theirs alone, and goes with them.
_CACHE = tempfile.TemporaryDirectory(prefix="dragoman-cache-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

# Machines that test are slow or busy; time limits of single examples would only fail at random.
# The same examples in every run: it says something of a change, not of luck. Others are drawn with
# `pytest --hypothesis-profile=random`.
for _profile, _same in (("random", False), ("dragoman", True)):
    hypothesis.settings.register_profile(
        _profile,
        deadline=None,
        max_examples=50,
        derandomize=_same,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("dragoman")
