"""The forms that values have, each true or false for a value, over Arrow arrays of the different values of a column.

A form is looked for only among values that can have it (their length, Han characters or none), so that most cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gongshu.rulebooks import rulebook
from gongshu.tables.semantic import checks, divisions
from gongshu.tables.semantic.checks import Check, Mask
from gongshu.tables.semantic.patterns import regex
from gongshu.tables.semantic.types import derived, semantic_types

VALUES = "semantic-2026/values"
ANY = (1, 1 << 30)


@dataclass(frozen=True)
class Form:
    """``pattern``: RE2; ``sizes``: least and greatest length; ``han``: only values with (True) or without (False) Han characters.

    ``packed``: of the value without spaces and hyphens; ``of``: another form that the value must show first;
    ``words``: known values; ``check``: a check digit; ``test``: anything else that can be told of texts.
    """

    pattern: str | None = None
    sizes: tuple[int, int] = ANY
    han: bool | None = None
    packed: bool = False
    of: str | None = None
    words: frozenset[str] | None = None
    check: Check | None = None
    test: Callable[[pa.StringArray], Mask] | None = None


class Values:
    """The different values of a column, normalised and in upper case, and how often each stands there."""

    def __init__(self, texts: pa.StringArray, counts: np.ndarray) -> None:
        self.text, self.counts = texts, counts
        self.size = _numpy(pc.utf8_length(texts))
        self._shown: dict[str, Mask] = {}
        self._shortest, self._longest = (int(self.size.min()), int(self.size.max())) if len(texts) else (0, -1)

    @cached_property
    def packed(self) -> pa.StringArray:
        return pc.replace_substring_regex(self.text, "[ \\-\u2010-\u2015\u3000]", "")

    @cached_property
    def packed_size(self) -> np.ndarray:
        return _numpy(pc.utf8_length(self.packed))

    @cached_property
    def han(self) -> Mask:
        # a text of ASCII has as many bytes as characters
        wide = _numpy(pc.binary_length(self.text)) > self.size
        return _where(wide, self.text, lambda texts: _match(texts, regex("han")))

    @cached_property
    def _any_han(self) -> bool:
        return bool(self.han.any())

    def may_show(self, name: str) -> bool:
        """Whether any value can show the form, by their lengths and characters: false for most forms of most columns."""
        form = form_of(name)
        if self._longest < form.sizes[0] or (not form.packed and self._shortest > form.sizes[1]):
            return False
        if form.han and not self._any_han:
            return False
        return form.of is None or self.may_show(form.of)

    def shows(self, name: str) -> Mask:
        """Which values show the form."""
        if name not in self._shown:
            self._shown[name] = self._look(form_of(name))
        return self._shown[name]

    def texts(self, name: str) -> pa.StringArray:
        """The values that show the form."""
        return self.text.filter(pa.array(self.shows(name)))

    def _look(self, form: Form) -> Mask:
        texts, size = (self.packed, self.packed_size) if form.packed else (self.text, self.size)
        asked = (size >= form.sizes[0]) & (size <= form.sizes[1])
        if form.han is not None and asked.any():
            asked = asked & (self.han == form.han)
        if form.of and asked.any():
            asked = asked & self.shows(form.of)
        for test in _tests(form):
            asked = _where(asked, texts, test)
        return asked


def _tests(form: Form) -> list[Callable[[pa.StringArray], Mask]]:
    tests: list[Callable[[pa.StringArray], Mask]] = []
    if form.words is not None:
        known = pa.array(sorted(form.words))
        tests.append(lambda texts: _numpy(pc.is_in(texts, value_set=known)))
    if form.pattern is not None:
        pattern = form.pattern
        tests.append(lambda texts: _match(texts, pattern))
    tests += [test for test in (form.check, form.test) if test is not None]
    return tests


def _where(asked: Mask, texts: pa.StringArray, test: Callable[[pa.StringArray], Mask]) -> Mask:
    """``test`` of the texts that are asked, false for the others."""
    if not asked.any():
        return asked
    if asked.all():
        return test(texts)
    answer = np.zeros(len(texts), dtype=bool)
    answer[asked] = test(texts.filter(pa.array(asked)))
    return answer


def _numpy(array: pa.Array) -> np.ndarray:
    found: np.ndarray = array.to_numpy(zero_copy_only=False)
    return found


def _match(texts: pa.StringArray, pattern: str) -> Mask:
    return _numpy(pc.match_substring_regex(texts, pattern))


def number_array(texts: pa.StringArray) -> np.ndarray:
    """The texts as numbers; all of them must be written as such, thousands separators are allowed."""
    return _numpy(pc.cast(pc.replace_substring(texts, ",", ""), pa.float64()))


def _between(low: float, high: float) -> Callable[[pa.StringArray], Mask]:
    def test(texts: pa.StringArray) -> Mask:
        numbers = number_array(texts)
        answer: Mask = (numbers >= low) & (numbers <= high)
        return answer

    return test


def _surnamed(texts: pa.StringArray) -> Mask:
    """A surname of the rulebook and a given name of one or two characters."""
    book = rulebook("semantic-2026/surnames")
    size = _numpy(pc.utf8_length(texts))
    one = _numpy(
        pc.is_in(pc.utf8_slice_codeunits(texts, 0, 1), value_set=pa.array(list(book["single"] + book["traditional"])))
    )
    two = _numpy(pc.is_in(pc.utf8_slice_codeunits(texts, 0, 2), value_set=pa.array(book["compound"])))
    answer: Mask = (one & (size >= 2) & (size <= 3)) | (two & (size >= 3))
    return answer


def _commonly_surnamed(texts: pa.StringArray) -> Mask:
    common = pa.array(list(rulebook("semantic-2026/surnames")["common"]))
    return _numpy(pc.is_in(pc.utf8_slice_codeunits(texts, 0, 1), value_set=common))


def _ending_as_given_names(texts: pa.StringArray) -> Mask:
    given = pa.array(list(rulebook("semantic-2026/surnames")["given_endings"]))
    return _numpy(pc.is_in(pc.utf8_slice_codeunits(texts, -1), value_set=given))


def _prefectures() -> frozenset[str]:
    book = rulebook("semantic-2026/divisions")
    return frozenset([*book["prefectures"], *(f"{province}00" for province in book["provinces"])])


def _divided(texts: pa.StringArray) -> Mask:
    known = pa.array(sorted(_prefectures()))
    return _numpy(pc.is_in(pc.utf8_slice_codeunits(texts, 0, 4), value_set=known))


def _ethnicities() -> frozenset[str]:
    names = rulebook(VALUES)["ethnicities"]
    return frozenset([*names, *(f"{name}族" for name in names), "其他", "其它", "穿青人", "外国血统", "未识别民族"])


@derived
def form_of(name: str) -> Form:
    """A form by its name, or the form of a declared type by its code; ``code!`` adds its check digit, ``code?`` its codes."""
    if name in forms():
        return forms()[name]
    code = name.rstrip("!?")
    kind = semantic_types()[code]
    if name.endswith("?"):
        return Form(words=kind.codes)
    if name.endswith("!"):
        return Form(of=code, packed=kind.packed, check=kind.check)
    if kind.pattern is None:
        return Form(words=kind.dictionary)
    if kind.dictionary:
        pattern, words = kind.pattern, pa.array(sorted(kind.dictionary))
        return Form(
            sizes=kind.sizes,
            packed=kind.packed,
            test=lambda texts: _match(texts, pattern) | _numpy(pc.is_in(texts, value_set=words)),
        )
    return Form(kind.pattern, sizes=kind.sizes, packed=kind.packed)


FORMS: dict[str, Form] = {}


def forms() -> dict[str, Form]:
    """The forms that the judges ask for by name."""
    if not FORMS:
        FORMS.update(_forms())
    return FORMS


def _forms() -> dict[str, Form]:
    values = rulebook(VALUES)
    letters = frozenset(values["sexes"])

    def form(name: str, low: int = 1, high: int = 1 << 30, **more: Any) -> Form:
        return Form(regex(name), (low, high), **more)

    return {
        "resident_18": form("resident_18", 18, 18, packed=True),
        "resident_18_valid": Form(of="resident_18", packed=True, check=checks.resident_18),
        "resident_15": form("resident_15", 15, 15, packed=True),
        "resident_loose": form("resident_loose", 15, 18, packed=True),
        "resident_cut": form("resident_cut", 17, 17, packed=True),
        "resident_masked": form("resident_masked", 15, 18),
        "excel_long": form("excel_long", 7, 26),
        "uscc": form("uscc", 18, 18, packed=True),
        "uscc_loose": form("uscc_loose", 18, 18, packed=True),
        "uscc_valid": Form(of="uscc", packed=True, check=checks.credit_code),
        "uscc_masked": form("uscc_masked", 18, 18),
        "card": form("card", 15, 19, packed=True),
        "card_valid": Form(of="card", packed=True, check=checks.luhn),
        "card_masked": form("card_masked", 10, 24),
        "mobile": form("mobile", 11, 20),
        "mobile_any": form("mobile_any", 11, 20),
        "mobile_prefixed": Form("^[(]?([+]|00)86", of="mobile"),
        "mobile_masked": form("mobile_masked", 11, 11),
        "landline_full": form("landline_full", 5, 24),
        "landline_local": form("landline_local", 5, 24),
        "hotline": form("hotline", 3, 14),
        "plate": form("plate", 7, 9, han=True),
        "plate_masked": form("plate_masked", 7, 8, han=True),
        "email": form("email", 6, 200),
        "ip": Form(regex("ip"), (7, 45), test=lambda texts: ~_match(texts, regex("mac"))),
        "mac": form("mac", 14, 17),
        "passport": form("passport", 9, 9),
        "hk_macau_permit": form("hk_macau_permit", 9, 11),
        "medical_record": form("medical_record", 5, 20),
        "medical_prefix": form("medical_prefix", 5, 20),
        "icd": form("icd", 3, 12, han=False),
        "icd_dotted": form("icd_dotted", 5, 12, han=False),
        "diagnosis": form("diagnosis", 2, 40, han=True),
        "department": Form(
            "(科|门诊|病房|病区|床|室|中心|检测|治疗|器|架|药|胶囊|颗粒|注射液|片)$", (2, 40), of="diagnosis"
        ),
        "organisation": form("organisation", 4, han=True),
        "place_ending": form("place_ending", han=True),
        "division_ending": form("division_ending", 2, 15, han=True),
        "road": form("road", han=True),
        "street_number": form("street_number", han=True),
        "dwelling": form("dwelling", 6, han=True),
        "embedded": form("embedded", 14, han=True),
        "date": form("date", 8, 11),
        "date_short": form("date_short", 6, 8),
        "date_other": form("date_other", 6, 20),
        "date_chinese": form("date_chinese", 8, 14, han=True),
        "year_month": form("year_month", 6, 8),
        "datetime": form("datetime", 10, 40),
        "number": form("number", han=False),
        "decimal": Form("[.]", of="number"),
        "money": form("money", 2, 40),
        "epoch_10": Form("^[0-9]{10}$", (10, 10), test=_between(631_152_000, 2_208_988_800)),
        "epoch_13": Form("^[0-9]{13}$", (13, 13), test=_between(631_152_000_000, 2_208_988_800_000)),
        "excel_day": Form("^[0-9]{5}([.][0-9]+)?$", (5, 20), test=_between(20_000, 65_000)),
        "year": Form("^[12][0-9]{3}$", (4, 4), test=_between(1800, 2100)),
        "year_marked": Form("^(1[89]|20|21)[0-9]{2}(年|年度|学年)$", (5, 6)),
        "classified": Form("[;；|>/].", han=True),
        "age": Form("^[0-9]{1,3}(岁|周岁)?$", (1, 5), test=_aged),
        "percent_range": Form(of="number", test=_between(-100, 100)),
        "coordinate": form("coordinate", 4, 24, han=False),
        "coordinate_fine": form("coordinate_fine", 4, 24, han=False),
        "longitude_range": Form(of="coordinate", test=_between(73, 136)),
        "latitude_range": Form(of="coordinate", test=_between(3, 54)),
        "digits": form("digits"),
        "division_code": Form("^([0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$", (4, 12), test=_divided),
        "province_code": Form(sizes=(2, 2), words=frozenset(rulebook("semantic-2026/divisions")["provinces"])),
        "digits_6": form("postcode", 6, 6),
        "han": form("han", han=True),
        "han_only": form("han_only", han=True),
        "person": Form(
            regex("person_length"),
            (2, 4),
            han=True,
            test=lambda texts: (
                _surnamed(texts) & ~_numpy(pc.is_in(texts, value_set=pa.array(values["reserved_words"])))
            ),
        ),
        "person_common": Form(of="person", test=_commonly_surnamed),
        "person_given": Form(of="person", test=_ending_as_given_names),
        "person_dotted": form("person_dotted", 3, 40, han=True),
        "person_latin": form("person_latin", 2, 40),
        "person_masked": form("person_masked", 2, 5, han=True),
        "ethnicity": Form(sizes=(1, 8), words=_ethnicities()),
        "ethnicity_code": Form("^(0?[1-9]|[1-4][0-9]|5[0-6]|9[789])$", (1, 2)),
        "sex": Form(sizes=(1, 6), words=letters),
        "sex_male": Form(sizes=(1, 6), words=frozenset(values["sexes_male"])),
        "sex_female": Form(sizes=(1, 6), words=frozenset(values["sexes_female"])),
        "sex_code": Form(sizes=(1, 1), words=frozenset(["0", "1", "2", "9"])),
        "division_name": Form(sizes=(2, 12), han=True, words=divisions.every_name()),
        "division_retired": Form(sizes=(2, 12), han=True, words=divisions.retired_names()),
        "starred": Form(r"[*＊●×]{2,}|\*"),
    }


def _aged(texts: pa.StringArray) -> Mask:
    numbers = number_array(pc.replace_substring_regex(texts, "[^0-9]", ""))
    answer: Mask = numbers <= 120
    return answer
