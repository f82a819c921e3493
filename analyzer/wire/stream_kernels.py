"""The walks over one direction of a connection: packets in stream order, WebSocket frames, messages.

Compiled like `kernels.py`, under the same rules; types are in `stream_kernels.pxd`.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False

MORE, DAMAGED, FULL = 0, 2, 3
"""Why a walk stopped: all was walked, a length that cannot be, no room for another row."""

FRAME_ROOM = 14
"""The longest WebSocket header (RFC 6455 section 5.2)."""


def follow(
    seq,
    flags,
    captured,
    length,
    payload,
    number,
    time,
    begin,
    end,
    base,
    following,
    facts,
    start,
    size,
    packet,
    when,
    at,
):
    """One direction's packets `begin` to `end` of a batch in stream offsets; returns (parts, whether they are in order).

    `base` is the sequence number of stream offset 0, `following` the offset that is expected next (sequence numbers are taken for
    those nearest to it: right as long as a batch spans less than 2 GiB).
    `start`, `size`, `packet`, `when` and `at` are filled with the parts that carry stream bytes: not those of a RST, which are
    words. In order means that the parts follow one another from `following` on. What lies further ahead than any window reaches
    (2**30, RFC 7323 section 2.3) is left out. `facts` counts the packets that the snap length cut; then come the rows of the first
    SYN, FIN and RST, -1 for none, and the offset of that FIN.
    """
    word = 0xFFFFFFFF  # in a variable: so large a constant in an expression would be a Python object
    parts = 0
    in_order = True
    expected = following
    for row in range(begin, end):
        bits = flags[row]
        long = length[row]
        if long == 0 and bits & 7 == 0:
            continue
        relative = (seq[row] - base - following) & word
        if relative >> 31:
            relative -= word + 1
        place = following + relative
        if relative > 1073741824:  # no window is so wide: of another connection
            if bits & 4 and facts[3] < 0:
                facts[3] = row
            continue
        if bits & 7:
            if bits & 2:
                place += 1  # SYN takes a number of its own; data may ride on it (RFC 7413)
                if facts[1] < 0:
                    facts[1] = row
            if bits & 1 and facts[2] < 0:
                facts[2] = row
                facts[4] = place + long
            if bits & 4 and facts[3] < 0:
                facts[3] = row
        if captured[row] < long:
            facts[0] += 1
        if captured[row] > 0 and bits & 4 == 0:
            if place != expected:
                in_order = False
            expected = place + captured[row]
            start[parts] = place
            size[parts] = captured[row]
            packet[parts] = number[row]
            when[parts] = time[row]
            at[parts] = payload[row]
            parts += 1
    return parts, in_order


def acknowledged(ack, flags, begin, end, base, following, highest):
    """The highest stream offset that packets `begin` to `end` of the other direction acknowledge, at least `highest`."""
    word = 0xFFFFFFFF
    for row in range(begin, end):
        if flags[row] & 22 == 16:  # ACK without SYN and RST
            relative = (ack[row] - base - following) & word
            if relative >> 31:
                relative -= word + 1
            if following + relative > highest:
                highest = following + relative
    return highest


def walk_frames(
    data,
    start,
    extent,
    number,
    time,
    at,
    part,
    inside,
    client,
    most,
    state,
    head,
    offset,
    length,
    first_packet,
    last_packet,
    first_time,
    last_time,
    header,
    opcode,
    fin,
    rsv,
    masked,
    key,
    piece_at,
    piece_length,
    piece_key,
):
    """Walk the WebSocket frames (RFC 6455 section 5.2) of a run of stream parts; returns (frames, pieces, part, inside, why, seen).

    The parts (`start` to `at`, see `Run`) are walked from byte `inside` of row `part` on, and the place reached is returned
    likewise. Frames that ended fill the columns `offset` to `key`; row `frames` holds the one that goes on, if one does. Where
    payload lies is told in pieces, in order: `piece_at` and `piece_length` in `data`, with the mask key `piece_key` turned to the
    piece's start (0 without a mask). `state` lives as long as the direction: 0 whether a frame goes on, 1 its payload bytes to
    come, 2 bytes of an incomplete header, 3 its offset, 4 to 7 the first and the last packet and time that carried it; `head`
    holds its bytes. A frame that goes on is taken from row 0. Stops as FULL when columns have no room or `most` payload bytes are
    told (twice that within a frame), as DAMAGED behind the header of a 64-bit length with the highest bit set, which is in row
    `frames` and in `head`. `seen` adds up: 1 a frame that deserves a closer look at its anomalies, 2 a close frame, 4 a fragment
    or a continuation, 8 RSV bits.
    """
    word = 0xFFFFFFFF
    count = len(start)
    room = len(offset)
    piece_room = len(piece_at)
    going = state[0]
    left = state[1]
    have = state[2]
    row = 0
    pieces = 0
    total = 0
    why = 0
    seen = 0
    while part < count:
        pos = at[part] + inside
        end = at[part] + extent[part]
        packet = number[part]
        when = time[part]
        shift = start[part] - at[part]
        while pos < end or going and left == 0:
            if going:
                take = min(left, end - pos)
                if take > 0:
                    if pieces == piece_room or total >= 2 * most:
                        why = 3
                        break
                    mask = key[row]
                    turn = ((length[row] - left) & 3) * 8
                    if turn:
                        mask = (mask << turn | mask >> (32 - turn)) & word
                    piece_at[pieces] = pos
                    piece_length[pieces] = take
                    piece_key[pieces] = mask
                    pieces += 1
                    pos += take
                    left -= take
                    total += take
                    if packet < first_packet[row]:
                        first_packet[row] = packet
                        first_time[row] = when
                    if packet >= last_packet[row]:
                        last_packet[row] = packet
                        last_time[row] = when
                if left == 0:
                    row += 1
                    going = 0
                continue
            if row == room or total >= most:
                why = 3
                break
            here = have == 0 and end - pos >= 14
            if here:  # as nearly always
                first = data[pos]
                second = data[pos + 1]
                begin = pos + shift
                early = packet
                early_time = when
                late = packet
                late_time = when
                spot = pos + 2
                size = second & 127
                if size == 126:
                    size = data[spot] << 8 | data[spot + 1]
                    spot += 2
                elif size == 127:
                    size = 0
                    for i in range(8):
                        size = size << 8 | data[spot + i]
                    spot += 8
                mask = 0
                if second & 128:
                    mask = data[spot]
                    mask = mask << 24 | data[spot + 1] << 16 | data[spot + 2] << 8 | data[spot + 3]
                    spot += 4
                extra = spot - pos
                pos = spot
            else:  # byte by byte, as far as this part goes
                if have == 0:
                    state[3] = pos + shift
                    state[4] = packet
                    state[5] = when
                    state[6] = packet
                    state[7] = when
                need = 2
                while True:
                    if have >= 2:
                        size = head[1] & 127
                        need = 2 + (head[1] >> 7) * 4 + (2 if size == 126 else 8 if size == 127 else 0)
                    if have == need or pos == end:
                        break
                    head[have] = data[pos]
                    have += 1
                    pos += 1
                if packet < state[4]:
                    state[4] = packet
                    state[5] = when
                if packet >= state[6]:
                    state[6] = packet
                    state[7] = when
                if have < need:
                    break
                first = head[0]
                second = head[1]
                begin = state[3]
                early = state[4]
                early_time = state[5]
                late = state[6]
                late_time = state[7]
                spot = 2
                size = second & 127
                if size == 126:
                    size = head[2] << 8 | head[3]
                    spot = 4
                elif size == 127:
                    size = 0
                    for i in range(8):
                        size = size << 8 | head[2 + i]
                    spot = 10
                mask = 0
                if second & 128:
                    mask = head[spot]
                    mask = mask << 24 | head[spot + 1] << 16 | head[spot + 2] << 8 | head[spot + 3]
                extra = have
                have = 0
            code = first & 15
            offset[row] = begin
            first_packet[row] = early
            first_time[row] = early_time
            last_packet[row] = late
            last_time[row] = late_time
            header[row] = extra
            opcode[row] = code
            fin[row] = first >> 7
            rsv[row] = first >> 4 & 7
            masked[row] = second >> 7
            key[row] = mask
            if size >> 63:
                if here:
                    for i in range(extra):
                        head[i] = data[pos - extra + i]
                length[row] = 9223372036854775807
                state[0] = 0
                state[1] = 0
                state[2] = 0
                return row, pieces, part, pos - at[part], 2, seen | 1
            length[row] = size
            left = size
            going = 1
            plain = extra - (second >> 7) * 4
            if first != 0x82 and first != 0x81 and (first < 0x88 or first > 0x8A):
                seen |= 1
                if first & 128 == 0 or code == 0:
                    seen |= 4
                if first & 0x70:
                    seen |= 8
            if (
                (second >> 7 != 0) != client
                or code >= 8
                and size > 125
                or plain == 4
                and size < 126
                or plain == 10
                and size < 65536
            ):
                seen |= 1
            if code == 8:
                seen |= 2
        if why:
            inside = pos - at[part]
            break
        part += 1
        inside = 0
    state[0] = going
    state[1] = left
    state[2] = have
    return row, pieces, part, inside, why, seen


def sort_messages(opcode, part, at, readable, whole, content, kinds, binary, empty, unreadable, longest, bare, out, asked):
    """Fill `out` with the kinds of messages as far as columns tell; returns how many rows of `asked` have to be read to know more.

    `kinds` is the kind per opcode, `binary` that of a binary message; `whole` is 1 for a message that is readable from its first
    byte to its last. To be read are text and close, and binary messages of up to `longest` bytes that begin and end like JSON or
    have at most `bare` bytes (-1 for none).
    """
    questions = 0
    for row in range(len(opcode)):
        code = opcode[row] & 15
        kind = kinds[code]
        if code == 2:
            kind = binary
            size = part[row]
            if readable[row] == 0:
                kind = unreadable
            elif whole[row] and size == 0:
                kind = empty
            elif whole[row] and size <= longest:
                one = content[at[row]]
                two = content[at[row] + size - 1]
                opens = one == 123 or one == 32 or one == 9 or one == 10 or one == 13
                closes = two == 125 or two == 32 or two == 9 or two == 10 or two == 13
                if size <= bare or opens and closes:
                    asked[questions] = row
                    questions += 1
        elif code == 1 or code == 8:
            asked[questions] = row
            questions += 1
        out[row] = kind
    return questions


def walk_records(content, longest, at, length, kind):
    """TLS records that lie whole in `content`; returns (records, bytes that they take, whether what follows may be a header).

    `at` is filled with where each header starts, `length` and `kind` with what it states. No record is empty or has more than
    `longest` bytes (RFC 8446 section 5.1).
    """
    rows = 0
    place = 0
    size = len(content)
    room = len(at)
    sound = True
    while rows < room and place < size:
        code = content[place]
        if code < 20 or code > 24 or (place + 1 < size and content[place + 1] != 3):
            sound = False
            break
        if place + 5 > size:
            break
        if content[place + 2] > 4:
            sound = False
            break
        extent = (content[place + 3] << 8) | content[place + 4]
        if extent == 0 or extent > longest:
            sound = False
            break
        if place + 5 + extent > size:
            break
        at[rows] = place
        length[rows] = extent
        kind[rows] = code
        rows += 1
        place += 5 + extent
    return rows, place, sound
