"""Bytes of text are covered in place, whatever letters they hold."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.copies.cover import covered, overwritten
from analyzer.model.redact import NONE, Secrets


def test_letters_of_several_bytes_keep_their_room() -> None:
    text = '{"name": "Zoë", "api_key": "pässwörd\U0001f511"}'
    clean = covered(text.encode(), NONE)
    assert len(clean) == len(text.encode())
    assert clean.decode() == '{"name": "Zoë", "api_key": "' + "x" * len("pässwörd\U0001f511".encode()) + '"}'


def test_what_is_no_text_stays_none() -> None:
    assert covered(b"token=abc\r\n\xff and more", NONE) == b"xxxxxxxxx\r\n\xffxxxxxxxxx"
    assert overwritten(b"a\nb\r\n") == b"x\nx\r\n"


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode), st.sets(st.text(min_size=3, max_size=6), max_size=3))
def test_lengths_stay(content: bytes, values: set[str]) -> None:
    assert len(covered(content, Secrets(frozenset(values)))) == len(content)
