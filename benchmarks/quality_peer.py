"""What the peers do, each in its own environment: the twelve checks over a Parquet file. Prints JSON.

usage: quality_peer.py PEER WARM.parquet FILE.parquet
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, n, 31) for n in range(17)]
CODE_FORM = "^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"
PHONE_FORM = "^1[3-9][0-9]{9}$"
DATE_FORM = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
INDUSTRIES = list("ABCDEFGHIJKLMNOPQRST")
FILLED = ["ent_name", "uscc", "address", "legal_id"]
PLACES = {char: n for n, char in enumerate(CODE)}


def right_digit(text: str | None) -> bool:
    """Whether the check digit of a credit code is right; other texts are no business of this check."""
    if not text or len(text) != 18:
        return True
    try:
        return CODE[(31 - sum(PLACES[text[n]] * WEIGHTS[n] for n in range(17)) % 31) % 31] == text[17]
    except KeyError:
        return True


def great_expectations() -> Callable[[str], dict]:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import ColumnMapExpectation
    from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

    class RightDigit(ColumnMapMetricProvider):
        condition_metric_name = "column_values.right_digit"

        @column_condition_partial(engine=PandasExecutionEngine)
        def _pandas(cls, column, **kwargs):  # noqa: N805
            return column.map(right_digit)

    class ExpectRightDigit(ColumnMapExpectation):
        map_metric = "column_values.right_digit"
        success_keys = ("mostly",)

    def run(file: str) -> dict:
        context = gx.get_context(mode="ephemeral")
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        batch = asset.add_batch_definition_whole_dataframe("b")
        suite = gx.ExpectationSuite(name="s")
        for name in FILLED:
            suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column=name))
        for each in (
            gxe.ExpectColumnValuesToBeUnique(column="uscc"),
            gxe.ExpectColumnValuesToMatchRegex(column="phone", regex=PHONE_FORM),
            gxe.ExpectColumnValuesToMatchRegex(column="uscc", regex=CODE_FORM),
            gxe.ExpectColumnValuesToBeInSet(column="industry", value_set=INDUSTRIES),
            gxe.ExpectColumnValuesToBeBetween(column="capital", min_value=0, max_value=1e8),
            gxe.ExpectColumnValuesToMatchRegex(column="reg_date", regex=DATE_FORM),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="approve_date", column_B="reg_date", or_equal=True),
            ExpectRightDigit(column="uscc"),
        ):
            suite.add_expectation(each)
        suite = context.suites.add(suite)
        frame = pd.read_parquet(file)
        found = batch.get_batch({"dataframe": frame}).validate(suite, result_format="SUMMARY")
        return {
            f"{n} {one.expectation_config.type}": one.result.get("unexpected_count")
            for n, one in enumerate(found.results)
        }

    return run


def pandera() -> Callable[[str], dict]:
    import pandera.polars as pa
    import polars as pl

    def digit(data):
        total = sum(
            pl.col(data.key).str.slice(n, 1).replace_strict(PLACES, default=0, return_dtype=pl.Int32) * weight
            for n, weight in enumerate(WEIGHTS)
        )
        last = pl.col(data.key).str.slice(17, 1).replace_strict(PLACES, default=-1, return_dtype=pl.Int32)
        return data.lazyframe.select((pl.col(data.key).str.len_chars() != 18) | (last == (31 - total % 31) % 31))

    def iso(data):
        return data.lazyframe.select(pl.col(data.key).str.to_date("%Y-%m-%d", strict=False).is_not_null())

    column, check = pa.Column, pa.Check
    schema = pa.DataFrameSchema(
        {
            **{name: column(str, nullable=False) for name in FILLED if name != "uscc"},
            "uscc": column(
                str, nullable=False, unique=True, checks=[check.str_matches(CODE_FORM), check(digit, name="digit")]
            ),
            "phone": column(str, nullable=True, checks=check.str_matches(PHONE_FORM)),
            "industry": column(str, nullable=True, checks=check.isin(INDUSTRIES)),
            "capital": column(float, nullable=True, checks=check.in_range(0, 1e8)),
            "reg_date": column(str, nullable=True, checks=check(iso, name="date")),
        },
        checks=check(lambda data: data.lazyframe.select(pl.col("approve_date") >= pl.col("reg_date")), name="order"),
    )

    def run(file: str) -> dict:
        try:
            schema.validate(pl.read_parquet(file), lazy=True)
        except pa.errors.SchemaErrors as errors:
            counted = errors.failure_cases.group_by(["column", "check"]).len().rows()
            return {f"{column} {check}": n for column, check, n in counted}
        return {}

    return run


def datacontract() -> Callable[[str], dict]:
    from datacontract.data_contract import DataContract

    total = "+".join(f"(strpos('{CODE}', substr(uscc, {n + 1}, 1)) - 1) * {weight}" for n, weight in enumerate(WEIGHTS))
    digit = f"length(uscc) = 18 AND substr(uscc, 18, 1) <> substr('{CODE}', (31 - ({total}) % 31) % 31 + 1, 1)"

    def text(name: str, **more: object) -> dict:
        return {"name": name, "logicalType": "string", **more}

    properties = [
        *(text(name, required=True) for name in FILLED if name != "uscc"),
        text("uscc", required=True, unique=True, logicalTypeOptions={"pattern": CODE_FORM}),
        text("phone", logicalTypeOptions={"pattern": PHONE_FORM}),
        {"name": "capital", "logicalType": "number", "logicalTypeOptions": {"minimum": 0, "maximum": 100000000}},
        text("reg_date", logicalTypeOptions={"pattern": DATE_FORM}),
        text(
            "industry",
            quality=[
                {"type": "library", "metric": "invalidValues", "arguments": {"validValues": INDUSTRIES}, "mustBe": 0}
            ],
        ),
    ]
    quality = [
        {"type": "sql", "description": name, "query": f"SELECT count(*) FROM t WHERE {test}", "mustBe": 0}
        for name, test in (("order", "approve_date < reg_date"), ("digit", digit))
    ]

    def run(file: str) -> dict:
        contract = {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": "t",
            "name": "t",
            "version": "1.0.0",
            "status": "active",
            "servers": [{"server": "local", "type": "local", "path": file, "format": "parquet"}],
            "schema": [{"name": "t", "logicalType": "object", "physicalType": "table", "properties": properties, "quality": quality}],
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "odcs.yaml"
            path.write_text(json.dumps(contract))  # JSON is YAML
            found = DataContract(data_contract_file=str(path)).test()
        return {f"{n} {one.field} {one.type}": str(one.result) for n, one in enumerate(found.checks)}

    return run


def peak() -> float:
    """The most memory that this process held since it began, in MB; what its parent held before is not in it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Warm up on the small file, then the real one."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    sides = {"Great Expectations": great_expectations, "pandera": pandera, "datacontract-cli": datacontract}
    run = sides[sys.argv[1]]()
    run(sys.argv[2])
    wall, cpu = time.perf_counter(), time.process_time()
    counts = run(sys.argv[3])
    spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    memory = peak()
    print(json.dumps({"counts": counts, **spent, "memory": memory}, default=str))


if __name__ == "__main__":
    main()
