"""Signing in to a real Tryton: wrong credentials, forgotten sessions, lock-out."""

import asyncio

import pytest

from apps.canonical import commands
from apps.connectors import http
from apps.core.errors import Misconfigured, TransientFailure
from tests.connectors.tryton.conftest import Erp, Story, connector_on

pytestmark = pytest.mark.tryton


def test_health_names_the_company(erp: Erp) -> None:
    assert erp.run(erp.connector.health()) == {"company": "Tieout Demo Deutschland GmbH", "company_id": 1}


def test_a_session_the_server_has_forgotten_is_made_again_without_notice(
    erp: Erp, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.connectors.tryton.auth._FRESH_S", 0.0)
    connector = connector_on(erp.books)
    again = Erp(erp.books, connector)
    again.execute(story.customer())
    erp.books.sign_out(connector._sessions._header)

    again.execute(story.customer(name="Globex SE"))

    assert erp.books.count("party.party", ["code", "=", story.customer_id], ["name", "=", "Globex SE"]) == 1


def test_many_commands_at_once_sign_in_once_and_all_succeed(erp: Erp, begun: Story) -> None:
    connector = connector_on(erp.books)
    creates = [begun.invoice("100.00") for _ in range(8)]

    async def all_at_once() -> list[str]:
        try:
            answers = await asyncio.gather(*(connector.execute(erp.call(create)) for create in creates))
            return [answer.ref for answer in answers]
        finally:
            await http.close()

    refs = asyncio.run(all_at_once())

    assert len(set(refs)) == 8
    assert erp.books.count("account.invoice", ["reference", "in", [create.invoice.id for create in creates]]) == 8


def test_a_wrong_rest_key_is_for_an_admin_to_mend(erp: Erp) -> None:
    wrong = Erp(erp.books, connector_on(erp.books, rest_key="0" * 40))

    with pytest.raises(Misconfigured) as refused:
        wrong.execute(commands.CheckPeriod(legal_entity="DE-01", day=erp.today))

    assert refused.value.code == "credentials_expired"


def test_wrong_passwords_are_for_an_admin_and_the_lock_out_that_follows_is_a_pause(erp: Erp, story: Story) -> None:
    wrong = [connector_on(erp.books, login="nobody", password="wrong-password") for _ in range(8)]
    call = erp.call(story.customer())

    # All but the last at once: Tryton makes whoever fails in a row wait longer each time.
    async def all_but_one() -> list[BaseException]:
        try:
            return await asyncio.gather(*(one.execute(call) for one in wrong[:-1]), return_exceptions=True)
        finally:
            await http.close()

    found = asyncio.run(all_but_one())
    with pytest.raises(TransientFailure) as locked_out:
        erp.run(wrong[-1].execute(call))

    assert isinstance(found[0], Misconfigured)
    assert (locked_out.value.scope, locked_out.value.retry_after_s) == ("system", 60.0)
    assert "wrong-password" not in " ".join(map(str, [*found, locked_out.value]))
    assert erp.books.count("party.party", ["code", "=", story.customer_id]) == 0


@pytest.mark.parametrize("missing", ["login", "password", "rest_key", "ids"])
def test_a_secret_with_a_part_missing_says_which(erp: Erp, missing: str) -> None:
    with pytest.raises(Misconfigured, match=f'"{missing}"'):
        connector_on(erp.books, **{missing: None})
