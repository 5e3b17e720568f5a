"""The English names of portals, to the datasets that came from them before they carried one."""

from django.db import migrations

from gongshu import clock


def name(apps, _schema_editor):
    external = apps.get_model("opening", "ExternalDataset").objects
    for source in apps.get_model("federation", "Source").objects.exclude(name_en=""):
        external.filter(source=source.key).update(portal_en=source.name_en, changed_at=clock.now())


class Migration(migrations.Migration):
    dependencies = [("federation", "0001_initial"), ("opening", "0009_portals_in_english")]
    operations = [migrations.RunPython(name, migrations.RunPython.noop)]
