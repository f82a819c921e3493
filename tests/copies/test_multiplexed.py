"""What is kept of a connection of HTTP/2 has a bound, and it is known when it is not of one stream."""

from analyzer.copies.multiplexed import Multiplexed
from analyzer.model.limits import Limits

LIMITS = Limits()
OWN = 3


def test_headers_are_kept_up_to_a_bound() -> None:
    stream = Multiplexed(OWN, (0, 0), (0, 0), LIMITS)
    most = LIMITS.copied_headers // 1032
    for number in range(most):
        stream.block(0, 9 * number, OWN, [("n" * 500, "v" * 500)], request=False)
    assert not stream.unsure
    stream.block(0, 9 * most, OWN, [("n" * 500, "v" * 500)], request=False)
    assert stream.unsure
    assert len(stream.blocks[0]) == most
