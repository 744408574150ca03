"""Tell systems that were connected before kinds existed what they are, by their vendor."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

KINDS = {"hubspot": "crm", "netsuite": "erp", "tryton": "erp"}
# A generic event system is known by its code alone.
CODES = {"psa": "psa", "tax": "tax"}


def tell_kinds(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    systems = apps.get_model("connectors", "ConnectedSystem").objects.filter(kind="other")
    for vendor, kind in KINDS.items():
        systems.filter(vendor=vendor).update(kind=kind)
    for code, kind in CODES.items():
        systems.filter(vendor="webhooks", code=code).update(kind=kind)


class Migration(migrations.Migration):
    dependencies = [("connectors", "0002_system_kind")]
    operations = [migrations.RunPython(tell_kinds, migrations.RunPython.noop)]
