"""Storage types: what is inferred, what fits, what is null."""

import datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from gongshu.tables import storage
from gongshu.tables.engine import open_engine
from gongshu.tables.inference import infer_storage_types


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with open_engine(tmp_path_factory.mktemp("engine")) as backend:
        yield backend


def staged(engine, **columns):
    """A staged table on the engine."""
    size = max(len(values) for values in columns.values())
    data = pa.table(
        {
            "_row": pa.array(range(1, size + 1)),
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
        }
    )
    return ibis.memtable(data)


def kinds(engine, **columns):
    return {name: found.storage_type for name, found in infer_storage_types(engine, staged(engine, **columns)).items()}


def kind(engine, values, name="列"):
    return kinds(engine, **{name: values})[name]


def typed(engine, values, storage_type):
    table = staged(engine, v=values)
    return engine.to_pyarrow(table.select("_row", v=storage.typed(table.v, storage_type)).order_by("_row"))[
        "v"
    ].to_pylist()


DIRT = [None, "无", "待补", "--", "ＮＵＬＬ", " n/a ", "", "000"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "２", " 3 ", "1,234", "-5"], "int64"),
        (["1", "2.5", "3"], "float64"),
        (["1.5", "1e-3", ".5", "5."], "float64"),
        (["2019-07-08", "2019/7/8", "20190708", "2019.7.8", "2019年7月8日", "二〇一九年七月八日"], "date"),
        (["2019-07-08 09:30", "2019/7/8 9:30:00", "2019-07-08T09:30:00Z", "20190708093000"], "timestamp"),
        (["2019-07-08 00:00", "2019-07-08"], "timestamp"),
        (["09:30", "23:59:59"], "time"),
        (["true", "FALSE"], "boolean"),
        (["是", "否"], "string"),
        (["12.5%", "3%"], "string"),
        (["300平方米", "284亩"], "string"),
        (["007", "013", "120"], "string"),
        (["110101199003078515", "11010119900307851X"], "string"),
        (["110101199003078515", "110101199003078512"], "string"),
        (["13812345678", "15912345678"], "string"),
        (["310104003001", "310104003002"], "string"),
        (["021-62533238", "62533238"], "string"),
        (["20190001", "20190002", "20190050"], "int64"),
    ],
)
def test_what_a_column_is(engine, values, expected):
    assert kind(engine, values + DIRT) == expected


def test_names_tell_codes_from_numbers(engine):
    found = kinds(
        engine, 行政区划代码=["310104", "310105"], 邮编=["200040", "200041"], 床位=["310104", "310105"], 序号=["1", "2"]
    )
    assert found == {"行政区划代码": "string", "邮编": "string", "床位": "int64", "序号": "int64"}


def test_a_dirty_column_keeps_its_type_and_its_misfits_are_told(engine):
    days = [f"2019-01-{day:02d}" for day in range(1, 32)] * 4 + ["20190231", "不详", "大约去年"]
    table = staged(engine, 日期=days)
    types = infer_storage_types(engine, table)
    assert types["日期"].storage_type == "date"
    found, totals = storage.misfits(engine, table, types)
    assert [(q.row, q.column, q.value) for q in found] == [(125, "日期", "20190231"), (127, "日期", "大约去年")]
    assert totals == {"日期": 2}
    assert storage.misfits(engine, table, types, cap=1)[1] == {"日期": 2}


def test_half_a_column_of_numbers_is_text(engine):
    assert kind(engine, ["1", "2", "3", "甲", "乙", "丙"]) == "string"


def test_any_decimal_makes_a_column_of_numbers_decimal(engine):
    assert kind(engine, ["1"] * 500 + ["2.5"]) == "float64"


def test_numbers_beyond_a_float_become_decimals(engine):
    assert kind(engine, ["12345678901234567.25", "1.5"]) == "decimal"
    assert typed(engine, ["12345678901234567.25"], "decimal") == [Decimal("12345678901234567.250000000")]


def test_an_empty_column_is_text_or_what_the_source_says(engine):
    table = staged(engine, a=[None, "无"], b=[None, None])
    found = infer_storage_types(engine, table, native={"b": "date"})
    assert {name: column.storage_type for name, column in found.items()} == {"a": "string", "b": "date"}


def test_what_a_person_declares_counts(engine):
    table = staged(engine, a=["1", "2"], b=["12.5%", "3%"])
    found = infer_storage_types(engine, table, declared={"a": "string", "b": "percent"})
    assert {name: column.storage_type for name, column in found.items()} == {"a": "string", "b": "percent"}


def test_a_rare_kind_is_seen_in_a_long_table(engine):
    # the spread sample may miss it, the scan over the whole must not
    values = ["1"] * 60_000
    values[7] = "2.5"
    assert kind(engine, values) == "float64"


@pytest.mark.parametrize(
    ("storage_type", "values", "expected"),
    [
        ("int64", ["１２", " 1,234 ", "+5", "无", "12.5", "一"], [12, 1234, 5, None, None, None]),
        ("float64", ["12.5", "1,234.5", "1e3", "NaN", "12%"], [12.5, 1234.5, 1000.0, None, None]),
        ("percent", ["12.5%", "３％", "5"], [0.125, 0.03, 5.0]),
        ("boolean", ["true", "False", "是"], [True, False, None]),
        ("time", ["09:30", "23:59:59", "25:00"], [datetime.time(9, 30), datetime.time(23, 59, 59), None]),
        ("excel_date", ["43654", "2019-07-08"], [datetime.date(2019, 7, 8)] * 2),
        ("string", [" 原样 ", "无"], [" 原样 ", "无"]),
    ],
)
def test_cells_as_a_type(engine, storage_type, values, expected):
    assert typed(engine, values, storage_type) == expected


def test_dates_as_offices_write_them(engine):
    same = [
        "2019-07-08",
        "2019/7/8",
        "2019.7.8",
        "20190708",
        "2019年7月8日",
        "２０１９年７月８日",
        "二〇一九年七月八日",
        "二零一九年七月八日",
        "8.7.2019",
    ]
    assert typed(engine, same, "date") == [datetime.date(2019, 7, 8)] * len(same)
    assert typed(engine, ["二〇二〇年十二月三十一日", "二〇二〇年十月二十日", "二〇二〇年一月廿一日"], "date") == [
        datetime.date(2020, 12, 31), datetime.date(2020, 10, 20), datetime.date(2020, 1, 21),
    ]  # fmt: skip
    assert (
        typed(engine, ["20190231", "2019-13-01", "2019-02-29", "0000-00-00", "昨天", "2019-07"], "date") == [None] * 6
    )


def test_times_as_offices_write_them(engine):
    same = ["2019-07-08 09:30", "2019/7/8 9:30:00", "2019年7月8日9时30分", "2019-07-08T09:30:00.000", "20190708093000", "2019-07-08T01:30:00Z", "2019-07-08T09:30:00+08:00", "2019-07-07T20:30:00-05:00"]  # fmt: skip
    assert typed(engine, same, "timestamp") == [datetime.datetime(2019, 7, 8, 9, 30)] * len(same)
    assert typed(engine, ["2019-07-08", "2019-07-08 25:00"], "timestamp") == [datetime.datetime(2019, 7, 8), None]


def test_normalise(engine):
    table = staged(engine, v=["　ＡＢＣ－１２３　", "（上海）", "\u00a0x\t", None])
    found = engine.to_pyarrow(table.select("_row", v=storage.normalise(table.v)).order_by("_row"))["v"].to_pylist()
    assert found == ["ABC-123", "(上海)", "x", None]


def test_placeholders(engine):
    table = staged(engine, v=["无", " 暂无 ", "－", "n/a", "0000", "无锡市", "0", "", None])
    found = engine.to_pyarrow(table.select("_row", v=storage.is_placeholder(table.v)).order_by("_row"))["v"].to_pylist()
    assert found == [True, True, True, True, True, False, False, False, False]


def test_two_hundred_columns_in_one_scan(engine):
    found = kinds(engine, **{f"c{n}": ["1", "2.5", "3"] for n in range(200)})
    assert set(found.values()) == {"float64"}
