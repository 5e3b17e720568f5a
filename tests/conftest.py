"""Every test run has a data folder of its own, set before Django reads its settings."""

from __future__ import annotations

import os
import tempfile

os.environ["GONGSHU_DATA"] = tempfile.mkdtemp(prefix="gongshu-test-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
os.environ.pop("GONGSHU_DEBUG", None)
