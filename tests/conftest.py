"""Which parts a test may ask for; each plugin brings up one of them."""

import pytest

pytest_plugins = [
    "tests.plugins.services",
    "tests.plugins.sandbox",
    "tests.plugins.chromium",
    "tests.plugins.emptying",
    "tests.plugins.properties",
    "tests.plugins.tryton",
    "tests.plugins.estate",
]


@pytest.fixture(autouse=True)
def _quiet_bell(request: pytest.FixtureRequest) -> None:
    """No wake-up or rate-limit token of one test reaches the next."""
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("bell")
