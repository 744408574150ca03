"""The demo company's legal entities, as plain rows."""

from apps.contracts.models import LegalEntity

ENTITIES = (
    LegalEntity(
        code="DE-01",
        name="Nordlicht Beratung GmbH",
        country="DE",
        currency="EUR",
        zone="Europe/Berlin",
        tax_registration="DE811234566",
        erp="tryton",
    ),
    LegalEntity(
        code="US-01",
        name="Nordlicht Consulting Inc.",
        country="US",
        currency="USD",
        zone="America/New_York",
        tax_registration="84-1234567",
        erp="netsuite",
        also_bills_in=["EUR", "GBP"],
    ),
    LegalEntity(
        code="UK-01",
        name="Nordlicht Consulting Ltd",
        country="GB",
        currency="GBP",
        zone="Europe/London",
        tax_registration="GB980780684",
        erp="netsuite",
        also_bills_in=["EUR", "USD"],
    ),
)
