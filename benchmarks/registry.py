"""The table of the quality benchmark: an invented register of enterprises with errors planted at known rates, as Parquet.

4 columns that must be filled, a key, phone numbers, two dates as text, a capital, a code, and credit codes with check digits.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, n, 31) for n in range(17)]
RESIDENT = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
CODE_FORM = "^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"
PHONE_FORM = "^1[3-9][0-9]{9}$"
INDUSTRIES = "ABCDEFGHIJKLMNOPQRST"


def _list(words: str) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words.split()) + "]"


def table(rows: int) -> Path:
    """The table of ``rows`` rows in the temp folder, made when it is not there."""
    out = Path(tempfile.gettempdir()) / f"gongshu-registry-{rows}.parquet"
    if out.exists():
        return out
    engine = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": f"{out}.spill"})
    credit = "+".join(f"(strpos('{CODE}', substr(s, {n + 1}, 1)) - 1) * {w}" for n, w in enumerate(WEIGHTS))
    person = "+".join(f"cast(substr(s, {n + 1}, 1) AS int) * {w}" for n, w in enumerate(RESIDENT))
    engine.execute(f"CREATE MACRO credit(s) AS substr('{CODE}', 1 + (31 - ({credit}) % 31) % 31, 1)")
    engine.execute(f"CREATE MACRO person(s) AS substr('10X98765432', 1 + ({person}) % 11, 1)")
    # independent and even in [0, 1) for each row and use
    engine.execute("CREATE MACRO u(i, k) AS (hash(i * 97 + k) % 1000003)::double / 1000003")
    engine.execute("CREATE MACRO pick(l, i, k) AS l[1 + (hash(i * 131 + k) % len(l))::int]")
    digits = " || ".join(f"substr('{CODE}', 1 + (i // {31**n})::int % 31, 1)" for n in range(5, -1, -1))
    area = "lpad((101 + (hash(i * {0}) % 19))::varchar, 3, '0')"
    query = f"""
    WITH base AS (SELECT i::bigint AS i,
        '91310' || {area.format(7)} || 'MA' || {digits} || substr('{CODE}', 1 + (hash(i * 11) % 10)::int, 1) AS u17,
        '310' || {area.format(5)} || strftime(date '1950-01-01' + ((hash(i * 13) % 18000)::int), '%Y%m%d')
            || lpad((hash(i * 17) % 1000)::varchar, 3, '0') AS i17
      FROM range({rows}) t(i)),
    named AS (SELECT *, u17 || credit(u17) AS code, i17 || person(i17) AS id0,
        date '1995-01-01' + ((hash(i * 19) % 11000)::int) AS day FROM base)
    SELECT i AS ent_id,
      CASE WHEN u(i, 1) < 0.004 THEN null ELSE pick({_list("上海 浦东 华东 申城 徐汇 静安")}, i, 2)
        || pick({_list("恒 盛 瑞 鑫 博 智 云 泰 远 宏 嘉 联")}, i, 3) || pick({_list("达 通 源 丰 信 创 海 图 康 景")}, i, 4)
        || (hash(i * 23) % 100000)::varchar || pick({_list("信息科技 贸易 物流 餐饮管理 建筑工程 生物医药 文化传播 软件")}, i, 5)
        || pick({_list("有限公司 股份有限公司 合伙企业（有限合伙） 个人独资企业")}, i, 6) END AS ent_name,
      CASE WHEN u(i, 7) < 0.002 THEN null WHEN u(i, 7) < 0.005 THEN lower(code) || '?'
        WHEN u(i, 7) < 0.010 THEN substr(code, 1, 17) || substr('{CODE}', 1 + (strpos('{CODE}', substr(code, 18, 1)) % 31)::int, 1)
        WHEN u(i, 7) < 0.011 AND i > 0 THEN lag(code) OVER (ORDER BY i) ELSE code END AS uscc,
      pick({_list("王 李 张 刘 陈 杨 黄 赵 周 吴 徐 孙")}, i, 8) || pick({_list("伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳")}, i, 9)
        || pick(['', '', '明', '华', '英'], i, 10) AS legal_name,
      CASE WHEN u(i, 11) < 0.003 THEN null WHEN u(i, 11) < 0.008
        THEN substr(id0, 1, 17) || CASE WHEN right(id0, 1) = 'X' THEN '0' ELSE 'X' END ELSE id0 END AS legal_id,
      CASE WHEN u(i, 12) < 0.010 THEN '021-' || (50000000 + hash(i * 29) % 9999999)::varchar WHEN u(i, 12) < 0.03 THEN null
        ELSE '1' || (3 + hash(i * 31) % 7)::varchar || lpad((hash(i * 37) % 1000000000)::varchar, 9, '0') END AS phone,
      CASE WHEN u(i, 13) < 0.006 THEN null ELSE '上海市'
        || pick({_list("浦东新区 徐汇区 长宁区 静安区 普陀区 虹口区 杨浦区 闵行区 宝山区 嘉定区")}, i, 14)
        || pick({_list("中山路 淮海路 张江路 世纪大道 南京西路 曹杨路")}, i, 15)
        || (1 + hash(i * 41) % 2000)::varchar || '号' || (101 + hash(i * 43) % 2900)::varchar || '室' END AS address,
      CASE WHEN u(i, 16) < 0.005 THEN strftime(day, '%Y/%m/%d') WHEN u(i, 16) < 0.008 THEN strftime(day, '%Y') || '-13-45'
        ELSE strftime(day, '%Y-%m-%d') END AS reg_date,
      CASE WHEN u(i, 17) < 0.004 THEN strftime(day - 30, '%Y-%m-%d')
        ELSE strftime(day + (hash(i * 47) % 900)::int, '%Y-%m-%d') END AS approve_date,
      CASE WHEN u(i, 18) < 0.002 THEN -1.0 WHEN u(i, 18) < 0.003 THEN 9e9
        ELSE round(exp(u(i, 19) * 12) * 100) / 100 END AS capital,
      CASE WHEN u(i, 20) < 0.004 THEN 'ZZ' ELSE substr('{INDUSTRIES}', 1 + (hash(i * 53) % 20)::int, 1) END AS industry
    FROM named ORDER BY i"""
    beside = out.with_suffix(".part")
    engine.execute(f"COPY ({query}) TO '{beside}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")
    engine.close()
    beside.rename(out)
    return out
