"""A hash that works beside the main thread is the hash that hashlib gives, whatever the pieces."""

import hashlib

import numpy as np
import pytest

from analyzer.audio.digest import WORTHWHILE, Digest


@pytest.mark.parametrize(
    "sizes", [(), (0,), (1, 2, 3), (WORTHWHILE, 1, WORTHWHILE + 7, 5), (WORTHWHILE - 1, WORTHWHILE, WORTHWHILE)]
)
def test_any_pieces_give_the_hash_of_the_whole(sizes: tuple[int, ...]) -> None:
    content = np.random.default_rng(1).integers(0, 256, sum(sizes), np.uint8)
    digest, at = Digest(), 0
    for size in sizes:
        digest.update(content[at : at + size])
        at += size
    assert digest.hexdigest() == hashlib.sha256(content.tobytes()).hexdigest()
