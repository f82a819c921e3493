"""The walk over the frames of one direction of an HTTP/2 connection.

Compiled like `kernels.py`, under the same rules; types are in `http2_kernels.pxd`.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False

MORE, FRAME, ENDED, FULL = 0, 1, 2, 3
"""Why the walk stopped: all was walked, a frame for the caller, the end of a stream, no room for another row."""

FRAME_HEADER = 9
"""RFC 9113 section 4.1."""


def walk_http2(data, start, extent, number, time, at, part, inside, state, head, stream, size, packet, when, place):
    """Walk the HTTP/2 frames (RFC 9113 section 4.1) of a run of stream parts; returns (rows, part, inside, why).

    The parts (`start` to `at`, see `Run`) are walked from byte `inside` of row `part` on, and the place reached is returned
    likewise. Where the content of DATA frames lies fills `stream` (its identifier) and `size` to `place`, a row per frame and part
    of it, without padding. Frames that say nothing of streams and headers (PRIORITY, PING, WINDOW_UPDATE, unknown ones) are stepped
    over. Stops as FRAME behind the header of any other one, which is in `head`, its payload to come; as ENDED behind a DATA frame
    with END_STREAM, whose stream is in `state`. `state` lives as long as the direction: 0 payload bytes to come, 1 how many of them
    are padding, 2 the stream that they belong to (0: stepped over), 3 whether the length of the padding comes first, 4 whether
    END_STREAM is set, 5 bytes of an incomplete header, which `head` holds, 6 and 7 packet and time of its first byte.
    """
    count = len(start)
    room = len(stream)
    left = state[0]
    padding = state[1]
    owner = state[2]
    padded = state[3]
    ends = state[4]
    have = state[5]
    rows = 0
    why = 0
    while part < count:
        pos = at[part] + inside
        end = at[part] + extent[part]
        while True:
            if left:
                if pos == end:
                    break
                if padded:
                    padded = 0
                    padding = data[pos]
                    pos += 1
                    left -= 1
                    if padding > left:  # PROTOCOL_ERROR (section 6.1): nothing of it is content
                        padding = left
                    if left:
                        continue
                elif owner and left > padding:
                    if rows == room:
                        why = 3
                        break
                    take = min(left - padding, end - pos)
                    stream[rows] = owner
                    size[rows] = take
                    packet[rows] = number[part]
                    when[rows] = time[part]
                    place[rows] = pos
                    rows += 1
                    pos += take
                    left -= take
                else:
                    take = min(left, end - pos)
                    pos += take
                    left -= take
            if left:
                continue
            if ends:
                ends = 0
                why = 2
                break
            if pos == end:
                break
            if have == 0:
                state[6] = number[part]
                state[7] = time[part]
            while have < 9 and pos < end:
                head[have] = data[pos]
                have += 1
                pos += 1
            if have < 9:
                break
            have = 0
            left = head[0] << 16 | head[1] << 8 | head[2]
            kind = head[3]
            owner = 0
            padding = 0
            if kind == 0:
                owner = (head[5] & 127) << 24 | head[6] << 16 | head[7] << 8 | head[8]
                padded = head[4] >> 3 & 1 and left > 0
                ends = head[4] & 1 and owner > 0
            elif kind != 2 and kind != 6 and kind != 8 and kind < 10:
                why = 1
                break
        if why:
            inside = pos - at[part]
            break
        part += 1
        inside = 0
    state[0] = left
    state[1] = padding
    state[2] = owner
    state[3] = padded
    state[4] = ends
    state[5] = have
    return rows, part, inside, why
