"""What /health/ answers."""

import pytest


@pytest.mark.django_db
def test_health_says_which_part_is_missing(client):
    answer = client.get("/health/")

    assert "database" not in answer.json()["missing"]
    assert "migrations" not in answer.json()["missing"]
