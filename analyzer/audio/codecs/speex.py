"""What a bare Speex packet says of itself (RFC 5574, the Speex manual): how many frames of 20 ms it holds.

In: the bytes of one packet, or of anything. Out: a count, and the header that tells a decoder of it. Nothing here decodes.
"""

import struct

RATES = (8000, 16000, 32000)
"""Hz of the narrow, wide and ultra-wide band."""
_NARROW = (5, 43, 119, 160, 220, 300, 364, 492, 79)
"""Bits of a narrow-band frame of each submode; the others are no audio."""
_HIGH = (4, 36, 112, 192, 352)
"""Bits of a layer of the higher band."""
_IN_BAND, _USER, _END = 14, 13, 15
_SIGNAL = (1, 1, 4, 4, 4, 4, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64)
"""Bits of a message to the decoder, by its 4-bit code."""
_MOST = 64


def frames(packet: bytes) -> int:
    """Frames in a packet, 0 for what is no Speex."""
    number, size, at, count = int.from_bytes(packet[:1024], "big"), len(packet[:1024]) * 8, 0, 0

    def bits(begin: int, width: int) -> int:
        return number >> (size - begin - width) & ((1 << width) - 1)

    while at + 5 <= size and count < _MOST:
        if bits(at, 1):  # a layer of the higher band belongs to the frame before
            submode = bits(at + 1, 3)
            if submode >= len(_HIGH) or not count:
                return 0
            at += _HIGH[submode]
            continue
        submode = bits(at + 1, 4)
        if submode == _END:
            break
        if submode == _USER:
            at += 10 + bits(at + 5, 5) * 8 if at + 10 <= size else size
        elif submode == _IN_BAND:
            at += 9 + _SIGNAL[bits(at + 5, 4)] if at + 9 <= size else size
        elif submode >= len(_NARROW):
            return 0
        else:
            at, count = at + _NARROW[submode], count + 1
    return count


def header(rate: int, frames_per_packet: int) -> bytes:
    """The header packet of a mono stream (the Speex manual, section 7)."""
    mode = RATES.index(rate)
    fields = (1, 80, rate, mode, 4, 1, -1, 160 << mode, 1, frames_per_packet, 0, 0, 0)
    return b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<13i", *fields)
