"""SuiteQL as far as polling and look-ups go."""

from datetime import UTC, datetime

from tests.sandbox.process import SandboxProcess

YEAR = datetime.now(UTC).year

STAMP = "'YYYY-MM-DD\"T\"HH24:MI:SS'"


def bill(sandbox: SandboxProcess, *keys: str) -> list[str]:
    sandbox.a_project()
    made = [sandbox.record("PUT", f"invoice/eid:{key}", sandbox.invoice_body(custbody_story=key)) for key in keys]
    return [answer.headers["Location"].rsplit("/", 1)[-1] for answer in made]


def test_an_invoice_is_looked_up_by_external_id_with_the_name_of_its_status(sandbox: SandboxProcess):
    (invoice,) = bill(sandbox, "INV-1")
    q = (
        "SELECT t.id, t.tranid, BUILTIN.DF(t.status) AS state, status, foreigntotal, foreignamountunpaid, custbody_story,"
        " trandate, memo FROM transaction t WHERE t.type = 'CustInvc' AND t.externalid IN (?, ?)"
    )

    answer = sandbox.suiteql(q, "INV-1", "INV-2").json()

    (row,) = answer["items"]
    assert (row["id"], row["tranid"], row["state"], row["status"]) == (invoice, "INV-US-1001", "Invoice : Open", "A")
    assert (row["foreigntotal"], row["foreignamountunpaid"], row["custbody_story"]) == ("1000", "1000", "INV-1")
    assert "/" in row["trandate"]
    assert "memo" not in row
    assert (answer["count"], answer["hasMore"], answer["totalResults"]) == (1, False, 1)


def test_polling_by_change_and_id_neither_skips_nor_repeats(sandbox: SandboxProcess):
    invoices = bill(sandbox, *(f"INV-{n}" for n in range(5)))
    q = (
        f"SELECT id, TO_CHAR(lastmodifieddate, {STAMP}) AS modified FROM transaction WHERE type = 'CustInvc' AND"
        f" (lastmodifieddate > TO_TIMESTAMP(?, {STAMP}) OR (lastmodifieddate = TO_TIMESTAMP(?, {STAMP}) AND id > ?))"
        " ORDER BY lastmodifieddate, id FETCH FIRST 2 ROWS ONLY"
    )
    cursor, seen = ("2026-01-01T00:00:00", "0"), []

    while rows := sandbox.suiteql(q, cursor[0], cursor[0], cursor[1]).json()["items"]:
        seen += [row["id"] for row in rows]
        cursor = (rows[-1]["modified"], rows[-1]["id"])

    assert seen == invoices


def test_pages_are_by_limit_and_offset(sandbox: SandboxProcess):
    bill(sandbox, "INV-1", "INV-2", "INV-3")
    q = "SELECT id FROM transaction ORDER BY id DESC"

    first = sandbox.suiteql(q, query="?limit=2").json()
    second = sandbox.suiteql(q, query="?limit=2&offset=2").json()
    crooked = sandbox.suiteql(q, query="?limit=2&offset=1")

    assert (first["count"], first["hasMore"], second["count"], second["hasMore"]) == (2, True, 1, False)
    assert crooked.status_code == 400
    assert sandbox.suiteql("SELECT COUNT(*) AS n FROM transaction").json()["items"] == [{"links": [], "n": "3"}]


def test_periods_are_read_per_account_and_per_subsidiary(sandbox: SandboxProcess):
    sandbox.control("POST", "period", {"subsidiary": "UK-01", "period": f"{YEAR}-10", "state": "closed"})
    period = "SELECT id, periodname, closed FROM accountingperiod WHERE startdate <= TO_DATE(?, 'YYYY-MM-DD') AND enddate >= ?"

    (row,) = sandbox.suiteql(period, f"{YEAR}-10-17", f"{YEAR}-10-17").json()["items"]
    tasks = sandbox.suiteql(
        "SELECT subsidiary, complete FROM taskitemstatus WHERE itemtype = 'PCP_LOCK_AR' AND period = ?", row["id"]
    ).json()["items"]

    assert (row["periodname"], row["closed"]) == (f"Oct {YEAR}", "F")
    assert {one["subsidiary"]: one["complete"] for one in tasks} == {"1": "F", "2": "T"}


def test_masters_are_listed(sandbox: SandboxProcess):
    q = "SELECT id, externalid, BUILTIN.DF(currency) AS currency FROM subsidiary WHERE isinactive = 'F' ORDER BY id"

    rows = sandbox.suiteql(q).json()["items"]

    assert [(row["externalid"], row["currency"]) for row in rows] == [("US-01", "USD"), ("UK-01", "GBP")]


def test_what_is_not_understood_is_named(sandbox: SandboxProcess):
    def flaw(q: str, *params: str) -> str:
        answer = sandbox.suiteql(q, *params)
        details = answer.json()["o:errorDetails"][0]
        assert (answer.status_code, details["o:errorCode"]) == (400, "INVALID_CONTENT")
        return details["detail"]

    assert "'subsidiary' for record 'transaction' was not found" in flaw("SELECT subsidiary FROM transaction")
    assert "Record 'employee' was not found" in flaw("SELECT id FROM employee")
    assert "function NVL is not served" in flaw("SELECT NVL(id, 1) FROM job")
    assert "1 parameters expected, 0 given" in flaw("SELECT id FROM job WHERE id = ?")
    assert "unexpected 'GROUP'" in flaw("SELECT id FROM job WHERE id = 1 GROUP BY id")
    assert "ends too early" in flaw("SELECT id FROM job WHERE id =")
    without = sandbox.netsuite("POST", "/services/rest/query/v1/suiteql", {"q": "SELECT id FROM job"})
    assert (without.status_code, "Prefer: transient" in without.text) == (400, True)
