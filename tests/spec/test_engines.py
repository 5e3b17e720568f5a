"""The same everywhere: one expression, one answer, on DuckDB and on a Spark Connect server, and as plain Python has it.

The other specifications run on both engines too (the fixture ``engine``); here are the parts that engines read differently.
"""

import csv
import datetime as dt
import inspect
import json
import random
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from stdnum import luhn
from stdnum.cn import ric, uscc
from typer.testing import CliRunner

import gongshu as gs
from gongshu.cli import build_app
from gongshu.rulebooks import rulebook
from gongshu.tables import spark, statistics, storage
from gongshu.tables.errors import TableError
from gongshu.tables.regexes import portable
from gongshu.tables.semantic import patterns
from tests import columnsets

FORMS = re.findall(r'^        "(\w+)": ', inspect.getsource(patterns.regex.__wrapped__), re.MULTILINE)
HARD = (
    "1|２| 3 |1,234|-5|+7|0|007||无|  |1.5|1e-3|.5|5.|1E+5|-0|999999999999999999|9999999999999999999|1,23|1,234,567.89"
    "|12345678901234567.25|nan|inf|1 2|１２.５|12.5%|100 %|%|-3%|2019-07-08|2019/7/8|2019.7.8|20190708|2019年7月8日"
    "|二〇一九年七月八日|18.07.2022|2019-02-29|2020-02-29|2019-13-01|20190231|２０１９－０７－０８|0000-01-01|0001-01-01"
    "|9999-12-31|2019 年 7 月 8 日|一九九九年十二月三十一日|二零二〇年廿五月廿五日|二〇二〇年二月廿九日|二〇二〇年十月十日"
    "|2019-07-08T09:30:00Z|2019-07-08 09:30|2019/7/8 9:30:00|20190708093000|2019-07-08 24:00:00|2019-07-08 23:59:60"
    "|2019-07-08 25:00|2019-07-08T09:30:00+08:00|2019-07-08T09:30:00-0530|2019-07-08 09:30:15.5|2019年7月8日9时30分15秒"
    "|18.07.2022 10:15|2019-07-08T23:30:00Z|9999-12-31T23:00:00-12:00|0000-01-01 10:00|20190708 9:5|09:30|9:30|23:59:59"
    "|24:00|09:30:15.25|9:3|00:00|true|FALSE|ｔｒｕｅ|是|t|43831|60|43831.75|999999|a\n|1\n|\t1|\u00a01\u00a0|\ufeff1|\u200b1"
    "|1\u3000|𠮷|😀|ſ|K|ß|\\N|NULL|（NULL）|０００|N/A|n/a |--|—|待 补|?|\x0b1|\x0c1|f1v|\x851|1\u2009|١٢٣|²|1_000|0x10|e5|--5"
    "|1.2.3|1,2,3|+|.|-.5|+.5e-3|00.5|a\\b'c`d\"e|$1"
).split("|")
FULL = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | dict.fromkeys("\u3000\u00a0\ufeff\u200b", " ")
)


@pytest.fixture(scope="module")
def engines(duckdb_engine, spark_engine):
    """Both engines by name."""
    return {"duckdb": duckdb_engine, "spark": spark_engine}


@pytest.fixture
def same(engines, tmp_path):
    """The answers of an expression over a table of text, after a check that they are the same on both engines."""

    def answers(make, **columns: list[str | None]) -> dict[str, list[Any]]:
        rows = max(len(values) for values in columns.values())
        data = {"_row": pa.array(range(1, rows + 1))} | {name: pa.array(v, pa.string()) for name, v in columns.items()}
        pq.write_table(pa.table(data), tmp_path / "table.parquet")
        found = []
        for engine in engines.values():
            table = engine.read_parquet(tmp_path / "table.parquet")
            answer = engine.to_pyarrow(table.select("_row", **make(table)).order_by("_row"))
            found.append(answer.drop(["_row"]).to_pydict())
        for name, values in found[0].items():
            assert found[1][name] == values, name
        return found[0]

    return answers


# -- plain Python


def clean(text: str) -> str:
    return text.translate(FULL).strip(" \t\n\r\x0b\x0c") if _untidy(text) else text


def _untidy(text: str) -> bool:
    return bool(re.search("[\uff01-\uff5e\u3000\u00a0\ufeff\u200b]", text)) or text != text.strip(" \t\n\r\x0b\x0c")


def is_placeholder(text: str) -> bool:
    book = rulebook("default-2026/placeholders")
    known = {str(value).upper() for value in book["values"]}
    return clean(text).upper() in known or any(re.fullmatch(each, clean(text), re.I) for each in book["patterns"])


def number(text: str) -> Decimal | None:
    whole = r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?"
    if is_placeholder(text) or not re.fullmatch(whole, clean(text)):
        return None
    try:
        return Decimal(clean(text).replace(",", ""))
    except InvalidOperation:
        return None


def integer(text: str) -> int | None:
    if is_placeholder(text) or not re.fullmatch(r"[+-]?([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5})", clean(text)):
        return None
    return int(clean(text).replace(",", ""))


def day(text: str) -> dt.date | None:
    if is_placeholder(text):
        return None
    text = clean(text)
    parts = re.fullmatch(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?", text) or re.fullmatch(
        "((?:1[89]|20|21)[0-9]{2})([0-9]{2})([0-9]{2})", text
    )
    found = [int(part) for part in parts.groups()] if parts else None
    if european := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
        found = [int(part) for part in european.groups()][::-1]
    if chinese := re.fullmatch(
        "([〇零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十廿]{1,4})日", text
    ):
        year, *rest = chinese.groups()
        found = [
            int("".join(str("〇一二三四五六七八九".index(c.replace("零", "〇"))) for c in year)),
            *map(_to_99, rest),
        ]
    try:
        return dt.date(*found) if found else None
    except ValueError:
        return None


def _to_99(text: str) -> int:
    tens, sign, ones = text.replace("廿", "二十").rpartition("十")
    digit = "〇一二三四五六七八九"
    return (digit.index(tens) if tens else 1) * 10 * bool(sign) + (digit.index(ones) if ones else 0)


def clock(text: str) -> dt.time | None:
    form = r"(2[0-3]|[01]?[0-9]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
    parts = None if is_placeholder(text) else re.fullmatch(form, clean(text))
    if not parts:
        return None
    hours, minutes, seconds, part = parts.groups()
    return dt.time(int(hours), int(minutes), int(seconds or 0), int((part or "").ljust(6, "0")))


REFERENCE: dict[str, Any] = {
    "int64": integer,
    "float64": lambda text: None if number(text) is None else float(number(text)),
    "date": day,
    "time": clock,
    "boolean": lambda text: {"true": True, "false": False}.get(clean(text).lower()),
}


def test_cells_are_what_they_are_in_plain_python(same):
    found = same(
        lambda t: (
            {"clean": storage.normalise(t.v), "placeholder": storage.is_placeholder(t.v)}
            | {kind: storage.typed(t.v, kind) for kind in storage._CASTS}
            | {f"misfit {kind}": storage.misfit(t.v, kind) for kind in storage._CASTS}
        ),
        v=[*HARD, None],
    )
    for place, text in enumerate(HARD):
        assert found["clean"][place] == clean(text), repr(text)
        assert found["placeholder"][place] == (is_placeholder(text) and clean(text) != ""), repr(text)
        for kind, reference in REFERENCE.items():
            assert found[kind][place] == reference(text), (kind, text)
            misfit = clean(text) != "" and not is_placeholder(text) and reference(text) is None
            assert found[f"misfit {kind}"][place] == misfit, (kind, text)
    assert [found[name][-1] for name in ("clean", "placeholder", "int64", "date")] == [None, False, None, None]


def test_a_moment_is_the_same_moment(same):
    texts = [
        "2019-07-08T09:30:00Z",
        "2019-07-08 24:00",
        "2019年7月8日9时30分",
        "20190708093000",
        "2019-07-08",
        "2019-07-08 25:00",
    ]
    found = same(lambda t: {"v": storage.typed(t.v, "timestamp")}, v=texts)["v"]
    assert found == [
        dt.datetime(2019, 7, 8, 17, 30),
        dt.datetime(2019, 7, 9),
        *[dt.datetime(2019, 7, 8, 9, 30)] * 2,
        dt.datetime(2019, 7, 8),
        None,
    ]


# -- patterns


def _corpus() -> list[str]:
    r = random.Random(5)
    makes = [
        columnsets.resident,
        columnsets.resident_15,
        columnsets.credit,
        columnsets.card,
        columnsets.mobile,
        columnsets.landline,
    ]
    makes += [
        columnsets.plate,
        columnsets.name,
        columnsets.address,
        columnsets.home,
        columnsets.company,
        columnsets.vin,
    ]
    texts = (
        [make(r) for make in makes for _ in range(4)]
        + HARD
        + ["王**", "138****5678", "A00.0", "MZ123456", "a@b.cn", "１３８"]
    )
    spoilt = (
        [f"{text}\n" for text in texts[:48]]
        + [text.replace("1", "１") for text in texts[:48]]
        + [f"{t}\r" for t in texts[:24]]
    )
    return (
        texts
        + spoilt
        + ["10.0.0.1:80", "¥ 1,234.5万元", "2019-07-08 09:30\r", "王\u2028明", "Ａ", "x\x85", "é", "É", "ﬁ", "İ"]
    )


def test_every_pattern_finds_the_same_as_re2(same):
    texts = _corpus()
    found = same(lambda t: {name: t.v.re_search(patterns.regex(name)) for name in FORMS}, v=texts)
    values = pa.array(texts)
    assert len(FORMS) >= 50
    for name in FORMS:
        assert found[name] == pc.match_substring_regex(values, patterns.regex(name)).to_pylist(), name


OWN = [
    r"^\d+$",
    r"\s$",
    r"^\S+\s\S+$",
    r"\w+",
    "[[:alpha:]]+",
    "^.$",
    "^a.b$",
    r"^\D\d",
    r"(?i)straße|é",
    r"^[^\d]+$",
    "[a[b]",
    "^[]a]+$",
]
OWN += [
    r"^[\w.-]+@",
    r"\p{Han}",
    r"\pL",
    "^(?P<first>.)",
    "(?s)^.+$",
    "a{2",
    r"[\-a]",
    r"\Q1.2\E",
    "x|^$",
    r"[^\n]\n",
    r"\x{4e00}",
]


def test_patterns_of_a_city_mean_the_same(same):
    texts = [
        *_corpus(),
        "a\nb",
        "a\rb",
        "٣",
        "a\u00a0b",
        "STRASSE",
        "É",
        "[",
        "]",
        "a&b",
        "éA",
        "aa",
        "{2",
        "1.2",
        "1x2",
    ]
    found = same(lambda t: {str(n): t.v.re_search(each) for n, each in enumerate(OWN)}, v=texts)
    for n, each in enumerate(OWN):
        assert found[str(n)] == pc.match_substring_regex(pa.array(texts), each).to_pylist(), each


@pytest.mark.parametrize(
    "pattern", ["(?=a)", r"(a)\1", "a++", "(?m)^a", "a**", "[a", "(a", "a)", r"\C", "*a", "a{1001}", "(?<!a)b", r"\bA"]
)
def test_what_is_no_pattern_everywhere_is_none(pattern):
    with pytest.raises(ValueError, match="every engine"):
        portable(pattern)


def test_check_digits_are_those_of_the_standards(same):
    r = random.Random(2)
    codes = [make(r) for make in (columnsets.resident, columnsets.credit, columnsets.card) for _ in range(20)]
    codes += [code[:-1] + r.choice("0123456789X") for code in codes] + [
        "",
        "1",
        "X" * 18,
        "１" * 18,
        "6222021234567890é",
    ]
    found = same(
        lambda t: {
            "ric": patterns.resident_18_valid(t.v),
            "uscc": patterns.uscc_valid(t.v),
            "luhn": patterns.luhn_valid(t.v),
        },
        v=codes,
    )
    for place, code in enumerate(codes):
        if re.fullmatch("[0-9]{17}[0-9X]", code):
            assert found["ric"][place] == (ric.calc_check_digit(code) == code[-1]), code
        if re.fullmatch("[0-9A-HJ-NPQRTUWXY]{18}", code):
            assert found["uscc"][place] == (uscc.calc_check_digit(code[:-1]) == code[-1]), code
        whole = re.fullmatch("[0-9]{15,19}", code) is not None
        assert found["luhn"][place] == (whole and luhn.is_valid(code)), code


def test_letters_are_one_for_one(same):
    letters = [chr(code) for code in range(0x20, 0x3000) if len(chr(code).upper()) > 1] + ["ΑΣ", "İx", "é", "Ａ", "汉"]
    found = same(lambda t: {"up": t.v.upper(), "low": t.v.lower(), "size": t.v.upper().length()}, v=letters)
    assert found["size"] == [len(text) for text in letters]
    assert found["up"][letters.index("ß")] == "ẞ"
    assert found["low"][-5:-3] == ["ασ", "ix"]


# -- statistics


@pytest.mark.parametrize("cells", [1, 400_000])
def test_statistics_are_counted_the_same(engines, tmp_path, monkeypatch, cells):
    """In one pass a column (long tables) and in one pass of many columns."""
    monkeypatch.setattr(statistics, "CELLS_AT_ONCE", cells)
    r = random.Random(3)
    data = {
        "ties": [str(n // 2) for n in range(400)],  # 200 values twice: which are told?
        "words": [r.choice(["x", "y", "ÿ", "", "1", None]) for _ in range(400)],
        "days": [f"2020-01-{r.randint(1, 31):02d}" for _ in range(400)],
        "times": [f"{r.randint(0, 23)}:{r.randint(0, 59):02d}" for _ in range(400)],
        "empty": [None] * 400,
    }
    kinds = {"ties": "int64", "words": "string", "days": "date", "times": "time", "empty": "string"}
    columns = {"_row": pa.array(range(400))} | {name: pa.array(v, pa.string()) for name, v in data.items()}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = [statistics.column_statistics(e, e.read_parquet(tmp_path / "t.parquet"), kinds) for e in engines.values()]
    assert found[0] == found[1]
    for name, values in data.items():
        filled = Counter(value for value in values if value)
        most = sorted(((v, n) for v, n in filled.items() if n > 1), key=lambda pair: (-pair[1], pair[0]))[
            : statistics.TOP
        ]
        told = found[0][name]
        assert (told.nulls, told.distinct) == (400 - filled.total(), len(filled))
        assert [pair for pair in told.top if pair[1] > 1] == most
    assert (found[0]["days"].minimum, found[0]["ties"].maximum) == (dt.date.fromisoformat(min(data["days"])), 199)


# -- whole files


@pytest.fixture(scope="module")
def register(tmp_path_factory):
    """A dirty register: identities, places, dates, amounts, duplicates, wrong digits, a row of totals."""
    r = random.Random(7)
    path = tmp_path_factory.mktemp("register") / "登记.csv"
    rows = []
    for n in range(150):
        made = columnsets.day(r, 2015, 2022)
        rows.append(
            [
                f"XH{n:05d}",
                columnsets.name(r),
                columnsets.resident(r),
                columnsets.credit(r),
                columnsets.mobile(r),
                columnsets.home(r),
                f"{made:%Y-%m-%d}" if n % 10 else f"{made:%Y/%-m/%-d}",
                f"{made + dt.timedelta(days=r.randint(0, 90)):%Y-%m-%d}",
                r.choice(["男", "女"]),
                f"{r.uniform(121.1, 121.9):.5f}",
                f"{r.uniform(30.8, 31.5):.5f}",
                f"{r.randint(1, 90000) / 100:.2f}",
                f"{r.randint(8, 18)}:{r.randint(0, 59):02d}",
            ]
        )
    rows[3][2] = rows[3][2][:-1] + ("1" if rows[3][2][-1] != "1" else "2")
    rows[5][1], rows[6][4], rows[7][6], rows[8][11] = " 王 明　", "１３８００１３８０００", "2019-02-30", "待补"
    rows[9][9], rows[9][10] = rows[9][10], rows[9][9]
    rows[10][0], rows[11] = "XH00009", [*rows[12][:5], rows[12][5] + " ", *rows[12][6:]]
    rows[13][8], rows[14][1], rows[15][11] = "未知", "张**", "9999999"
    with path.open("w", encoding="gb18030", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            "流水号 姓名 身份证号 统一社会信用代码 手机号 住址 受理日期 办结日期 性别 经度 纬度 金额 时间".split()
        )
        out.writerows(rows)
    return path


def _told(document: str) -> Any:
    told = json.loads(document)
    for file in told["files"]:
        file.pop("seconds", None)
    return told


def test_a_file_is_inspected_to_the_same_document(register, server):
    here = _told(gs.inspect(register).to_json())
    there = _told(gs.inspect(register, engine=server).to_json())
    assert len(here["files"][0]["tables"][0]["findings"]) > 8
    assert there == here


def test_the_command_takes_an_engine(register, server, tmp_path):
    small = tmp_path / "小.csv"
    small.write_text("名称,床位\n" + "".join(f"第{n}医院,{n * 10}\n" for n in range(30)), encoding="utf-8")
    here, there = (
        CliRunner().invoke(build_app(), ["inspect", str(small), "--json", *more]) for more in ([], ["--engine", server])
    )
    assert there.exit_code == 0
    assert _told(there.stdout) == _told(here.stdout)
    away = CliRunner().invoke(build_app(), ["inspect", str(small), "--json", "--engine", "sc://127.0.0.1:9"])
    assert (away.exit_code, away.stdout) == (1, "")
    assert CliRunner().invoke(build_app(), ["inspect", str(small), "--engine", "http://x"]).exit_code == 2


@pytest.mark.parametrize(
    ("url", "code"), [("spark://x", "engine_address"), ("sc://", "engine_address"), ("sc://127.0.0.1:9", "engine_away")]
)
def test_a_server_that_is_not_there_is_told(register, url, code):
    with pytest.raises(TableError) as caught:
        gs.inspect(register, engine=url)
    assert caught.value.code == code


def test_a_token_in_the_address_is_not_told():
    with pytest.raises(TableError) as caught:
        spark.connect("sc://127.0.0.1:9/;token=hush")
    assert "hush" not in str(caught.value) and "127.0.0.1:9" in str(caught.value)


def test_an_old_server_is_refused(server, monkeypatch):
    monkeypatch.setattr(spark.SparkSession, "version", "3.5.7")
    with pytest.raises(TableError) as caught:
        spark.connect(server)
    assert caught.value.code == "engine_too_old"


def test_what_the_server_cannot_read_is_sent_or_told(spark_engine, tmp_path, monkeypatch):
    pq.write_table(pa.table({"_row": [1, 2], "v": ["a", None]}), tmp_path / "t.parquet")

    def blind(self, path, **kwargs):
        raise spark.PySparkException("[PATH_NOT_FOUND] Path does not exist")

    monkeypatch.setattr(spark.Backend, "read_parquet", blind)
    table = spark_engine.read_parquet(tmp_path / "t.parquet")
    assert spark_engine.to_pyarrow(table.order_by("_row")).to_pydict() == {"_row": [1, 2], "v": ["a", None]}
    monkeypatch.setattr(spark, "MOST_SENT", 10)
    with pytest.raises(TableError, match="TMPDIR") as caught:
        spark_engine.read_parquet(tmp_path / "t.parquet")
    assert caught.value.code == "engine_cannot_read"
