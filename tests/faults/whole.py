"""What must hold after every fault: all invariants, the audit trail, and one record per key in the vendor's ledger."""

from apps.audit.verification import Count, breaks
from apps.processes.invariants import broken_invariants
from tests.plugins.estate import Estate


def assert_whole(estate: Estate) -> None:
    """Every promise holds, in our tables and in the ERP's ledger."""
    assert [str(broken) for broken in broken_invariants()] == []
    count = Count()
    assert [str(broken) for broken in breaks(count)] == []
    assert count.lines > 0
    assert duplicates_in_ledger(estate) == []


def duplicates_in_ledger(estate: Estate) -> list[str]:
    """Keys under which the ERP holds (or ever made) more than one record."""
    entries = estate.sandbox.ask("ledger?vendor=netsuite&limit=10000")
    return [
        f"{entry['kind']} {entry['key']}: {entry['creations']} creations, {entry['live']} live"
        for entry in entries
        if entry["by"] == "key"
        and (entry["creations"] - entry["deletions"] > 1 or entry["live"] > 1)
    ]  # fmt: skip


def assert_tables_whole() -> None:
    """Every promise our own tables can tell of."""
    assert [str(broken) for broken in broken_invariants()] == []
