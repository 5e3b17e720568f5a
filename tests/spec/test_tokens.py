"""Tokens: FF1 against NIST's samples; one token of the same form for each value, which the key turns back."""

import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.tables.ff1 import FF1
from gongshu.tables.tokens import tokens, untokened

KEY, OTHER = bytes(range(32)), bytes(32)
NUMERALS = string.digits + string.ascii_lowercase
AES = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
TEN, ELEVEN = "39383736353433323130", "3737373770717273373737"
# NIST, "FF1samples" of the cryptographic algorithm examples: bits of the key, radix, tweak, plain text, cipher text
SAMPLES = [
    (128, 10, "", "0123456789", "2433477484"),
    (128, 10, TEN, "0123456789", "6124200773"),
    (128, 36, ELEVEN, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (192, 10, "", "0123456789", "2830668132"),
    (192, 10, TEN, "0123456789", "2496655549"),
    (192, 36, ELEVEN, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (256, 10, "", "0123456789", "6657667009"),
    (256, 10, TEN, "0123456789", "1001623463"),
    (256, 36, ELEVEN, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]


def text(number: int, radix: int, length: int) -> str:
    found = ""
    for _ in range(length):
        number, rest = divmod(int(number), radix)
        found = NUMERALS[rest] + found
    return found


@pytest.mark.parametrize("wide", [False, True], ids=["64 bits", "any size"])
@pytest.mark.parametrize(("bits", "radix", "tweak", "plain", "wanted"), SAMPLES)
def test_the_samples_of_nist(bits, radix, tweak, plain, wanted, wide):
    cipher = FF1(bytes.fromhex(AES)[: bits // 8], radix, len(plain), bytes.fromhex(tweak))
    cipher._fits = cipher._fits and not wide
    halves = [np.array([int(part, radix)], dtype=object) for part in (plain[: cipher.first], plain[cipher.first :])]
    a, b = cipher.encrypt(*halves)
    assert text(a[0], radix, cipher.first) + text(b[0], radix, cipher.last) == wanted
    assert [int(one[0]) for one in cipher.decrypt(a, b)] == [int(one[0]) for one in halves]


def test_a_domain_that_can_be_guessed_is_refused():
    with pytest.raises(ValueError, match="domain"):
        FF1(KEY, 10, 5)


def classes(value: str) -> list[str]:
    def kind(one: str) -> str:
        known = {"0": string.digits, "A": string.ascii_uppercase, "a": string.ascii_lowercase}
        found = next((name for name, characters in known.items() if one in characters), "")
        return found or ("汉" if "\u4e00" <= one <= "\u9fff" else one)

    return [kind(one) for one in value]


texts = st.one_of(
    st.text(st.sampled_from("0123456789AZaz张三丰-· \u0000😀"), max_size=30),
    st.text(max_size=12),
    st.from_regex(r"\A1[3-9][0-9]{9}\Z"),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), texts), max_size=20), st.sampled_from(["characters", "resident_id"]))
def test_every_token_has_the_form_of_its_value_and_turns_back(values, form):
    column = pa.array(values, pa.string())
    made = tokens(column, KEY, form)
    back = untokened(made, KEY, form)
    for value, token, again in zip(values, made.to_pylist(), back.to_pylist(), strict=True):
        if token is not None:
            assert classes(value) == classes(token) or form == "resident_id"
            assert again == value
    known = [(value, token) for value, token in zip(values, made.to_pylist(), strict=True) if token is not None]
    assert len({value for value, _ in known}) == len({token for _, token in known})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.from_regex(r"\A[0-9]{17}[0-9X]\Z"), min_size=1, max_size=30))
def test_resident_ids_become_numbers_of_the_same_form(values):
    made = tokens(pa.array(values), KEY, "resident_id")
    assert all(len(one) == 18 and one[:17].isdecimal() and one[17] in "0123456789X" for one in made.to_pylist())
    assert untokened(made, KEY, "resident_id").to_pylist() == values


def test_what_is_around_stays_and_what_is_too_short_gets_none():
    made = tokens(pa.array(["021-6200 1234", "张三", "12345", "", None, "6" * 300, "ab12345678\0"]), KEY).to_pylist()
    assert made[0][3] == "-" and made[0][8] == " " and len(made[0]) == 13 and made[1] != "张三"
    assert made[2:] == [None] * 5
    assert tokens(pa.array(["张三", "310104200101011234"]), KEY, "resident_id").to_pylist()[0] is None
    assert tokens(pa.array([], pa.string()), KEY).to_pylist() == []


def test_a_token_depends_on_the_key_alone():
    column = pa.array(["13812345678", "13812345679"])
    first, second = tokens(column, KEY).to_pylist()
    assert tokens(column.slice(1), KEY).to_pylist() == [second] and first != second
    assert untokened(tokens(column, KEY), OTHER).to_pylist() != column.to_pylist()
    # long numbers go beyond 64 bits
    long = pa.array(["9" * 40, "913100006073500272AB"])
    assert untokened(tokens(long, KEY), KEY) == long
