"""The JSON report (`analyzer-report/1`): identical bytes for identical input.

`analyzer-report-1.json` beside this file is its schema.
"""

import json
import re
from typing import TYPE_CHECKING

from analyzer.reports.plain import plain

if TYPE_CHECKING:
    from analyzer.model.report import Report

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters that JSON does not escape by itself (C1, direction overrides) and surrogates, which no encoding takes."""


def render(report: "Report", *, width: int | None = None, colour: bool = False) -> str:  # noqa: ARG001 - the signature of all formats
    """Write the report as indented JSON that ends with a newline."""
    text = json.dumps(plain(report), ensure_ascii=False, indent=2, allow_nan=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"
