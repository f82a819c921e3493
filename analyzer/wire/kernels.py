"""The walks over the records of a capture file and over its TCP connections; between them lies `link_kernels.py`.

Plain Python. `kernels.pxd` beside it gives the types, so that the build can compile this same file; without a compiler it runs as
it stands. Hand in memoryviews (never numpy arrays: numpy scalars wrap around at their width). Bounds checks stay on in the compiled
form: hostile lengths raise IndexError at worst and never touch foreign memory. Every function fills columns that the caller
allocated and returns how far it came; none of them allocates or raises on what the wire did. Where it is hot, a number is read
byte by byte in place: to call a function costs more than the reading.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False

try:
    import cython  # for the compiler, which lets go of the interpreter lock below: these walks run beside the main thread
except ImportError:
    from analyzer.wire import uncompiled as cython

MORE, OTHER, DAMAGED, FULL = 0, 1, 2, 3
"""Why a walk stopped: bytes are missing at the end, a block for the caller, a length that cannot be, no room for another row."""


def u16(data, at):
    """Big-endian 16 bits."""
    return data[at] << 8 | data[at + 1]


def u32(data, at):
    """Big-endian 32 bits."""
    highest = data[at]  # in a 64-bit variable: shifted as a C int it would turn negative
    return highest << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def read32(data, at, big):
    """32 bits in the byte order of the capture file."""
    if big:
        return u32(data, at)
    highest = data[at + 3]
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16 | highest << 24


def flow_hash(ahi, alo, bhi, blo, sport, dport):
    """31 bits from two ends, the same for both directions: a sum of what is mixed per end. Constants that a C int holds stay C.

    Each end is mixed before the sum, or all pairs of ports with the same sum would meet in one place.
    """
    one = ((ahi ^ alo ^ (alo >> 32)) * 0x1E3779B1 + sport * 0x05EBCA6B) & 0x7FFFFFFF
    one = ((one ^ (one >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
    two = ((bhi ^ blo ^ (blo >> 32)) * 0x1E3779B1 + dport * 0x05EBCA6B) & 0x7FFFFFFF
    two = ((two ^ (two >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
    mixed = ((one ^ (one >> 12)) + (two ^ (two >> 12))) & 0x7FFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
    return mixed ^ (mixed >> 13)


def walk_pcap(data, start, stop, big, unit, header, swapped, longest, offset, captured, on_wire, time):
    """Walk pcap records in `data[start:stop]`; returns (rows, position, why it stopped).

    `unit` is ns per tick of the fraction (1000 or 1), `header` the record header's size (16, or 24 in the modified format),
    `longest`
    the longest record believed. `swapped`: the length on the wire comes before the captured one, as old versions wrote it (2), or
    does so where it is the larger one (1).
    """
    at = start
    row = 0
    room = len(offset)
    why = 0
    with cython.nogil:
        while at + header <= stop:
            if row == room:
                why = 3
                break
            if big:
                size = u32(data, at + 8)
            else:
                top = data[at + 11]
                size = data[at + 8] | data[at + 9] << 8 | data[at + 10] << 16 | top << 24
            stated = size
            if swapped:
                second = read32(data, at + 12, big)
                if swapped == 2 or second < size:
                    size = second
            if size > longest:
                why = 2
                break
            if at + header + size > stop:
                break
            if big:
                seconds = u32(data, at)
                fraction = u32(data, at + 4)
                long = u32(data, at + 12)
            else:
                top = data[at + 3]
                seconds = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | top << 24
                top = data[at + 7]
                fraction = data[at + 4] | data[at + 5] << 8 | data[at + 6] << 16 | top << 24
                top = data[at + 15]
                long = data[at + 12] | data[at + 13] << 8 | data[at + 14] << 16 | top << 24
            if size != stated:
                long = stated
            offset[row] = at + header
            captured[row] = size
            on_wire[row] = long
            time[row] = seconds * 1000000000 + fraction * unit
            row += 1
            at += header + size
    return row, at, why


def follow(time, rows, highest, behind, moment, starts):
    """Part rows into runs, whose times never fall more than `behind` below the highest time so far of the run.

    Fills `moment` with that highest time for each row, and `starts` with the rows where a new run begins. `highest` is where the
    run that comes in has come to. Returns (runs begun, highest time of the last run).
    """
    begun = 0
    with cython.nogil:
        for row in range(rows):
            now = time[row]
            if now > highest:
                highest = now
            elif now < highest - behind:
                highest = now
                starts[begun] = row
                begun += 1
            moment[row] = highest
    return begun, highest


def walk_pcapng(
    data, start, stop, big, longest, first, shift, unit, base, snap, offset, captured, on_wire, time, interface, options
):
    """Walk packet blocks of one pcapng section in `data[start:stop]`; returns (rows, position, why it stopped).

    Stops (OTHER) at any block that is no packet: those are for the caller. `first` is the index of the section's first interface
    in the
    tables `shift`, `unit`, `base` (time = (ticks >> shift) / unit + base seconds) and `snap`. `options` is set to where a
    packet's options
    start when they hold a comment or a drop count, else 0. A simple packet has no time and takes that of the packet before it.
    """
    at = start
    row = 0
    room = len(offset)
    interfaces = len(unit)
    latest = 9000000000  # the year 2255: beyond it int64 ns overflow, and no clock was right
    why = 0
    now = time[0] if room else 0
    with cython.nogil:
        while at + 12 <= stop:
            kind = read32(data, at, big)
            if kind != 6 and kind != 3 and kind != 2:
                why = 1
                break
            total = read32(data, at + 4, big)
            if total < 16 or total > longest or total & 3:
                why = 2
                break
            if at + total > stop:
                break
            if row == room:
                why = 3
                break
            which = 0
            if kind == 3:  # Simple Packet Block: type, total, original length, data, total
                length = read32(data, at + 8, big)
                body = at + 12
                size = total - 16
                if first < interfaces and snap[first] and snap[first] < length:
                    size = min(size, snap[first])
                size = min(size, length)
                which = first
            else:  # Enhanced Packet Block, or the obsolete Packet Block with a 16-bit interface and drop count
                if total < 32:
                    why = 2
                    break
                if kind == 6:
                    which = first + read32(data, at + 8, big)
                elif big:
                    which = first + u16(data, at + 8)
                else:
                    which = first + (data[at + 8] | data[at + 9] << 8)
                size = read32(data, at + 20, big)
                length = read32(data, at + 24, big)
                body = at + 28
                if size > total - 32:
                    why = 2
                    break
            if which >= interfaces:
                why = 2
                break
            options[row] = 0
            if kind != 3:
                high = read32(data, at + 12, big)
                low = read32(data, at + 16, big)
                ticks = (high << 32 | low) >> shift[which]
                seconds = ticks // unit[which]
                rest = ticks % unit[which]
                if unit[which] <= 1073741824:
                    rest = rest * 1000000000 // unit[which]
                else:
                    rest = rest // (unit[which] // 1000000000)
                if seconds > latest:
                    seconds = latest
                now = (seconds + base[which]) * 1000000000 + rest
                spot = body + ((size + 3) & ~3)
                end = at + total - 4
                while spot + 4 <= end:
                    if big:
                        code = u16(data, spot)
                        room_used = u16(data, spot + 2)
                    else:
                        code = data[spot] | data[spot + 1] << 8
                        room_used = data[spot + 2] | data[spot + 3] << 8
                    if code == 0:
                        break
                    if code == 1 or code == 4:
                        options[row] = body + ((size + 3) & ~3)
                        break
                    spot += 4 + ((room_used + 3) & ~3)
            offset[row] = body
            captured[row] = size
            on_wire[row] = length
            time[row] = now
            interface[row] = which
            row += 1
            at += total
    return row, at, why


def block_starts(data, start, big, rows, starts):
    """Where each of so many pcapng blocks begins that `walk_pcapng` stepped over from `start` on, and behind them where the last
    one ends.
    """
    at = start
    row = 0
    with cython.nogil:
        while row < rows:
            starts[row] = at
            at += read32(data, at + 4, big)
            row += 1
        starts[row] = at
    return at


def distance(one, two):
    """How far two sequence numbers are apart, either way round."""
    half = 0x7FFFFFFF
    apart = one - two if one > two else two - one
    return apart if apart <= half else (half + 1) * 2 - apart


def fits(latest, which, way, number, answer, bits, far):
    """How a packet's numbers go with what was seen of a flow: 0 nothing to compare, 1 near, 2 one is `far`, 3 both are.

    A side that has said nothing yet is known by what its peer acknowledged, and the other way round.
    """
    own = which * 4 + way * 2
    peer = which * 4 + 2 - way * 2
    known = latest[own] if latest[own] >= 0 else latest[peer + 1]
    near = 0
    away = 0
    if known >= 0:
        if distance(number, known) > far:
            away += 1
        else:
            near += 1
    known = latest[own + 1] if latest[own + 1] >= 0 else latest[peer]
    if known >= 0 and bits & 16:
        if distance(answer, known) > far:
            away += 1
        else:
            near += 1
    if away == 0:
        return 1 if near else 0
    return 3 if away == 2 else 2


def begins(initial, latest, which, way, number, answer, bits, far):
    """Whether a SYN, or a SYN/ACK, on known addresses and ports is another connection's."""
    known = initial[which * 2 + way]
    if bits & 16 == 0:
        return known >= 0 and known != number
    peer = initial[which * 2 + 1 - way]
    if known == number:
        return False
    if peer >= 0:  # data that rode on the SYN may be acknowledged with it (RFC 7413)
        return distance(answer - 1, peer) > 0xFFFF
    return known >= 0 and distance(number, latest[which * 4 + way * 2]) > far


def track(
    kind,
    ends,
    seq,
    ack,
    flags,
    length,
    begin,
    rows,
    far,
    slots,
    keys,
    initial,
    latest,
    opened,
    chain,
    flows,
    streams,
    flow,
    side,
):
    """Give rows `begin` to `rows` their connection and side; returns (rows done, flows, streams).

    `kind` and `ends` are those of `link_kernels.locate`. The flow table is `slots` (hash index, a power of two, -1 free), `keys`
    (five words per flow, as in `ends`), `initial` (initial sequence number per flow and side, -1 unknown), `latest` (per flow and
    side the latest sequence and acknowledgement numbers, -1 for none), `opened` (flags of the flow's first packet) and `chain`
    (per flow its number as Wireshark gives it, and the flow that had the same ends before, -1 for none). Stops early when the table
    is full.

    A SYN with another sequence number on known ends starts a new flow; Wireshark counts these. So do, where the SYN is not in the
    capture, a SYN/ACK with other numbers, and a payload both of whose numbers are `far` from the latest: no connection goes so far
    in both directions unseen. What carries no payload there belongs to none. What comes late goes to the flow before, if it fits.
    """
    word = 0xFFFFFFFF  # in a variable: so large a constant in an expression would be a Python object
    mask = len(slots) - 1
    capacity = len(opened)
    done = rows
    with cython.nogil:
        for row in range(begin, rows):
            flow[row] = -1
            if kind[row] != 1:
                continue
            k = row * 5
            ahi = ends[k]
            alo = ends[k + 1]
            bhi = ends[k + 2]
            blo = ends[k + 3]
            ports = ends[k + 4]
            sport = ports >> 16 & 0xFFFF
            dport = ports & 0xFFFF
            swapped = ports >> 32 << 32 | dport << 16 | sport
            number = seq[row]
            answer = ack[row]
            bits = flags[row]
            slot = flow_hash(ahi, alo, bhi, blo, sport, dport) & mask
            which = -1
            way = 0
            while slots[slot] >= 0:
                which = slots[slot]
                k = which * 5
                if keys[k + 4] == ports and keys[k] == ahi and keys[k + 1] == alo and keys[k + 2] == bhi and keys[k + 3] == blo:
                    way = 0
                    break
                if keys[k + 4] == swapped and keys[k] == bhi and keys[k + 1] == blo and keys[k + 2] == ahi and keys[k + 3] == alo:
                    way = 1
                    break
                which = -1
                slot = (slot + 1) & mask
            former = which
            stream = streams
            if which >= 0:
                stream = chain[which * 2]
                k = which * 4 + way * 2
                relative = (number - latest[k]) & word
                if bits & 2 or latest[k] < 0 or relative > far and relative < word - far:
                    early = chain[which * 2 + 1]
                    other = 0
                    if early >= 0:
                        k = early * 5
                        other = keys[k + 4] != ports or keys[k] != ahi or keys[k + 1] != alo  # who spoke first may differ
                    if bits & 2:
                        if begins(initial, latest, which, way, number, answer, bits, far):
                            if bits & 16 == 0:
                                stream = streams
                            if early >= 0 and initial[early * 2 + other] == number:
                                streams += bits & 16 == 0  # Wireshark starts another one for a SYN that comes late
                                which = early
                                way = other
                            else:
                                which = -1
                    else:
                        match = fits(latest, which, way, number, answer, bits, far)
                        if match != 1 and early >= 0 and fits(latest, early, other, number, answer, bits, far) == 1:
                            which = early
                            way = other
                        elif match == 3 and bits & 4 == 0:
                            if length[row] == 0:
                                continue
                            which = -1
            if which < 0:
                if flows == capacity:
                    done = row
                    break
                which = flows
                flows += 1
                way = 0
                slots[slot] = which
                k = which * 5
                keys[k] = ahi
                keys[k + 1] = alo
                keys[k + 2] = bhi
                keys[k + 3] = blo
                keys[k + 4] = ports
                k = which * 2
                initial[k] = -1
                initial[k + 1] = -1
                chain[k] = stream
                chain[k + 1] = former
                if stream == streams:
                    streams += 1
                k = which * 4
                latest[k] = -1
                latest[k + 1] = -1
                latest[k + 2] = -1
                latest[k + 3] = -1
                opened[which] = bits
            k = which * 2 + way
            if initial[k] < 0:
                initial[k] = number if bits & 2 else (number - 1) & word
            if bits & 18 == 18 and initial[which * 2 + 1 - way] < 0:
                initial[which * 2 + 1 - way] = (answer - 1) & word
            if bits & 4 == 0:  # the numbers of a RST may be anything
                latest[k * 2] = number
                if bits & 16:
                    latest[k * 2 + 1] = answer
            flow[row] = which
            side[row] = way
    return done, flows, streams


def rehash(keys, flows, slots):
    """Enter flows 0 to `flows` into an empty hash index. A later flow with the same key takes the place of the earlier one."""
    mask = len(slots) - 1
    for which in range(flows):
        k = which * 5
        ahi = keys[k]
        alo = keys[k + 1]
        bhi = keys[k + 2]
        blo = keys[k + 3]
        sport = keys[k + 4] >> 16 & 0xFFFF
        dport = keys[k + 4] & 0xFFFF
        family = keys[k + 4] >> 32
        swapped = family << 32 | dport << 16 | sport
        slot = flow_hash(ahi, alo, bhi, blo, sport, dport) & mask
        while slots[slot] >= 0:
            other = slots[slot] * 5
            if keys[other + 4] == keys[k + 4] and keys[other] == ahi and keys[other + 1] == alo:
                if keys[other + 2] == bhi and keys[other + 3] == blo:
                    break
            if keys[other + 4] == swapped and keys[other] == bhi and keys[other + 1] == blo:
                if keys[other + 2] == ahi and keys[other + 3] == alo:
                    break
            slot = (slot + 1) & mask
        slots[slot] = which
