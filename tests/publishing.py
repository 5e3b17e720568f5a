"""What the tests publish: a small register of clinics with a person's phone that must never become public."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.opening.actions import request_publish
from gongshu.parties.permissions import Shell
from gongshu.tables.contract import Contract, Field, Protection, Rule, dump_contract

SECRET = "13899990000"  # the planted secret: a mobile number in a dropped field
NAME = "clinics"
TESTER = Shell("tester")
KEYED = "KX-SECRET-7788"  # hashed with the installation's key


def contract(**changes: Any) -> Contract:
    """The contract; ``changes`` replace its attributes."""

    def field(name: str, storage: str = "string", **more: Any) -> Field:
        more.setdefault("level", 1)
        more.setdefault("open_type", "unconditional" if more["level"] == 1 else "none")
        return Field(name=name, storage_type=storage, title=name, **more)

    made = Contract(
        name=NAME,
        title="诊所名录",
        title_en="Clinics",
        summary="全市诊所，一家一行。",
        provider="市卫生健康委",
        topic="health",
        licence="open-unconditional",
        update_frequency="monthly",
        keywords=["诊所"],
        fields=[
            field("编号", "int64", primary_key=True, required=True),
            field("名称"),
            field("床位", "int64"),
            field("登记日期", "date", level=2, protection=Protection("generalise_date", {"to": "year"})),
            field("经度", "float64", semantic_type="longitude"),
            field("纬度", "float64", semantic_type="latitude"),
            field("内部编号", level=3, protection=Protection("keyed_hash")),
            field("负责人手机", level=4, semantic_type="mobile", protection=Protection("drop")),
        ],
        rules=[Rule("名称.not_null", "not_null", column="名称", columns=("名称",), dimension="020100")],
    )
    for attribute, value in changes.items():
        setattr(made, attribute, value)
    return made


def write_file(path: Path, rows: int, mark: str) -> Path:
    """A CSV of ``rows`` clinics named after ``mark``; the last one holds the secret."""
    lines = ["编号,名称,床位,登记日期,经度,纬度,内部编号,负责人手机"]
    for n in range(1, rows + 1):
        phone = SECRET if n == rows else f"139{n:08d}"
        lines.append(
            f"{n},{mark}诊所{n},{n % 50},2019-{n % 12 + 1:02d}-0{n % 9 + 1},{123 + n / 1000:.4f},30.9,{KEYED}-{n},{phone}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="gb18030")
    return path


def ask(file: Path, made: Contract | None = None) -> Job:
    """Ask for the publication of ``file`` as the dataset of its contract; returns the job that waits."""
    load_kinds()
    made = made or contract()
    return request_publish(TESTER, file, dump_contract(made), made.name)


def publish(file: Path, made: Contract | None = None) -> Job:
    """Ask for the publication and carry it out here; returns the finished job."""
    done = run_one(owner_name(), only=ask(file, made))
    assert done is not None
    return done
