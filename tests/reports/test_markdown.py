"""The Markdown report: complete for a ticket, and no captured string becomes markup."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analyzer.model.report import Report, SessionReport
from analyzer.reports import render
from analyzer.reports.markdown import DETAILED, cell, code, escape, prose
from analyzer.reports.phrases import printable

Make = Callable[..., Report]
OF_A_LIST = {
    *("bullet_list_open", "list_item_open", "paragraph_open", "inline"),
    *("paragraph_close", "list_item_close", "bullet_list_close"),
}
"""What a list of one line is made of."""


def test_an_error_says_what_support_needs(make_report: Make, silent: SessionReport) -> None:
    text = render(make_report(silent), "markdown")
    support = text.partition("#### For support")[2]
    assert "The error received: 1011 by server" in support
    assert "The request ID: `5002d33e-31f3-4a45-a26e-da2763dfeabd`" in support
    assert "`analyzer audio capture.pcap -o audio --session 1`" in support
    assert "related code" in support


def test_a_healthy_session_needs_no_support(make_report: Make, healthy: SessionReport) -> None:
    text = render(make_report(healthy), "markdown")
    assert "### Session 1: ok" in text
    assert "For support" not in text


@pytest.mark.parametrize(
    ("captured", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("[click](http://evil)", r"\[click\](http\://evil)"),
        ("`rm`", r"\`rm\`"),
        ("**bold** _it_ sample_rate", r"\*\*bold\*\* \_it\_ sample_rate"),
        ("# head", r"\# head"),
        ("&lt; @team", "&amp;lt; @<!-- -->team"),
        ("two\nlines", "two lines"),
    ],
)
def test_captured_text_is_no_markup(captured: str, shown: str) -> None:
    assert escape(captured) == shown


@pytest.mark.parametrize(
    ("captured", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a|b`"), ("", ""), ("a\nb", "`a b`")]
)
def test_code_spans_hold_whatever_is_in_them(captured: str, shown: str) -> None:
    assert code(captured) == shown
    assert cell(captured) == shown.replace("|", r"\|")


def test_words_between_backquotes_are_code() -> None:
    assert prose("with 401: `<b>|no`, or `x`.") == "with 401: `<b>|no`, or `x`."
    assert prose("a `b <i>") == r"a \`b &lt;i&gt;"


@example("__0__")
@given(st.text(st.sampled_from("`ab_ \\*_[]()<>&|~#!@:\n-1.") | st.characters(), max_size=40))
def test_prose_says_what_it_was_made_of_and_nothing_comes_of_it(said: str) -> None:
    def heard(tokens: list[Token]) -> str:
        return "".join(token.content for token in tokens if token.type in ("text", "text_special", "code_inline"))

    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"- It: {prose(said)}")
    inline = next(token.children for token in tokens if token.children is not None)
    assert {token.type for token in tokens} == OF_A_LIST
    assert {token.type for token in inline} <= {"text", "text_special", "code_inline", "html_inline"}
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<!-- -->"}  # which parts a mention
    assert letters(heard(inline)) == letters(f"It:{printable(said)}")


def letters(text: str) -> str:
    """A text without what code spans are written with, and without the blanks at their ends."""
    return re.sub(r"[`\s]", "", text)


def test_hostile_values_do_not_break_the_table(make_report: Make, silent: SessionReport) -> None:
    hostile = "x` | y\n| z <b>"
    session = replace(silent, upgrade={**silent.upgrade, "target": hostile, "request_id": hostile, "error": hostile})
    text = render(make_report(session), "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert "<b>" not in re.sub(r"(`+).*?[^`]\1(?!`)", "", text)


def test_many_sessions_start_with_a_table(make_report: Make, healthy: SessionReport, rejected: SessionReport) -> None:
    text = render(make_report(*[healthy] * 170, *[rejected] * 30), "markdown")
    assert sum(line.startswith("| ") for line in text.partition("### ")[0].splitlines()) == 201
    assert text.count("### Session") == DETAILED
    assert "10 more sessions" in text
