"""Case numbers start at 1001: a number people say to each other should not look like a row count."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("exceptions", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE exceptions_exceptioncase ALTER COLUMN id RESTART WITH 1001",
            "ALTER TABLE exceptions_exceptioncase ALTER COLUMN id RESTART WITH 1",
        )
    ]
