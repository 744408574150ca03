"""The table of roles: what a person of each role may see, do and approve."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is here for; a person may have several."""

    FINANCE_OPS = "finance_ops"
    FINANCE_CONTROLLER = "finance_controller"
    DELIVERY_MANAGER = "delivery_manager"
    SALES_OPS = "sales_ops"
    ADMIN = "admin"
    INTEGRATION_OWNER = "integration_owner"
    EXECUTIVE = "executive"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        """As screens say it."""
        return self.value.replace("_", " ").capitalize()


# Reading is safe to give; each of these names one room of the workbench.
_READS = frozenset({"cases.view", "projects.view", "invoices.view", "timeline.view", "figures.view"})
_WORKS_CASES = frozenset({"cases.take", "cases.note", "cases.decide", "cases.dismiss", "cases.reassign"})

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.FINANCE_OPS: _READS | _WORKS_CASES | {
        "approvals.view", "approvals.decide", "payload.view", "payload.edit", "billing.run", "replay.bulk", "rules.view",
    },
    Role.FINANCE_CONTROLLER: _READS | _WORKS_CASES | {
        "approvals.view", "approvals.decide", "payload.view", "billing.run", "reconciliation.sign_off", "rules.view",
        "rules.approve", "audit.view",
    },
    Role.DELIVERY_MANAGER: _READS | _WORKS_CASES | {"approvals.view", "approvals.decide", "rules.view"},
    Role.SALES_OPS: _READS | _WORKS_CASES | {"rules.view", "opportunities.confirm"},
    Role.ADMIN: _READS | _WORKS_CASES | {
        "approvals.view", "payload.view", "payload.edit", "replay.bulk", "rules.view", "rules.edit", "connectors.view",
        "connectors.edit", "people.edit", "audit.view",
    },
    Role.INTEGRATION_OWNER: _READS | _WORKS_CASES | {
        "approvals.view", "approvals.decide", "payload.view", "payload.edit", "replay.bulk", "rules.view", "rules.edit",
        "rules.approve", "connectors.view", "connectors.edit", "audit.view",
    },
    Role.EXECUTIVE: _READS,
    Role.AUDITOR: _READS | {"approvals.view", "payload.view", "rules.view", "connectors.view", "audit.view"},
}  # fmt: skip

ALL_PERMISSIONS = frozenset().union(*PERMISSIONS.values())

# Who may approve in whose place. An admin stands in for nobody: running the system is not a right to release money.
STANDS_IN_FOR: dict[Role, frozenset[Role]] = {
    Role.FINANCE_CONTROLLER: frozenset({Role.FINANCE_OPS}),
}


def permissions_of(roles: list[str]) -> frozenset[str]:
    """All that these roles allow together; a role nobody knows allows nothing."""
    return frozenset().union(*(PERMISSIONS[Role(role)] for role in roles if role in PERMISSIONS))


def approves_as(roles: list[str]) -> frozenset[str]:
    """The roles in whose name a person with these roles may approve."""
    known = [Role(role) for role in roles if role in PERMISSIONS]
    return frozenset(known).union(*(STANDS_IN_FOR.get(role, frozenset()) for role in known))
