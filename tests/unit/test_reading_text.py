"""Delimited text: encodings, dialects, layout, what is set aside."""

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.tables.errors import TableError
from gongshu.tables.model import ROW, Source
from gongshu.tables.reading import ReadingOptions, limits, read_file


def read(folder: Path, content: str | bytes, name: str = "表.csv", stored: str = "utf-8", **options) -> Source:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(stored))
    return read_file(path, folder / "staging", ReadingOptions(**options))


def rows(source: Source, table: int = 0) -> list[tuple]:
    found = pq.read_table(source.tables[table].path).to_pylist()
    return [tuple(row.values()) for row in found]


PLAIN = "名称,区,床位\n南山医院,东城区,120\n北海医院,西城区,80\n东湖医院,东城区,95\n"


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_of_chinese_offices(tmp_path, encoding, told):
    source = read(tmp_path, PLAIN, stored=encoding)
    assert source.encoding == told
    assert source.tables[0].columns == ["名称", "区", "床位"]
    assert rows(source)[0] == (1, "南山医院", "东城区", "120")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "^", "\x01", "||", "，", " "])
@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_delimiters_and_quotes(tmp_path, delimiter, quote):
    records = [["名称", "区", "床位"], *([f"医院{n}", "东城区", str(n)] for n in range(20))]
    if quote:
        records = [[f"{quote}{cell}{quote}" for cell in record] for record in records]
    source = read(tmp_path, "".join(delimiter.join(record) + "\n" for record in records))
    assert source.tables[0].columns == ["名称", "区", "床位"]
    assert source.tables[0].rows == 20
    assert rows(source)[3] == (4, "医院3", "东城区", "3")


def test_utf8_with_a_damaged_byte_stays_utf8_and_only_the_cell_is_quarantined(tmp_path):
    content = PLAIN.encode() + "损坏".encode()[:-1] + ",西城区,7\n".encode() + PLAIN.encode().split(b"\n", 1)[1] * 20
    source = read(tmp_path, content)
    table = source.tables[0]
    assert source.encoding == "utf-8"
    assert "第 5 行" in source.notes[0]
    assert [(q.row, q.column, q.value) for q in table.quarantined] == [(4, "名称", "损\ufffd")]
    assert rows(source)[3] == (4, None, "西城区", "7")


def test_title_rows_blank_rows_totals_and_footnotes_are_no_records(tmp_path):
    source = read(
        tmp_path,
        "某市医疗机构名录,,\n填报单位：某局,,填报日期：2021年7月\n\n名称,区,床位\n南山医院,东城区,120\n小计,,120\n北海医院,西城区,80\n"
        "合计,,200\n注：数据截至填报日,,\n填表人：张三,审核人：李四,\n",
    )
    table = source.tables[0]
    assert table.header_rows == [4]
    assert [(s.row, s.why) for s in table.skipped] == [
        (1, "title"), (2, "title"), (3, "blank"), (6, "subtotal"), (8, "subtotal"), (9, "footnote"), (10, "footnote"),
    ]  # fmt: skip
    assert rows(source) == [(1, "南山医院", "东城区", "120"), (3, "北海医院", "西城区", "80")]


def test_a_title_and_a_footnote_without_delimiters(tmp_path):
    source = read(tmp_path, "某市医疗机构名录\n" + PLAIN + "合计,3\n数据来源：某局\n")
    table = source.tables[0]
    assert (table.header_rows, table.rows, table.quarantined_total) == ([2], 3, 0)
    assert [s.why for s in table.skipped] == ["title", "subtotal", "footnote"]


def test_total_as_a_category_is_data(tmp_path):
    lines = "".join(f"{sex},{year},{year - 1900}\n" for year in range(2000, 2020) for sex in ("合计", "男", "女"))
    source = read(tmp_path, "性别,年份,人数\n" + lines)
    assert source.tables[0].rows == 60
    assert source.tables[0].skipped == []


def test_names_that_only_begin_like_a_total_are_data(tmp_path):
    source = read(tmp_path, "名称,区,床位\n合计堂药店,东城区,1\n总计医院,西城区,3\n小计村卫生室,西城区,2\n")
    assert source.tables[0].rows == 3


def test_a_record_with_only_its_first_cell_stays(tmp_path):
    source = read(tmp_path, "编号,名称,区\nr1,甲,东\nr2,,\nr3,丙,西\nr4,,\n")
    assert [row[0] for row in rows(source)] == [1, 2, 3, 4]


def test_two_header_rows_are_joined(tmp_path):
    source = read(tmp_path, "序号,学校,人数,,备注\n,,男,女,\n1,一中,10,20,\n2,二中,30,40,民办\n3,三中,5,6,\n")
    assert source.tables[0].columns == ["序号", "学校", "人数/男", "人数/女", "备注"]
    assert source.tables[0].header_rows == [1, 2]


def test_no_header(tmp_path):
    source = read(tmp_path, "310104,徐汇区,3.5\n310105,长宁区,4.5\n310106,静安区,2.0\n")
    assert source.tables[0].columns == ["列1", "列2", "列3"]
    assert source.tables[0].rows == 3
    assert "表头" in source.notes[0]


def test_empty_and_repeated_headers_get_names(tmp_path):
    source = read(tmp_path, "名称,,Name,name,名称\n甲,1,x,y,乙\n丙,2,x,y,丁\n")
    assert source.tables[0].columns == ["名称", "列2", "Name", "name_2", "名称_2"]
    assert [(n.kind, n.column, n.name) for n in source.tables[0].header_notes] == [
        ("empty", 2, "列2"), ("repeated", 4, "name_2"), ("repeated", 5, "名称_2"),
    ]  # fmt: skip


def test_records_of_the_wrong_width_are_quarantined_whole_and_counted(tmp_path):
    source = read(tmp_path, PLAIN + "坏,行\n西山医院,东城区,1\n坏,的,一,行\n东山医院,东城区,2\n")
    table = source.tables[0]
    assert [(q.row, q.column, q.value) for q in table.quarantined] == [(4, None, "坏,行"), (6, None, "坏,的,一,行")]
    assert "应有 3 个字段，实有 2 个" in table.quarantined[0].why
    assert [row[0] for row in rows(source)] == [1, 2, 3, 5, 7]


def test_line_ends_inside_quotes_and_blank_lines_do_not_count(tmp_path):
    source = read(tmp_path, 'id,text,n\n1,"一\n二",1\n\n2,"三 ""四""",2\n3,五,3\n')
    assert rows(source) == [(1, "1", "一\n二", "1"), (2, "2", '三 "四"', "2"), (3, "3", "五", "3")]


@pytest.mark.parametrize("bad", ['100,"没有成对的引号,7', '100,坏,"没有成对'])
def test_an_unclosed_quote_swallows_no_other_record(tmp_path, bad):
    good = [f'{n},"名称,{n}",{n}' for n in range(200)]
    good[100] = bad
    source = read(tmp_path, "编号,名称,数量\n" + "\n".join(good) + "\n")
    table = source.tables[0]
    assert table.rows + table.quarantined_total == 200
    assert table.rows >= 199
    assert rows(source)[50] == (51, "50", "名称,50", "50")
    assert rows(source)[-1] == (200, "199", "名称,199", "199")
    if table.quarantined:
        assert table.quarantined[0].row == 101
        assert table.quarantined[0].value == bad
    assert any("引号" in note for note in source.notes)


def test_an_unclosed_quote_at_the_end(tmp_path):
    source = read(tmp_path, "编号,名称\n" + "".join(f"{n},甲{n}\n" for n in range(50)) + '50,"乙\n51,丙\n52,丁\n')
    assert source.tables[0].rows + source.tables[0].quarantined_total == 53
    assert rows(source)[-1] == (53, "52", "丁")


def test_backslash_escapes(tmp_path):
    source = read(tmp_path, 'id,text\n1,"a \\"b\\" c"\n2,"d, e"\n3,f\n')
    assert rows(source)[0] == (1, "1", 'a "b" c')


def test_header_only_is_a_table_of_no_rows(tmp_path):
    source = read(tmp_path, "名称,区,床位\n")
    assert (source.tables[0].columns, source.tables[0].rows) == (["名称", "区", "床位"], 0)
    assert rows(source) == []


@pytest.mark.parametrize(
    ("content", "columns", "records", "skipped"),
    [
        # the header is shorter or longer than the records
        ("a,b\n1,2,3\n4,5,6\n7,8,9\n", ["a", "b", "列3"], 3, []),
        ("名称,区,\n甲,东\n乙,西\n丙,南\n", ["名称", "区"], 3, []),
        # line ends of old Macs; Excel's hint; DOS end of file
        ("名称,区\r甲,东\r乙,西\r", ["名称", "区"], 2, []),
        ("sep=;\n名称;区;数\n甲;东;1\n乙;西;2\n", ["名称", "区", "数"], 2, ["title"]),
        ("名称,区\n甲,东\n乙,西\n\x1a", ["名称", "区"], 2, ["blank"]),
        # decimal commas do not make a comma the delimiter; aligned columns; years as headers
        ("名称;值\n甲;1,5\n乙;2,5\n丙;3,5\n", ["名称", "值"], 3, []),
        ("名称   区    数\n甲     东    1\n乙     西    2\n", ["名称", "区", "数"], 2, []),
        ("地区,2019,2020\n黄浦,1,2\n徐汇,4,5\n合计,5,7\n", ["地区", "2019", "2020"], 2, ["subtotal"]),
        # a yearbook: title, unit, total first, source last
        (
            "表1 某市医院,,\n,,单位：张\n区,医院数,床位数\n全市合计,10,200\n东城,5,100\n西城,5,100\n资料来源：统计局,,\n",
            ["区", "医院数", "床位数"], 2, ["title", "title", "subtotal", "footnote"],
        ),
        # the header again on each printed page; empty records at the end
        ("名称,区\n甲,东\n名称,区\n乙,西\n", ["名称", "区"], 2, ["header"]),
        ("名称,区,数\n甲,东,1\n乙,西,2\n,,\n,,\n", ["名称", "区", "数"], 2, ["blank", "blank"]),
        # lists of one column
        ("手机号\n13812345678\n13912345678\n", ["手机号"], 2, []),
        ("2022.11.30\n\n吖茶\n阿笨熊\n", ["列1"], 2, ["title", "blank"]),
        # identifiers of sensors over measurements
        ("773869,767541,767542\n64.3,67.6,66.1\n62.6,68.5,65.4\n", ["773869", "767541", "767542"], 2, []),
    ],
)  # fmt: skip
def test_layouts_seen_in_the_wild(tmp_path, content, columns, records, skipped):
    table = read(tmp_path, content).tables[0]
    assert (table.columns, table.rows, table.quarantined_total) == (columns, records, 0)
    assert [entry.why for entry in table.skipped] == skipped


def test_zeros_kept_from_excel_by_an_equals_sign(tmp_path):
    source = read(tmp_path, '编号,名称\n="001",甲\n"=""002""",乙\n')
    assert [row[1] for row in rows(source)] == ["001", "002"]


def test_a_zero_byte_in_a_text_is_a_damage_of_its_cell(tmp_path):
    source = read(tmp_path, PLAIN.encode() * 3 + "乙\0,西,1\n".encode())
    assert [(q.column, q.value) for q in source.tables[0].quarantined] == [("名称", "乙\ufffd")]


def test_options_override(tmp_path):
    source = read(tmp_path, "a;b,c\n1;2,3\n", delimiter=";")
    assert source.tables[0].columns == ["a", "b,c"]
    source = read(tmp_path, PLAIN, no_header=True)
    assert source.tables[0].rows == 4
    source = read(tmp_path, PLAIN, header_rows=(2,))
    assert source.tables[0].columns[0] == "南山医院"
    source = read(tmp_path, PLAIN, skip_rows=(3,))
    assert [row[0] for row in rows(source)] == [1, 3]
    assert [(s.row, s.why) for s in source.tables[0].skipped] == [(3, "option")]
    source = read(tmp_path, PLAIN.encode("gbk"), encoding="gbk")
    assert source.encoding == "gb18030"
    with pytest.raises(TableError) as caught:
        read(tmp_path, PLAIN, encoding="没有")
    assert caught.value.code == "encoding_wrong"


def test_a_long_file_crosses_row_groups(tmp_path):
    count = limits.ROW_GROUP_ROWS + 20_000
    source = read(tmp_path, "id,name\n" + "".join(f"{n},甲\n" for n in range(count)) + "合计,\n")
    table = source.tables[0]
    assert table.rows == count
    assert table.skipped[-1].why == "subtotal"
    file = pq.ParquetFile(table.path)
    assert file.num_row_groups >= 2
    assert file.read([ROW])[ROW].to_pylist() == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n \n\t\n", "empty_file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "unsupported"),
        (bytes(range(256)) * 50, "binary"),
        (b"\x7fELF" + bytes(500), "unsupported"),
        (b"<?xml version='1.0'?><a/>", "unsupported"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "unsupported"),
        (
            ",".join(f"c{n}" for n in range(10_000)).encode() + b"\n" + b",".join([b"1"] * 10_000) + b"\n",
            "too_many_columns",
        ),
        (b"a,b\n" + b"x" * (limits.MAX_RECORD_BYTES + 10) + b",1\n", "record_too_long"),
        (b"\x80\x81\xff\xfe\xff" * 40 + b"\n", "encoding_unknown"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(tmp_path, content, code):
    with pytest.raises(TableError) as caught:
        read(tmp_path, content)
    assert caught.value.code == code
    assert caught.value.where["file"] == "表.csv"
    assert not (tmp_path / "staging").exists() or not list((tmp_path / "staging").iterdir())


def test_missing_files_and_folders(tmp_path):
    for path, code in ((tmp_path / "无.csv", "missing"), (tmp_path, "folder")):
        with pytest.raises(TableError) as caught:
            read_file(path, tmp_path / "staging")
        assert caught.value.code == code


def test_prose_is_no_table(tmp_path):
    lines = [("很长，的句子," * (n % 7)) + "结束" for n in range(300)]
    with pytest.raises(TableError) as caught:
        read(tmp_path, "\n".join(lines), delimiter=",")
    assert caught.value.code == "not_a_table"


def test_a_wrong_extension_is_read_as_what_it_is(tmp_path):
    source = read(tmp_path, PLAIN, "表.xlsx")
    assert source.format == "csv"
    assert ".xlsx" in source.notes[-1]


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufdd0", exclude_categories=["Cs", "Cc"]), max_size=12
) | st.sampled_from(['a"b', "x,y", "一\n二", "''", '""', " 前后 "])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 10**6).map(str), cells, cells), min_size=3, max_size=30),
    st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read_back(tmp_path, records, encoding):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["编号", "名称", "说明"])
    writer.writerows(records)
    source = read(tmp_path, out.getvalue(), stored=encoding, header_rows=(1,), delimiter=",", quote='"')
    kept = {row[0]: row[1:] for row in rows(source)}
    skipped = {s.row - 1 for s in source.tables[0].skipped}
    assert source.tables[0].quarantined_total == 0
    for number, record in enumerate(records, 1):
        if number not in skipped:
            assert kept[number] == tuple(cell or None for cell in record)
