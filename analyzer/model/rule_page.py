"""The page of a rule: what `analyzer explain`, the HTML page and SARIF show of it."""

from __future__ import annotations

from analyzer.model.dataclass import dataclass

EXAMPLE = "Example"
"""The section that is a script: its lines stand as they are."""
HEADINGS = ("What it means", "How it is found", "When it stays silent", "What to do", "References", EXAMPLE)


@dataclass(frozen=True, slots=True)
class RulePage:
    """What `analyzer explain` shows of a rule. Sections are plain text, paragraphs parted by an empty line."""

    slug: str
    summary: str
    """The title sentence."""
    meaning: str
    how: str
    silent: str
    todo: str
    references: str
    example: str
    """A wire script that shows the finding, one event per line."""

    @property
    def remedy(self) -> str:
        """The first paragraph of what to do, in one line."""
        return paragraphs(self.todo)[0]

    def sections(self) -> tuple[tuple[str, str], ...]:
        """Heading and text of every section, in the order of the page."""
        texts = (self.meaning, self.how, self.silent, self.todo, self.references, self.example)
        return tuple(zip(HEADINGS, texts, strict=True))


def paragraphs(said: str) -> list[str]:
    """The paragraphs of a section, each in one line."""
    return [" ".join(paragraph.split()) for paragraph in said.split("\n\n")]
