"""The walk over both directions of a TCP connection together: what was sent again, copied or overtaken, and who waited for whom.

Compiled like `kernels.py`, under the same rules; types are in `tcp_kernels.pxd`. The state of a connection is one array, half of it
per side, so that a call costs little and batches may end anywhere; `health.py` makes and reads it.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False

SIDE = 84
"""64-bit words of state per side."""
HOLES = 8
"""Holes in a side's bytes that are remembered; of more the oldest is forgotten, and what fills it counts as sent again."""
RECENT = 8
"""Packets of a side among which a copy is looked for."""
STATE = (
    *("top", "acknowledged", "since", "since_packet", "closed", "closed_packet", "syn", "waited", "fin"),
    *("packets", "bytes", "retransmissions", "retransmitted", "late", "out_of_order", "duplicates", "keepalives"),
    *("zero_windows", "zero_total", "zero", "zero_packet", "zero_time", "stall", "stall_packet", "stall_time"),
    *("syn_retries", "reset", "again_packet", "again_time", "overtaken_packet", "overtaken_time", "copy_packet", "copy_time"),
)
"""The first words of a side. Times are ns, places sequence numbers that do not wrap; -1 stands for unknown. `since` is when the
present wait for an acknowledgement began, `closed` when the window went to zero; `zero` and `stall` are the longest so far.
"""


def observe(number, time, seq, ack, flags, window, length, ident, begin, end, other, stop, state):
    """Add the packets of a batch to `state`: rows `begin` to `end` are side 0's, `other` to `stop` side 1's, each in capture order.

    The order of `STATE` is that of the names below; behind them are per side the number of holes, each hole's begin, end and time
    of opening, the place of the oldest of the recent packets, and of each of these length and sequence number, acknowledgement
    number and `ident`, and time.

    A packet is one of these, the first that fits:
    - a copy: the same packet as a recent one, IP identification and checksum included (a mirror port or a second interface saw
      it). Such a one changes nothing else. Where there is no identification (IPv6, RFC 6864) it must come at once.
    - a keep-alive or window probe: the last byte, or nothing at its place, with all of it acknowledged (RFC 9293 section 3.8.4).
    - overtaken: it fills a hole sooner than its sender could have learnt of the loss, which takes a round trip.
    - late: it fills a hole after that. Sent again; the first one was lost before it came by here.
    - a retransmission: all its bytes were seen before.
    """
    TOP, ACKED, SINCE, SINCE_PACKET, CLOSED, CLOSED_PACKET, SYN, WAITED, FIN = 0, 1, 2, 3, 4, 5, 6, 7, 8
    PACKETS, BYTES, RETRANSMISSIONS, RETRANSMITTED, LATE, OUT_OF_ORDER, DUPLICATES, KEEPALIVES = 9, 10, 11, 12, 13, 14, 15, 16
    ZERO_WINDOWS, ZERO_TOTAL, ZERO, ZERO_PACKET, ZERO_TIME, STALL, STALL_PACKET, STALL_TIME = 17, 18, 19, 20, 21, 22, 23, 24
    SYN_RETRIES, RESET, AGAIN, OVERTAKEN, COPY = 25, 26, 27, 29, 31
    HOLE_COUNT, HOLE, OLDEST, RECENTLY = 33, 34, 58, 59
    size = 84
    most = 8
    word = 0xFFFFFFFF  # in a variable: so large a constant in an expression would be a Python object
    at_once = 3_000_000
    soon = 100_000_000
    rows = end - begin
    others = stop - other
    sent = 0
    replied = 0
    ages = 1 << 44  # five hours: sums of times that lie do not overflow
    while begin < end or other < stop:
        if other >= stop or begin < end and number[begin] < number[other]:
            row = begin
            begin += 1
            me = 0
            peer = size
        else:
            row = other
            other += 1
            me = size
            peer = 0
        now = max(time[row], 0)
        bits = flags[row]
        long = length[row]
        extent = long + (bits & 1) + (bits >> 1 & 1)  # SYN and FIN take a number each
        if bits & 4:
            long = 0  # the words of a reset are not the stream's
            extent = 0
        first = seq[row]
        top = state[me + TOP]
        if top < 0:
            top = first + word + 1
            state[me + TOP] = top
        relative = (first - top) & word
        if relative >> 31:
            relative -= word + 1
        place = top + relative
        fresh = extent > 0 and place >= top
        answer = ack[row]
        reached = -1
        if bits & 16 and state[peer + TOP] >= 0:
            reached = state[peer + TOP]
            relative = (answer - reached) & word
            if relative >> 31:
                relative -= word + 1
            reached += relative
        before = state[peer + ACKED]
        advance = reached > before and bits & 4 == 0
        span = long << 32 | first
        same = answer << 31 ^ ident[row]
        if not fresh and not advance:
            limit = soon if ident[row] >> 16 else at_once
            copied = False
            for k in range(me + RECENTLY, me + size - 1, 3):
                if state[k + 1] == same and state[k] == span and now - state[k + 2] < limit:
                    copied = True
                    break
            if copied:
                if me:
                    others -= 1
                else:
                    rows -= 1
                state[me + DUPLICATES] += 1
                if state[me + COPY] < 0:
                    state[me + COPY] = number[row]
                    state[me + COPY + 1] = now
                continue
        oldest = state[me + OLDEST]
        state[me + OLDEST] = oldest + 3 if oldest < 21 else 0
        k = me + RECENTLY + oldest
        state[k] = span
        state[k + 1] = same
        state[k + 2] = now
        if me:
            replied += long
        else:
            sent += long

        if advance:
            if before < 0 and state[peer + SYN] >= 0:  # the first one answers the SYN
                state[peer + WAITED] = now - state[peer + SYN]
            state[peer + ACKED] = reached
            since = state[peer + SINCE]
            if since >= 0 and now - since > state[peer + STALL]:
                state[peer + STALL] = now - since
                state[peer + STALL_PACKET] = state[peer + SINCE_PACKET]
                state[peer + STALL_TIME] = since
            if state[peer + TOP] > reached and window[row] != 0:
                state[peer + SINCE] = now
                state[peer + SINCE_PACKET] = number[row]
            else:
                state[peer + SINCE] = -1
        if bits & 22 == 16:  # windows of SYN and RST say nothing
            closed = state[me + CLOSED]
            if window[row] == 0:
                if closed < 0:
                    state[me + ZERO_WINDOWS] += 1
                    state[me + CLOSED] = now
                    state[me + CLOSED_PACKET] = number[row]
                    since = state[peer + SINCE]  # the peer waits for the window now, not for the path
                    if since >= 0 and now - since > state[peer + STALL]:
                        state[peer + STALL] = now - since
                        state[peer + STALL_PACKET] = state[peer + SINCE_PACKET]
                        state[peer + STALL_TIME] = since
                    state[peer + SINCE] = -1
            elif closed >= 0:
                state[me + ZERO_TOTAL] += min(max(now - closed, 0), ages)
                if now - closed > state[me + ZERO]:
                    state[me + ZERO] = now - closed
                    state[me + ZERO_PACKET] = state[me + CLOSED_PACKET]
                    state[me + ZERO_TIME] = closed
                state[me + CLOSED] = -1
                if state[peer + TOP] > state[peer + ACKED] >= 0:
                    state[peer + SINCE] = now
                    state[peer + SINCE_PACKET] = number[row]

        acked = state[me + ACKED]
        if fresh:
            if place > top:  # bytes before it are missing so far
                k = state[me + HOLE_COUNT]
                if k < most:
                    state[me + HOLE_COUNT] += 1
                else:
                    k = 0
                    for h in range(1, most):
                        if state[me + HOLE + 3 * h + 2] < state[me + HOLE + 3 * k + 2]:
                            k = h
                state[me + HOLE + 3 * k] = top
                state[me + HOLE + 3 * k + 1] = place
                state[me + HOLE + 3 * k + 2] = now
        elif extent == 0:
            if place == top - 1 and bits & 7 == 0:
                state[me + KEEPALIVES] += 1
        elif long == 1 and place == top - 1 and bits & 7 == 0 and (acked < 0 or acked >= top or state[peer + CLOSED] >= 0):
            state[me + KEEPALIVES] += 1
        elif bits & 2 == 0:
            opened = -1
            h = 0
            while h < state[me + HOLE_COUNT]:
                k = me + HOLE + 3 * h
                h += 1
                low = state[k]
                high = state[k + 1]
                if place < high and place + extent > low:
                    opened = state[k + 2]
                    if place > low:
                        state[k + 1] = place
                        if place + extent < high and state[me + HOLE_COUNT] < most:  # in the middle: what is behind it is another
                            k = me + HOLE + 3 * state[me + HOLE_COUNT]
                            state[me + HOLE_COUNT] += 1
                            state[k] = place + extent
                            state[k + 1] = high
                            state[k + 2] = opened
                            break
                    elif place + extent < high:
                        state[k] = place + extent
                    else:  # gone; the last one takes its place
                        h -= 1
                        state[me + HOLE_COUNT] -= 1
                        last = me + HOLE + 3 * state[me + HOLE_COUNT]
                        state[k] = state[last]
                        state[k + 1] = state[last + 1]
                        state[k + 2] = state[last + 2]
            if opened >= 0 and now - opened <= max(at_once, state[peer + WAITED]):
                state[me + OUT_OF_ORDER] += 1
                if state[me + OVERTAKEN] < 0:
                    state[me + OVERTAKEN] = number[row]
                    state[me + OVERTAKEN + 1] = now
            else:
                if opened >= 0:
                    state[me + LATE] += 1
                else:
                    state[me + RETRANSMISSIONS] += 1
                    state[me + RETRANSMITTED] += min(long, top - place)
                if state[me + AGAIN] < 0:
                    state[me + AGAIN] = number[row]
                    state[me + AGAIN + 1] = now
        if extent > 0:
            if place + extent > top:
                state[me + TOP] = place + extent
                if state[me + SINCE] < 0 <= acked < place + extent and state[peer + CLOSED] < 0:
                    state[me + SINCE] = now
                    state[me + SINCE_PACKET] = number[row]
            if bits & 2:
                if state[me + SYN] >= 0:
                    state[me + SYN_RETRIES] += 1
                if state[me + WAITED] < 0:
                    state[me + SYN] = now
            if bits & 1:
                state[me + FIN] = place + extent
        if bits & 4 and state[me + RESET] == 0:
            state[me + RESET] = 1
            if state[peer + TOP] > max(state[peer + ACKED], reached):
                state[me + RESET] |= 2
            if state[me + FIN] >= 0:
                state[me + RESET] |= 4
            if state[peer + FIN] >= 0:
                state[me + RESET] |= 8
    state[PACKETS] += rows
    state[BYTES] += sent
    state[size + PACKETS] += others
    state[size + BYTES] += replied
