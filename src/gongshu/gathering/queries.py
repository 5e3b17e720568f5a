"""What people ask of uploads."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from gongshu.gathering.models import Upload


def not_taken_up() -> QuerySet[Upload]:
    """Uploads that wait for their next step: no draft uses them, and no later file of the resource stands in their place."""
    later = Upload.objects.filter(resource=OuterRef("resource"), created_at__gt=OuterRef("created_at")).exclude(
        state__in=(Upload.State.DISCARDED, Upload.State.RECEIVING)
    )
    return Upload.objects.filter(~Exists(later), drafts=None).exclude(state=Upload.State.DISCARDED)
