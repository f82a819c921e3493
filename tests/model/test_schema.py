"""Every column says what it is, and words match numbers."""

import numpy as np
import pytest

from analyzer.model import schema
from analyzer.model.schema import Opcode, Schema, Side, opcode_word

SCHEMAS = {name: value for name, value in vars(schema).items() if name.isupper() and isinstance(value, tuple)}


@pytest.mark.parametrize("columns", SCHEMAS.values(), ids=SCHEMAS)
def test_columns_are_documented(columns: Schema) -> None:
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    for column in columns:
        assert np.dtype(column.dtype).kind in "iu"
        assert column.meaning
        assert column.unit in {"", "ns", "bytes"}


def test_words() -> None:
    assert [side.word for side in Side] == ["client", "server"]
    assert Side.CLIENT.peer is Side.SERVER
    assert Side.SERVER.peer is Side.CLIENT
    assert [opcode_word(opcode) for opcode in range(16)].count("reserved") == 16 - len(Opcode)
    assert opcode_word(9) == "ping"
