"""Protections in the words of those who ask for them (A1, DB3212/T 1177-2025: 遮盖, 截断, 分档, 归零; same input, same output)."""

import datetime
import logging
import tempfile

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import hashes, hmac

from gongshu.tables.contract import Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.keyed import keyed_hash, keyed_hash_sm3
from gongshu.tables.protect import protect

KEY = bytes(range(32))
_ARROW = {"string": "string", "int64": "int64", "float64": "float64", "date": "date32", "boolean": "bool_"}


def treated(engine, values, method, column="string", **params):
    """The values after a protection, null as None, computed by the engine."""
    rows = pa.table(
        {"_row": pa.array(range(1, len(values) + 1)), "字段": pa.array(values, getattr(pa, _ARROW[column])())}
    )
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(rows, f"{folder}/rows.parquet")
        table = protect(
            engine.read_parquet(f"{folder}/rows.parquet"), [Field("字段", protection=Protection(method, params))], KEY
        )
        return engine.to_pyarrow(table.order_by("_row"))["字段"].to_pylist()


class TestMask:
    def test_a_name_keeps_its_family_name(self, engine):
        assert treated(engine, ["张三", "欧阳娜娜", None], "mask", keep_first=1) == ["张*", "欧***", None]

    def test_an_id_number_keeps_both_ends(self, engine):
        assert treated(engine, ["110101199003078515"], "mask", keep_first=6, keep_last=4) == ["110101********8515"]

    def test_a_value_shorter_than_what_would_be_kept_is_hidden_whole(self, engine):
        assert treated(engine, ["张三", "1234", ""], "mask", keep_first=2, keep_last=2) == ["**", "****", ""]

    def test_without_parameters_all_is_hidden(self, engine):
        assert treated(engine, ["上海"], "mask") == ["**"]

    @pytest.mark.parametrize(
        ("kind", "values", "expected"),
        [
            (
                "phone",
                [
                    "13812345678",
                    "138 1234 5678",
                    "+86 13812345678",
                    "021-62001234",
                    "(021)62001234",
                    "0512-6200123",
                    "12345",
                ],
                ["138****5678", "138****5678", "138****5678", "021-********", "(021)********", "0512-*******", "*****"],
            ),
            ("person_name", ["张三", "欧阳娜娜", "买买提·艾力", "王"], ["张*", "欧***", "买*****", "*"]),
            (
                "resident_id",
                ["11010519491231002X", "110105491231002", "1101051949123100"],
                ["1101051949********", "11010549*******", "****************"],
            ),
            (
                "bank_card",
                ["6222021234567890123", "6222 0212 3456 7890", "622"],
                ["***************0123", "***************7890", "***"],
            ),
            ("email", ["li.lei@example.com", "无"], ["***@example.com", "*"]),
            ("plate", ["沪A12345", "粤BD12345", "12345"], ["沪A*****", "粤B******", "*****"]),
            ("ip", ["192.168.10.3", "fe80::1"], ["192.168.*.*", "*******"]),
        ],
    )
    def test_what_is_usual_for_its_kind_stays(self, engine, kind, values, expected):
        assert treated(engine, [*values, None], "mask", kind=kind) == [*expected, None]


class TestKeyedHash:
    def test_the_same_value_gives_the_same_token_everywhere(self, engine):
        tokens = treated(engine, ["110101199003078515", "张三", None, "张三"], "keyed_hash")
        assert tokens == [keyed_hash("110101199003078515", KEY), keyed_hash("张三", KEY), None, keyed_hash("张三", KEY)]
        assert len(tokens[0]) == 64

    def test_another_key_gives_other_tokens(self):
        assert keyed_hash("张三", KEY) != keyed_hash("张三", bytes(32))

    def test_numbers_are_hashed_as_their_digits(self, engine):
        assert treated(engine, [42], "keyed_hash", column="int64") == [keyed_hash("42", KEY)]

    def test_sm3_is_the_hmac_of_the_national_standard(self, engine):
        tokens = treated(engine, ["张三", None, "李四", "张三"], "keyed_hash", algorithm="sm3")
        oracle = hmac.HMAC(keyed_hash.__globals__["derived"](KEY)[0].encode(), hashes.SM3())
        oracle.update("张三".encode())
        assert tokens[0] == oracle.finalize().hex() == keyed_hash_sm3("张三", KEY)
        assert tokens[1] is None and tokens[3] == tokens[0] != tokens[2]
        assert treated(engine, [42], "keyed_hash", column="int64", algorithm="sm3") == [keyed_hash_sm3("42", KEY)]
        with pytest.raises(TableError, match="algorithm"):
            treated(engine, ["张三"], "keyed_hash", algorithm="md5")

    def test_a_short_key_is_refused(self, engine):
        with pytest.raises(TableError) as caught:
            keyed_hash("张三", b"short")
        assert caught.value.code == "key_too_short"

    def test_the_key_is_in_no_query_and_no_log(self, caplog):
        table = ibis.table({"_row": "int64", "字段": "string"}, name="t")
        with caplog.at_level(logging.DEBUG):
            expression = protect(table, [Field("字段", protection=Protection("keyed_hash"))], KEY)
            query = ibis.to_sql(expression, dialect="duckdb")
        inner = keyed_hash.__globals__["derived"](KEY)[0]
        for secret in (KEY.hex(), inner):
            assert secret not in query
            assert secret not in caplog.text


class TestGeneraliseDate:
    DAYS = ["2019-07-08", "2019年12月31日", "二〇一九年七月八日", "不是日期", None]

    @pytest.mark.parametrize(
        ("to", "expected"),
        [
            ("year", ["2019", "2019", "2019", None, None]),
            ("quarter", ["2019-Q3", "2019-Q4", "2019-Q3", None, None]),
            ("month", ["2019-07", "2019-12", "2019-07", None, None]),
            ("half", ["2019-H2", "2019-H2", "2019-H2", None, None]),
            ("decade", ["[2010,2020)", "[2010,2020)", "[2010,2020)", None, None]),
            ("day", ["2019-07-08", "2019-12-31", "2019-07-08", None, None]),
        ],
    )
    def test_a_day_becomes_its_year_quarter_or_month(self, engine, to, expected):
        assert treated(engine, self.DAYS, "generalise_date", to=to) == expected

    def test_typed_dates_too(self, engine):
        assert treated(engine, [datetime.date(1990, 3, 7), None], "generalise_date", column="date", to="month") == [
            "1990-03",
            None,
        ]


class TestGeneraliseNumber:
    def test_ages_in_tens(self, engine):
        assert treated(engine, [27, 30, 0, -1, None], "generalise_number", column="int64", width=10) == [
            "[20,30)", "[30,40)", "[0,10)", "[-10,0)", None,
        ]  # fmt: skip

    def test_widths_with_decimals(self, engine):
        assert treated(engine, [0.3, 0.29], "generalise_number", column="float64", width=0.1) == [
            "[0.3,0.4)",
            "[0.2,0.3)",
        ]

    def test_bands_of_unequal_width(self, engine):
        assert treated(engine, [17, 18, 59.5, 60, None], "generalise_number", column="float64", edges=[18, 60]) == [
            "<18", "[18,60)", "[18,60)", "≥60", None,
        ]  # fmt: skip

    def test_what_is_no_number_at_all(self, engine):
        values = [float("nan"), float("inf"), 1e300, 5.0]
        assert treated(engine, values, "generalise_number", column="float64", width=10) == [None, None, None, "[0,10)"]
        assert treated(engine, values, "generalise_number", column="float64", edges=[3])[:2] == [None, None]

    def test_text_that_is_no_number_is_left_out(self, engine):
        assert treated(engine, ["1,250", "很多"], "generalise_number", width=1000) == ["[1000,2000)", None]


class TestGeneraliseDivision:
    def test_codes_of_6_9_and_12_digits_end_in_zeros(self, engine):
        codes = ["310104", "310104003", "310104003001", "３１０１０４", "31010"]
        assert treated(engine, codes, "generalise_division", to="city") == [
            "310100",
            "310100000",
            "310100000000",
            "310100",
            None,
        ]
        assert treated(engine, codes[:2], "generalise_division", to="province") == ["310000", "310000000"]
        assert treated(engine, codes[2:3], "generalise_division", to="district") == ["310104000000"]

    def test_addresses_are_cut_after_the_division(self, engine):
        addresses = [
            "上海市徐汇区天平路街道1号",
            "江苏省南京市玄武区中山路2号",
            "新疆维吾尔自治区伊犁哈萨克自治州伊宁市解放路",
            "中山路2号",
            None,
        ]
        assert treated(engine, addresses, "generalise_division", to="province") == [
            "上海市",
            "江苏省",
            "新疆维吾尔自治区",
            None,
            None,
        ]
        assert treated(engine, addresses, "generalise_division", to="city") == [
            "上海市", "江苏省南京市", "新疆维吾尔自治区伊犁哈萨克自治州", None, None,
        ]  # fmt: skip
        assert treated(engine, addresses[:3], "generalise_division", to="district") == [
            "上海市徐汇区", "江苏省南京市玄武区", "新疆维吾尔自治区伊犁哈萨克自治州伊宁市",
        ]  # fmt: skip


class TestGeneraliseAddressAndIndustry:
    ADDRESSES = [
        "上海市徐汇区天平路街道衡山路12号3室",
        "上海市静安区南京西路1266号",
        "浦东新区新场镇",
        "随便写的",
        None,
    ]

    def test_an_address_loses_its_house(self, engine):
        assert treated(engine, self.ADDRESSES, "generalise_address", to="road") == [
            "上海市徐汇区天平路街道衡山路", "上海市静安区南京西路", None, None, None,
        ]  # fmt: skip
        assert treated(engine, self.ADDRESSES[:3], "generalise_address", to="street") == [
            "上海市徐汇区天平路街道", "上海市静安区", "浦东新区新场镇",
        ]  # fmt: skip

    def test_an_industry_becomes_its_group_division_or_section(self, engine):
        codes = ["C3911", "3911", "I65", "a", "K7010", "98", "U12", "无", None]
        assert treated(engine, codes, "generalise_industry", to="section") == [
            "C", "C", "I", "A", "K", None, None, None, None,
        ]  # fmt: skip
        assert treated(engine, codes[:5], "generalise_industry", to="division") == ["C39", "C39", "I65", "A", "K70"]
        assert treated(engine, codes[:2], "generalise_industry", to="group") == ["C391", "C391"]


class TestRoundKeepDrop:
    def test_counts_to_multiples(self, engine):
        assert treated(engine, [12, 13, None], "round", column="int64", base=5) == [10, 15, None]

    def test_coordinates_lose_their_last_digits(self, engine):
        assert treated(engine, [31.234567, None], "round", column="float64", digits=2) == [31.23, None]
        assert treated(engine, ["121.4789"], "round", digits=2) == [121.48]

    def test_what_is_kept_is_untouched(self, engine):
        assert treated(engine, [" 原样 ", None], "keep") == [" 原样 ", None]

    def test_dropped_and_unnamed_columns_are_gone(self):
        table = ibis.table({"_row": "int64", "公开": "string", "删去": "string", "没提到": "string"}, name="t")
        fields = [Field("删去", protection=Protection("drop")), Field("公开")]
        assert protect(table, fields, KEY).columns == ("_row", "公开")


class TestMergeRare:
    def test_a_value_that_few_rows_have_becomes_others(self, engine):
        assert treated(engine, ["教师", "教师", "宇航员", None, "教师"], "merge_rare", least=3) == [
            "教师",
            "教师",
            "其他",
            None,
            "教师",
        ]

    def test_beside_a_hash(self, engine):
        with tempfile.TemporaryDirectory() as folder:
            pq.write_table(
                pa.table({"_row": [1, 2, 3], "a": ["x", "x", "y"], "b": ["1", "2", "3"]}), f"{folder}/t.parquet"
            )
            fields = [
                Field("a", protection=Protection("merge_rare", {"least": 2})),
                Field("b", protection=Protection("keyed_hash")),
            ]
            table = protect(engine.read_parquet(f"{folder}/t.parquet"), fields, KEY)
            assert engine.to_pyarrow(table.order_by("_row"))["a"].to_pylist() == ["x", "x", "其他"]

    def test_truth_values_too(self, engine):
        assert treated(engine, [True, True, False], "merge_rare", column="boolean", least=2) == ["true", "true", "其他"]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("scramble", {}, "protection_unknown"),
        ("generalise_date", {}, "protection_params"),
        ("generalise_date", {"to": "week"}, "protection_params"),
        ("generalise_number", {"width": 0}, "protection_params"),
        ("mask", {"keep_first": -1}, "protection_params"),
        ("round", {}, "protection_params"),
        ("merge_rare", {}, "protection_params"),
        ("merge_rare", {"least": 1}, "protection_params"),
    ],
)
def test_a_protection_that_cannot_be_done_is_refused(method, params, code):
    table = ibis.table({"字段": "string"}, name="t")
    with pytest.raises(TableError) as caught:
        protect(table, [Field("字段", protection=Protection(method, params))], KEY)
    assert caught.value.code == code
    assert caught.value.where["column"] == "字段"


def test_a_missing_column_is_refused():
    with pytest.raises(TableError) as caught:
        protect(ibis.table({"a": "string"}, name="t"), [Field("b")], KEY)
    assert caught.value.code == "missing_column"
