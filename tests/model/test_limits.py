"""Each bound says why it is what it is."""

import ast
import dataclasses
import inspect

from analyzer.model import limits
from analyzer.model.limits import DEFAULT, Limits


def test_every_limit_has_its_reason() -> None:
    (body,) = (node.body for node in ast.parse(inspect.getsource(limits)).body if isinstance(node, ast.ClassDef))
    reasons = {}
    for node, behind in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_text = isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)
            reasons[node.target.id] = is_text and str(behind.value.value)
    assert set(reasons) == {field.name for field in dataclasses.fields(Limits)}
    assert all(reasons.values()), [name for name, reason in reasons.items() if not reason]


def test_limits_are_positive() -> None:
    assert all(value > 0 for value in dataclasses.asdict(DEFAULT).values())
