from django.db import migrations


class Migration(migrations.Migration):
    """In a migration of its own: PostgreSQL alters no table that the same transaction has just written to."""

    dependencies = [
        ('parties', '0002_roles_in_organisations'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='person',
            name='organisation',
        ),
        migrations.RemoveField(
            model_name='person',
            name='role',
        ),
    ]
