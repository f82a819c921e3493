"""Every rule has its page, and the catalogue has every rule of the contract."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import analyzer.rules
from analyzer.model.errors import UsageError
from analyzer.rules import Rule, all_rules, page
from analyzer.rules._pages import HEADINGS, parse

CONTRACT = [
    "empty-binary-frame",
    "keepalive-as-binary",
    "control-as-binary",
    "malformed-control",
    "silence-gap",
    "keepalive-without-audio",
    "no-audio",
    "encoding-not-declared",
    "net-0001",
    "net-0000",
    "data-0000",
    "upgrade-rejected",
    "connection-refused",
    "no-response",
    "abrupt-close",
    "no-close-stream",
    "audio-after-close-stream",
    "base64-audio",
    "format-mismatch",
    "digital-silence",
    "pacing-fast",
    "pacing-slow",
    "capture-incomplete",
    "tls-not-decrypted",
]

every_rule = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)


def test_every_rule_of_the_contract_is_there() -> None:
    assert set(CONTRACT) <= {rule.slug for rule in all_rules()}


def test_a_rule_has_the_name_of_its_file() -> None:
    files = {path.stem for path in Path(analyzer.rules.__file__).parent.glob("[a-z]*.py")}
    assert files == {rule.slug.replace("-", "_") for rule in all_rules()}


@every_rule
def test_a_page_has_every_section(rule: Rule) -> None:
    sections = page(rule.slug).sections()
    assert tuple(heading for heading, _ in sections) == HEADINGS
    assert all(text.strip() for _, text in sections)
    assert rule.title.endswith(".")
    assert len(rule.title) < 100
    assert rule.page.remedy.endswith(".")
    assert "\n" not in rule.page.remedy


@every_rule
def test_a_page_refers_to_rules_that_exist(rule: Rule) -> None:
    slugs = {one.slug for one in all_rules()}
    text = " ".join(text for heading, text in page(rule.slug).sections() if heading != "Example")
    referred = re.findall(r"\bsee ((?:[a-z0-9]+-)+[a-z0-9]+)", text)
    assert set(referred) <= slugs


def test_an_unknown_rule_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no rule 'nothing'.*silence-gap"):
        page("nothing")


@pytest.mark.parametrize(
    "docstring",
    [None, "A title.", "A title.\n\nWhat to do\nx\n\nWhat it means\nx", "\n".join(["A title.", *HEADINGS])],
    ids=["none", "no sections", "wrong order", "empty sections"],
)
def test_a_docstring_without_its_sections_is_refused(docstring: str | None) -> None:
    with pytest.raises(ValueError, match="rule some-rule"):
        parse("some-rule", docstring)


def test_the_catalogue_needs_no_numpy_to_import() -> None:
    code = "import sys, analyzer.rules, analyzer.providers; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
