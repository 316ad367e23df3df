"""Settings of all tests."""

import hypothesis

# Machines that test are slow or busy; time limits of single examples would only fail at random.
hypothesis.settings.register_profile(
    "dragoman",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("dragoman")
