"""The benchmark table: synthetic enterprises, deterministic (seed 20190101), 173 MB for a million rows.

usage: python -m benchmarks.enterprises ROWS OUT.csv
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

DISTRICTS = "黄浦区 徐汇区 长宁区 静安区 普陀区 虹口区 杨浦区 闵行区 宝山区 嘉定区 浦东新区 金山区 松江区 青浦区 奉贤区 崇明区".split()
DISTRICT_WEIGHTS = [4, 5, 4, 5, 5, 4, 5, 10, 8, 10, 22, 4, 6, 4, 7, 3]
INDUSTRIES = (
    "农业 采矿业 制造业 电力供应 建筑业 批发零售 交通运输 住宿餐饮 信息技术 金融业 "
    "房地产 租赁商务 科学研究 水利环境 居民服务 教育 卫生 文化体育 公共管理 国际组织"
).split()
INDUSTRY_WEIGHTS = [2, 1, 14, 1, 7, 26, 5, 5, 9, 3, 4, 9, 6, 1, 4, 1, 1, 2, 1, 1]
STATUSES = {"存续": 78, "注销": 17, "吊销": 3, "迁出": 2}
HEADS = (
    "华 申 浦 海 东 新 金 银 盛 泰 恒 永 宏 瑞 祥 和 安 康 泽 润 天 元 隆 达 通 汇 联 创 智 云 数 联合 星 辰 光".split()
)
TAILS = "科技 贸易 实业 物流 餐饮管理 信息技术 电子商务 建筑工程 生物医药 新能源 文化传媒 投资管理 环保 机械设备 数据服务".split()
ROADS = "南京东路 淮海中路 延安西路 中山北路 四平路 世纪大道 张杨路 龙阳路 沪闵路 共和新路 曹安公路 沪南公路 金沙江路 长宁路 虹桥路 漕宝路".split()
CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
COLUMNS = "id uscc name district industry status reg_date capital_wan employees lon lat address".split()


def write(rows: int, out: Path) -> Path:
    """Write the table to ``out`` unless it is there; returns ``out``."""
    if out.exists():
        return out
    rng, start = random.Random(20190101), date(1990, 1, 1)
    span = (date(2025, 12, 31) - start).days
    beside = out.with_suffix(".part")
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for i in range(1, rows + 1):
            district = rng.choices(DISTRICTS, DISTRICT_WEIGHTS)[0]
            name = f"上海{rng.choice(HEADS)}{rng.choice(HEADS)}{rng.choice(TAILS)}有限公司"
            writer.writerow(
                [
                    i,
                    "91310" + "".join(rng.choices(CODE, k=13)),
                    name,
                    district,
                    rng.choices(INDUSTRIES, INDUSTRY_WEIGHTS)[0],
                    rng.choices(list(STATUSES), STATUSES.values())[0],
                    (start + timedelta(days=int(span * rng.random() ** 0.5))).isoformat(),
                    "" if rng.random() < 0.005 else f"{rng.lognormvariate(5, 1.6):.2f}",
                    int(rng.lognormvariate(2, 1.2)),
                    f"{121.0 + 0.9 * rng.random():.6f}",
                    f"{30.7 + 0.8 * rng.random():.6f}",
                    ""
                    if rng.random() < 0.01
                    else f"上海市{district}{rng.choice(ROADS)}{rng.randint(1, 2999)}号{rng.randint(1, 40)}幢",
                ]
            )
    beside.rename(out)
    return out


def table(rows: int) -> Path:
    """The table of ``rows`` rows in the temp folder, made when it is not there."""
    return write(rows, Path(tempfile.gettempdir()) / f"gongshu-enterprises-{rows}.csv")


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
