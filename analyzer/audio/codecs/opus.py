"""What an Opus packet says of itself (RFC 6716 section 3): how long it lasts, whether it is stereo, whether it is one at all.

In: the bytes of one packet, or of anything. Nothing here decodes.
"""

RATE = 48_000
"""Hz; Opus decodes at that whatever was put in (section 2), and counts time in it."""
_LONGEST = 5760
"""120 ms (section 3.4, requirement 5)."""
_LONGEST_FRAME = 1275
"""Bytes of one compressed frame (section 3.4, requirement 2)."""


def duration(packet: bytes) -> int | None:
    """Samples at 48 kHz that a packet stands for, by its first byte or two; None for an impossible one."""
    if not packet:
        return None
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:  # noqa: PLR2004 - SILK
        size = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # noqa: PLR2004 - hybrid
        size = (480, 960)[config & 1]
    else:
        size = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    return size * count if 0 < size * count <= _LONGEST else None


def stereo(packet: bytes) -> bool:
    """The s bit of the first byte."""
    return bool(packet) and bool(packet[0] & 4)


def well_formed(packet: bytes) -> bool:
    """Whether the lengths of the frames inside agree with that of the packet (section 3.4)."""
    if duration(packet) is None:
        return False
    code, body = packet[0] & 3, packet[1:]
    if code == 0:
        return len(body) <= _LONGEST_FRAME
    if code == 1:
        return not len(body) % 2 and len(body) <= 2 * _LONGEST_FRAME
    if code == 2:  # noqa: PLR2004 - two frames of different lengths
        first = _length(body)
        return first is not None and 0 <= len(body) - sum(first) <= _LONGEST_FRAME
    return _many(packet)


def _many(packet: bytes) -> bool:
    """Code 3 (section 3.2.5): a number of frames, padding, and the lengths of all but the last frame if they differ."""
    flags, body = packet[1], packet[2:]
    count = flags & 63
    if flags & 0x40:
        padding = 0
        while body and body[0] == 255:  # noqa: PLR2004 - 254 bytes, and more to come
            padding, body = padding + 254, body[1:]
        if not body or padding + body[0] > len(body) - 1:
            return False
        padding += body[0]
        body = body[1 : len(body) - padding]
    if not flags & 0x80:
        return not len(body) % count and len(body) <= count * _LONGEST_FRAME
    for _ in range(count - 1):
        one = _length(body)
        if one is None or sum(one) > len(body):
            return False
        body, rest = body[one[1] :], one[0]
        # The frames stand behind all lengths: as many bytes are taken from the end.
        body = body[: len(body) - rest]
    return len(body) <= _LONGEST_FRAME


def _length(body: bytes) -> tuple[int, int] | None:
    """A frame length (section 3.2.1) and the bytes it takes."""
    if not body:
        return None
    if body[0] < 252:  # noqa: PLR2004 - the length itself
        return body[0], 1
    return (body[1] * 4 + body[0], 2) if len(body) > 1 else None
