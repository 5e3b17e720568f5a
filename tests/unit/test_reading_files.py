"""Workbooks, JSON, GeoJSON, Parquet, Shapefiles: what is read, what is refused."""

import datetime
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import xlwt

from gongshu.tables.errors import TableError
from gongshu.tables.model import Source
from gongshu.tables.reading import ReadingOptions, archives, limits, objects, read_file


def read(path: Path, **options) -> Source:
    return read_file(path, path.parent / "staging", ReadingOptions(**options))


def rows(source: Source, table: int = 0) -> list[tuple]:
    return [tuple(row.values()) for row in pq.read_table(source.tables[table].path).to_pylist()]


def refused(path: Path, **options) -> str:
    with pytest.raises(TableError) as caught:
        read(path, **options)
    staging = path.parent / "staging"
    assert not staging.exists() or not list(staging.iterdir()), "something was left behind"
    caught.value.text("en")
    return caught.value.code


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


class TestWorkbooks:
    def test_titles_merged_headers_totals_and_footnotes(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        sheet = book.add_worksheet("医院")
        sheet.merge_range("A1:E1", "某市医疗机构名录")
        sheet.merge_range("A2:E2", "填报单位：某局　　填报日期：2021年7月19日")
        sheet.merge_range("A3:A4", "序号")
        sheet.merge_range("B3:B4", "名称")
        sheet.merge_range("C3:D3", "床位")
        sheet.write_row("C4", ["开放", "编制"])
        sheet.merge_range("E3:E4", "区")
        sheet.merge_range("A5:E5", "东片（2所）")
        sheet.write_row("A6", [1, "南山医院", 120, 100.5])
        sheet.write_row("A7", [2, "北海医院", 80, 90])
        sheet.merge_range("E6:E7", "东城区")
        sheet.write_row("A9", [3, "东湖医院", 95, 95, "西城区"])
        sheet.write_row("A10", ["合计", "", 295, 285.5])
        sheet.write_row("A11", ["注：1. 数据截至填报日"])
        sheet.write_row("A12", ["2. 床位含加床"])
        book.close()
        table = read(tmp_path / "t.xlsx").tables[0]
        assert table.name == "医院"
        assert table.columns == ["序号", "名称", "床位/开放", "床位/编制", "区"]
        assert table.header_rows == [3, 4]
        assert [(s.row, s.why) for s in table.skipped] == [
            (1, "title"), (2, "title"), (5, "section"), (8, "blank"), (10, "subtotal"), (11, "footnote"), (12, "footnote"),
        ]  # fmt: skip
        assert pq.read_table(table.path).to_pylist()[1] == {
            "_row": 3, "序号": "2", "名称": "北海医院", "床位/开放": "80", "床位/编制": "90", "区": "东城区",
        }  # fmt: skip

    def test_a_band_above_a_complete_header_is_left_out_of_the_names(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        sheet = book.add_worksheet()
        sheet.merge_range("A1:B1", "基本信息")
        sheet.merge_range("C1:D1", "其他信息")
        sheet.write_row("A2", ["名称", "区", "经度", "纬度"])
        sheet.write_row("A3", ["甲", "东", 121.5, 31.2])
        sheet.write_row("A4", ["乙", "西", 121.6, 31.3])
        book.close()
        table = read(tmp_path / "t.xlsx").tables[0]
        assert (table.columns, table.header_rows) == (["名称", "区", "经度", "纬度"], [1, 2])

    def test_cells_of_every_kind(self, tmp_path):
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["整数", "小数", "日期", "时间", "真假", "文本", "公式"])
        sheet.append([1, 1.5, datetime.date(2019, 7, 8), datetime.datetime(2019, 7, 8, 9, 30), True, "007", "=A2+1"])
        book.create_sheet("空表")
        book.save(tmp_path / "t.xlsx")
        source = read(tmp_path / "t.xlsx")
        assert len(source.tables) == 1
        assert rows(source) == [(1, "1", "1.5", "2019-07-08", "2019-07-08 09:30:00", "true", "007", None)]
        quarantined = source.tables[0].quarantined[0]
        assert (quarantined.row, quarantined.column, quarantined.value) == (1, "公式", "=A2+1")
        assert "公式" in source.notes[0]

    def test_a_table_that_begins_away_from_the_corner(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        sheet = book.add_worksheet()
        sheet.write_row("C3", ["名称", "区", "数"])
        sheet.write_row("C4", ["甲", "东", 1])
        sheet.write_row("C6", ["乙", "西", 2])
        book.close()
        source = read(tmp_path / "t.xlsx")
        assert (source.tables[0].columns, source.tables[0].header_rows) == (["名称", "区", "数"], [3])
        assert rows(source) == [(1, "甲", "东", "1"), (3, "乙", "西", "2")]

    def test_cached_formula_values_are_read(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        sheet = book.add_worksheet()
        sheet.write_row("A1", ["a", "b"])
        sheet.write("A2", 2)
        sheet.write_formula("B2", "=A2*2", None, 4)
        book.close()
        source = read(tmp_path / "t.xlsx")
        assert rows(source) == [(1, "2", "4")]
        assert source.tables[0].quarantined_total == 0

    def test_legacy_xls_and_several_sheets(self, tmp_path):
        book = xlwt.Workbook()
        for name in ("一区", "二区"):
            sheet = book.add_sheet(name)
            for column, title in enumerate(["编号", "名称"]):
                sheet.write(0, column, title)
            sheet.write(1, 0, 1)
            sheet.write(1, 1, name)
        book.save(str(tmp_path / "t.xls"))
        source = read(tmp_path / "t.xls")
        assert source.format == "xls"
        assert [table.name for table in source.tables] == ["一区", "二区"]
        assert rows(source, 1) == [(1, "1", "二区")]
        assert [table.name for table in read(tmp_path / "t.xls", sheet="二区").tables] == ["二区"]
        (tmp_path / "staging").rename(tmp_path / "old")
        assert refused(tmp_path / "t.xls", sheet="三区") == "no_sheet"

    def test_an_xlsx_called_csv_is_read_with_a_note(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        book.add_worksheet().write_row("A1", ["a", "b"])
        book.close()
        source = read((tmp_path / "t.xlsx").rename(tmp_path / "t.csv"))
        assert (source.format, source.tables[0].rows) == ("xlsx", 0)
        assert ".csv" in source.notes[-1]

    def test_broken_and_encrypted(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        book.add_worksheet().write_row("A1", ["a", "b"])
        book.close()
        whole = (tmp_path / "t.xlsx").read_bytes()
        (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
        assert refused(tmp_path / "cut.xlsx") == "broken_archive"
        (tmp_path / "wrong.xlsx").write_bytes(whole[:60] + bytes(len(whole) // 2) + whole[60 + len(whole) // 2 :])
        assert refused(tmp_path / "wrong.xlsx") in ("broken_archive", "broken_workbook")
        ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
        (tmp_path / "locked.xlsx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le") + bytes(600))
        assert refused(tmp_path / "locked.xlsx") == "encrypted"
        (tmp_path / "letter.doc").write_bytes(ole + "WordDocument".encode("utf-16-le") + bytes(600))
        assert refused(tmp_path / "letter.doc") == "unsupported"

    def test_entities_and_stray_cells(self, tmp_path):
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        sheet = book.add_worksheet()
        sheet.write("A1", 1)
        sheet.write("ZZ1048576", 1)
        book.close()
        assert refused(tmp_path / "t.xlsx") == "sheet_too_large"
        with zipfile.ZipFile(tmp_path / "t.xlsx") as old, zipfile.ZipFile(tmp_path / "e.xlsx", "w") as new:
            for member in old.infolist():
                raw = old.read(member)
                if member.filename.endswith("sheet1.xml"):
                    raw = raw.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet', 1)
                new.writestr(member, raw)
        assert refused(tmp_path / "e.xlsx") == "xml_entities"

    def test_too_many_sheets(self, tmp_path, monkeypatch):
        monkeypatch.setattr(limits, "MAX_SHEETS", 2)
        book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
        for _ in range(3):
            book.add_worksheet()
        book.close()
        assert refused(tmp_path / "t.xlsx") == "too_many_sheets"


class TestArchives:
    def test_a_zip_bomb_is_not_unpacked(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.shp", bytes(limits.RATIO_FREE_BYTES * 2))
        assert refused(tmp_path / "bomb.zip") == "zip_bomb"

    @pytest.mark.parametrize(
        "name", ["../outside.shp", "/etc/outside.shp", "a/../../b.shp", "C:\\outside.shp", "..\\b.shp"]
    )
    def test_names_that_leave_the_folder(self, tmp_path, name):
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr(name, b"x")
        assert refused(tmp_path / "evil.zip") == "unsafe_archive"

    def test_other_zips_say_what_is_supported(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a.txt", b"x")
        assert refused(tmp_path / "a.zip") == "unsupported"

    def test_member_names_written_as_gbk(self, tmp_path):
        # what a Chinese Windows writes: GBK bytes without the flag for UTF-8; zipfile reads them as cp437
        info = zipfile.ZipInfo("区县界.shp".encode("gbk").decode("cp437"))
        assert archives.member_name(info) == "区县界.shp"


class TestJson:
    @pytest.mark.parametrize(
        "document",
        [
            [{"名称": "甲", "n": 1}, {"名称": "乙", "n": 2}],
            {"count": 2, "results": [{"名称": "甲", "n": 1}, {"名称": "乙", "n": 2}]},
            {"success": True, "result": {"records": [{"名称": "甲", "n": 1}, {"名称": "乙", "n": 2}]}},
            {"名称": ["甲", "乙"], "n": [1, 2]},
            [["名称", "n"], ["甲", 1], ["乙", 2]],
        ],
    )
    def test_the_shapes_that_hold_one_table(self, tmp_path, document):
        source = read(write(tmp_path / "t.json", document))
        assert source.format == "json"
        assert source.tables[0].columns == ["名称", "n"]
        assert rows(source) == [(1, "甲", "1"), (2, "乙", "2")]
        assert source.tables[0].native == {"n": "int64"}

    def test_objects_keyed_by_name(self, tmp_path):
        source = read(
            write(tmp_path / "t.json", {"莘庄": {"lat": 31.1, "线": "1号线"}, "外环路": {"lat": 31.2, "线": "1号线"}})
        )
        assert source.tables[0].columns == ["key", "lat", "线"]
        assert rows(source)[1] == (2, "外环路", "31.2", "1号线")

    def test_nested_values_are_kept_as_json_and_missing_ones_are_null(self, tmp_path):
        source = read(write(tmp_path / "t.json", [{"a": {"b": [1, "二"]}, "c": True}, {"d": 1.5}]))
        assert rows(source) == [(1, '{"b":[1,"二"]}', "true", None), (2, None, None, "1.5")]
        assert source.tables[0].native == {"c": "boolean", "d": "float64"}

    def test_json_lines_with_a_broken_line(self, tmp_path):
        path = tmp_path / "t.jsonl"
        path.write_text('{"a": 1}\n\n{"a": 2\n{"a": 3, "b": "三"}\n[1]\n', encoding="gbk")
        source = read(path)
        assert (source.format, source.encoding) == ("jsonl", "gb18030")
        assert rows(source) == [(1, "1", None), (3, "3", "三")]
        assert [(q.row, q.value) for q in source.tables[0].quarantined] == [(2, '{"a": 2'), (4, "[1]")]

    def test_broken_json_says_where(self, tmp_path):
        with pytest.raises(TableError) as caught:
            read(write(tmp_path / "t.json", '[{"a": 1},\n {"a" 2}]'))
        assert caught.value.code == "broken_json"
        assert "第 2 行" in str(caught.value)

    def test_a_csv_that_begins_with_a_bracket(self, tmp_path):
        source = read(write(tmp_path / "t.csv", "[编号],名称\n1,甲\n2,乙\n"))
        assert (source.format, source.tables[0].columns) == ("csv", ["[编号]", "名称"])

    @pytest.mark.parametrize(
        ("document", "code"),
        [
            ("[" * 100_000 + "]" * 100_000, "json_too_deep"),
            ('[{"a":' + "[" * 80 + "]" * 80 + "}]", "json_too_deep"),
            ("[]", "not_a_table"),
            (json.dumps([{f"c{n}": 1 for n in range(3000)}]), "too_many_columns"),
        ],
    )
    def test_refusals(self, tmp_path, document, code):
        assert refused(write(tmp_path / "t.json", document)) == code

    def test_documents_too_large_for_memory(self, tmp_path, monkeypatch):
        monkeypatch.setattr(objects.limits, "MAX_JSON_BYTES", 10)
        assert refused(write(tmp_path / "t.json", [{"a": 1}, {"a": 2}])) == "json_too_large"

    def test_geojson(self, tmp_path):
        point = {"type": "Point", "coordinates": [121.5, 31.2]}
        document = {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "id": 7, "properties": {"名称": "甲", "geometry": "x"}, "geometry": point},
                {"type": "Feature", "id": 8, "properties": {"名称": "乙", "geometry": "y"}, "geometry": None},
            ],
        }
        source = read(write(tmp_path / "t.geojson", document))
        table = source.tables[0]
        assert (source.format, table.crs) == ("geojson", "OGC:CRS84")
        assert table.columns == ["id", "名称", "geometry", "geometry_2"]
        assert table.native["geometry_2"] == "geometry"
        assert json.loads(rows(source)[0][4]) == point
        assert rows(source)[1][4] is None


class TestParquet:
    def test_types_are_remembered_and_values_are_text(self, tmp_path):
        table = pa.table(
            {
                "整数": pa.array([1, None]),
                "日期": pa.array([datetime.date(2019, 7, 8), None]),
                "时刻": pa.array(
                    [datetime.datetime(2019, 7, 8, 1, 30, tzinfo=datetime.UTC), None], pa.timestamp("us", "UTC")
                ),
                "列表": pa.array([[1, 2], None]),
                "文本": pa.array(["", "甲"]),
                "文本2": pa.array(["乙", "甲"]).dictionary_encode(),
            }
        )
        pq.write_table(table, tmp_path / "t.parquet")
        source = read(tmp_path / "t.parquet")
        assert source.tables[0].native == {"整数": "int64", "日期": "date", "时刻": "timestamp"}
        first, second = rows(source)
        assert first == (1, "1", "2019-07-08", "2019-07-08 09:30:00.000000", "[1,2]", None, "乙")
        assert second == (2, None, None, None, None, "甲", "甲")

    def test_broken(self, tmp_path):
        (tmp_path / "t.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
        assert refused(tmp_path / "t.parquet") == "broken_parquet"


class TestShapefiles:
    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        import pyogrio
        import shapely

        folder = tmp_path / "shapes"
        folder.mkdir()
        pyogrio.raw.write(
            folder / "区界.shp",
            shapely.to_wkb([shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2)]),
            [__import__("numpy").array(["徐汇区", "长宁区"], dtype=object), __import__("numpy").array([1.5, 2.5])],
            ["名称", "面积"],
            geometry_type="Polygon",
            crs="EPSG:4326",
            encoding="GBK",
        )
        (folder / "区界.cpg").unlink()
        return folder

    def test_gbk_attributes_without_cpg(self, folder):
        source = read(folder / "区界.shp")
        table = source.tables[0]
        assert (source.format, source.encoding, table.crs) == ("shapefile", "gb18030", "EPSG:4326")
        assert table.columns == ["名称", "面积", "geometry"]
        assert table.native == {"面积": "float64", "geometry": "geometry"}
        assert rows(source)[1][1] == "长宁区"
        assert json.loads(rows(source)[0][3])["type"] == "Polygon"
        assert sorted(p.suffix for p in folder.glob("区界.*")) == [".dbf", ".prj", ".shp", ".shx"], (
            "the source folder is untouched"
        )

    def test_zipped(self, folder, tmp_path):
        with zipfile.ZipFile(tmp_path / "区界.zip", "w") as archive:
            for part in folder.glob("区界.*"):
                archive.write(part, f"数据/{part.name}")
        source = read(tmp_path / "区界.zip")
        assert source.tables[0].name == "区界"
        assert rows(source)[0][1] == "徐汇区"
        assert [p.name for p in source.tables[0].path.parent.iterdir()] == ["0.parquet"]

    def test_parts_and_broken_ones(self, folder, tmp_path):
        assert refused(folder / "区界.dbf") == "unsupported"
        (tmp_path / "t.shp").write_bytes(b"\x00\x00\x27\x0a" + bytes(20))
        assert refused(tmp_path / "t.shp") == "broken_shapefile"
