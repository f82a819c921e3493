"""Names of link types: every one that is read has a name."""

from wrapping import LINKS

from analyzer.wire.link_names import link_name


def test_what_is_read_has_a_name() -> None:
    assert not [link for link, _ in LINKS.values() if link_name(link).startswith("linktype")]


def test_what_has_no_name_has_its_number() -> None:
    assert link_name(147) == "linktype-147"
