from django.db import migrations, models


def count(apps, schema_editor):
    """The supporters that cases have already."""
    case, support = apps.get_model("feedback", "Case"), apps.get_model("feedback", "Support")
    mine = support.objects.filter(case=models.OuterRef("pk")).order_by().values("case")
    number = mine.annotate(n=models.Count("pk")).values("n")
    case.objects.filter(pk__in=support.objects.values("case")).update(supporters=models.Subquery(number))


class Migration(migrations.Migration):

    dependencies = [("feedback", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name='case',
            name='supporters',
            field=models.PositiveIntegerField(default=0, verbose_name='支持人数'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['kind', 'shown', '-supporters', '-asked_at'], name='feedback_case_public'),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
