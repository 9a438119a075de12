"""The loader takes JSON and refuses everything else for a reason in plain words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.dialects import strict_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_is_json_comes_back_as_it_was(value: object) -> None:
    assert strict_json.load(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b"{} {}", "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":"\xc3"}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e400]", "a number too large"),
        (b'{"a":{"b":1,"b":1}}', "the same key twice"),
        (b'"\\ud800"', "half a character (a lone surrogate)"),
        (b'{"\\udfff":1}', "half a character (a lone surrogate)"),
        (b"[" * 51 + b"]" * 51, "nested deeper than 50 levels"),
        (b'{"a":' * 9000, "nested deeper than 50 levels"),
        (b'"' + b"x" * 65535 + b'"', "longer than 65536 bytes"),
    ],
)
def test_what_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(strict_json.NotStrictJson) as refused:
        strict_json.load(payload)
    assert str(refused.value) == reason


def test_fifty_levels_are_fine_and_brackets_in_texts_are_no_levels() -> None:
    strict_json.load(b"[" * 50 + b"]" * 50)
    strict_json.load(json.dumps(["[{" * 100, '\\"[' * 100] + [[]] * 100).encode())


@given(st.binary() | st.text(st.sampled_from('[]{}"\\:,1eNaN ud8')).map(str.encode))
def test_it_raises_one_thing_only(payload: bytes) -> None:
    try:
        strict_json.load(payload)
    except strict_json.NotStrictJson as refused:
        assert str(refused)
