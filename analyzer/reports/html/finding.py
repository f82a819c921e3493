"""A finding with its evidence and what its rule says of it; and the rules' pages, each once.

In: `Finding`s, and the pages of their rules by slug. Out: HTML.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from analyzer.model.rule_page import EXAMPLE, paragraphs
from analyzer.reports.html.markup import code, element, listed, marked, text
from analyzer.reports.phrases import seconds

if TYPE_CHECKING:
    from analyzer.model.finding import Finding
    from analyzer.model.rule_page import RulePage

Pages = Mapping[str, "RulePage"]
"""By name of the rule."""
_VALUE_LENGTH = 200
_UNITS: Mapping[str, Callable[[float], str]] = {"_s": seconds, "_dbfs": "{:.2f} dBFS".format, "_share": "{:.1%}".format}
"""How numbers are written whose name ends so."""


def finding(one: "Finding", key: str, pages: Pages) -> str:
    """Write it. The script makes buttons of packets and times, which open the frames around them."""
    severity = str(one.severity)
    head = element("p", element("span", severity, class_=f"badge {severity}") + element("span", text(one.rule), class_="rule"))
    said = element("h4", marked(one.text))
    rows = [("Where", _where(one)), ("Packets", _packets(one))]
    if one.filter:
        rows.append(("Wireshark", code(one.filter, copy=True)))
    if one.remedy:
        rows.append(("What to do", marked(one.remedy)))
    if one.values:
        rows.append(("Measured", _values(one.values)))
    more = _explained(one.rule, pages)
    evidence = listed(((name, value) for name, value in rows if value), class_="evidence")
    return element("article", f"{head}{said}{evidence}{more}", class_=f"finding {severity}", id=key)


def _where(one: "Finding") -> str:
    """Side and time; how often, and how sure."""
    parts = [text(one.side)] if one.side else []
    if one.time_s is not None:
        begin, until = seconds(one.time_s), seconds(one.until_s)
        single = one.until_s is None or begin == until
        shown = f"at {begin}" if single else f"from {begin} to {until}"
        parts.append(element("span", text(shown), data_at=one.time_s, data_until=one.time_s if single else one.until_s))
    if one.count > 1:
        parts.append(f"{one.count:,} times")
    if one.confidence != "certain":
        parts.append(text(one.confidence))
    return ", ".join(parts)


def _packets(one: "Finding") -> str:
    listing = " ".join(element("span", str(number), data_packet=number) for number in one.packets)
    return element("span", listing, class_="packets") if listing else ""


def _values(values: Mapping[str, object]) -> str:
    said = (_measured(name, value) for name, value in values.items())
    return element(
        "span", "; ".join(f"{text(name)} {element('b', text(value, _VALUE_LENGTH))}" for name, value in said), class_="values"
    )


def _measured(name: str, value: object) -> tuple[str, str]:
    """Name and value as a person writes them: the unit that ends the name goes behind the number."""
    for ending, written in _UNITS.items():
        if name.endswith(ending) and isinstance(value, int | float):
            return name.removesuffix(ending).replace("_", " "), written(value)
    grouped = "bytes" in name and isinstance(value, int)
    return name.replace("_", " "), f"{value:,}" if grouped else _value(value)


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unknown"}[value]
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_value(one) for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(" ".join(_measured(name, one)) for name, one in value.items() if one is not None) or "none"
    return str(value)


def _explained(rule: str, pages: Pages) -> str:
    """What the finding means, and where the rule's whole page is."""
    if rule not in pages:
        return ""
    heading, meaning = pages[rule].sections()[0]
    link = element("a", "How it is found, when it stays silent, references", href=f"#rule-{rule}")
    return element("details", f"<summary>{text(heading)}</summary>{_paragraphs(meaning)}<p>{link}</p>")


def rule_pages(rules: Iterable[str], pages: Pages) -> Iterator[str]:
    """Write the pages of these rules."""
    for slug in rules:
        body = "".join(f"<h4>{text(heading)}</h4>{_body(heading, said)}" for heading, said in pages[slug].sections())
        heading = f"{element('h3', text(slug))} {marked(pages[slug].summary)}"
        yield element("details", element("summary", heading) + body, class_="page", id=f"rule-{slug}")


def _body(heading: str, said: str) -> str:
    if heading == EXAMPLE:
        return element("pre", "\n".join(text(line) for line in said.split("\n")))
    return _paragraphs(said)


def _paragraphs(said: str) -> str:
    return "".join(element("p", marked(paragraph)) for paragraph in paragraphs(said))
