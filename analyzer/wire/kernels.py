"""The walks from a capture file to TCP: loops that go from one header to the next, over records and packets.

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

NOT_TCP, TCP, FRAGMENT, TUNNEL, UNKNOWN_LINK, CUT = 0, 1, 2, 3, 4, 5
"""What `decode` saw in a packet. CUT: the snap length cut its headers."""


def u16(data, at):
    """Big-endian 16 bits."""
    return data[at] << 8 | data[at + 1]


def u32(data, at):
    """Big-endian 32 bits."""
    highest = data[at]  # in a 64-bit variable: shifted as a C int it would turn negative
    return highest << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def u64(data, at):
    """Big-endian 64 bits."""
    high = u32(data, at)
    return high << 32 | u32(data, at + 4)


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


def decode(
    data,
    offset,
    captured,
    on_wire,
    interface,
    links,
    begin,
    rows,
    slots,
    keys,
    initial,
    opened,
    flows,
    kind,
    flow,
    side,
    seq,
    ack,
    flags,
    window,
    payload,
    present,
    length,
):
    """From link header to TCP: fill the PACKETS columns of records `begin` to `rows`; returns (rows done, flows).

    `links` is the LINKTYPE per interface. The flow table is `slots` (hash index, a power of two, -1 free), `keys` (five words
    per flow:
    two addresses of two words, version and ports), `initial` (initial sequence number per flow and side, -1 unknown) and `opened`
    (flags of the flow's first packet). A SYN with another sequence number on a known 4-tuple starts a new flow, as in
    Wireshark's
    numbering of tcp.stream. Stops early when the flow table is full.
    """
    word = 0xFFFFFFFF  # in a variable: so large a constant in an expression would be a Python object
    mask = len(slots) - 1
    capacity = len(opened)
    done = rows
    with cython.nogil:
        for row in range(begin, rows):
            at = offset[row]
            stop = at + captured[row]
            link = links[interface[row]]
            flow[row] = -1
            what = 0
            ether = 0  # EtherType of what follows, 0 for "look at the IP version"
            size = 0
            type_at = -1
            if link == 1:
                size = 14
                type_at = 12
            elif link == 113:
                size = 16
                type_at = 14
            elif link == 276:
                size = 20
                type_at = 0
            elif link == 0 or link == 108:
                size = 4
            elif not (link == 101 or link == 12 or link == 14 or link == 228 or link == 229):
                kind[row] = 4
                continue
            if at + size > stop:
                kind[row] = 5
                continue
            if type_at >= 0:
                ether = data[at + type_at] << 8 | data[at + type_at + 1]
            elif size:
                # The family is in the byte order of the capturing machine (NULL) or of the network (LOOP); all values fit one byte.
                family = data[at] | data[at + 3]
                if data[at + 1] | data[at + 2] or not (family == 2 or family == 10 or family == 24 or family == 28 or family == 30):
                    kind[row] = 0
                    continue
            at += size
            tags = 0
            while (ether == 0x8100 or ether == 0x88A8 or ether == 0x9100 or ether == 0x9200) and at + 4 <= stop and tags < 8:
                ether = u16(data, at + 2)
                at += 4
                tags += 1
            if at >= stop:
                kind[row] = 5 if ether == 0 or ether == 0x0800 or ether == 0x86DD else 0
                continue
            version = data[at] >> 4
            family = version
            if ether == 0x8847 or ether == 0x8848 or ether == 0x8864:
                what = 3  # MPLS, PPPoE session
            elif ether != 0 and ether != 0x0800 and ether != 0x86DD:
                kind[row] = 0
                continue
            elif ether == 0x0800 and version != 4 or ether == 0x86DD and version != 6 or version != 4 and version != 6:
                kind[row] = 0
                continue
            protocol = 0
            end = 0
            ahi = 0
            alo = 0
            bhi = 0
            blo = 0
            if what == 0 and version == 4:
                if at + 20 > stop:
                    kind[row] = 5
                    continue
                head = (data[at] & 15) * 4
                total = data[at + 2] << 8 | data[at + 3]
                if total == 0:  # segmentation offload: the length did not fit or was left to the network card
                    total = on_wire[row] - (at - offset[row])
                protocol = data[at + 9]
                if head < 20:
                    kind[row] = 0
                    continue
                top = data[at + 12]
                alo = top << 24 | data[at + 13] << 16 | data[at + 14] << 8 | data[at + 15]
                top = data[at + 16]
                blo = top << 24 | data[at + 17] << 16 | data[at + 18] << 8 | data[at + 19]
                end = at + total
                if data[at + 6] & 0x3F or data[at + 7]:
                    what = 2
                at += head
            elif what == 0:
                if at + 40 > stop:
                    kind[row] = 5
                    continue
                total = u16(data, at + 4)
                protocol = data[at + 6]
                ahi = u64(data, at + 8)
                alo = u64(data, at + 16)
                bhi = u64(data, at + 24)
                blo = u64(data, at + 32)
                end = at + 40 + total
                if total == 0:
                    end = offset[row] + on_wire[row]
                at += 40
                while (
                    protocol == 0 or protocol == 43 or protocol == 60 or protocol == 44 or protocol == 51
                ) and at + 8 <= stop:  # extension headers, RFC 8200 section 4
                    if protocol == 44:
                        if u16(data, at + 2) & 0xFFF9:
                            what = 2
                        protocol = data[at]
                        at += 8
                    elif protocol == 51:
                        protocol = data[at]
                        at += (data[at + 1] + 2) * 4
                    else:
                        protocol = data[at]
                        at += (data[at + 1] + 1) * 8
            if what == 0 and (protocol == 4 or protocol == 41 or protocol == 47):
                what = 3
            if what != 0:
                kind[row] = what if what == 3 or protocol == 6 else 0
                continue
            if protocol != 6:
                kind[row] = 0
                continue
            if at + 20 > stop:
                kind[row] = 5
                continue
            head = (data[at + 12] >> 4) * 4
            if head < 20 or end < at + head:
                kind[row] = 0
                continue
            if end > offset[row] + on_wire[row]:
                end = offset[row] + on_wire[row]
            if end > at + 1073741823:  # no segment is that long; keeps the length within its column
                end = at + 1073741823
            sport = data[at] << 8 | data[at + 1]
            dport = data[at + 2] << 8 | data[at + 3]
            top = data[at + 4]
            number = top << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
            top = data[at + 8]
            answer = top << 24 | data[at + 9] << 16 | data[at + 10] << 8 | data[at + 11]
            bits = data[at + 13]
            slot = flow_hash(ahi, alo, bhi, blo, sport, dport) & mask
            ports = family << 32 | sport << 16 | dport
            swapped = family << 32 | dport << 16 | sport
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
            if which >= 0 and bits & 18 == 2 and initial[which * 2 + way] >= 0 and initial[which * 2 + way] != number:
                which = -1  # the 4-tuple is used again: the slot will point to the new connection
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
                initial[which * 2] = -1
                initial[which * 2 + 1] = -1
                opened[which] = bits
            if initial[which * 2 + way] < 0:
                initial[which * 2 + way] = number if bits & 2 else (number - 1) & word
            if bits & 18 == 18 and initial[which * 2 + 1 - way] < 0:
                initial[which * 2 + 1 - way] = (answer - 1) & word
            kind[row] = 1
            flow[row] = which
            side[row] = way
            seq[row] = number
            ack[row] = answer if bits & 16 else 0
            flags[row] = bits & 63
            window[row] = data[at + 14] << 8 | data[at + 15]
            at += head
            payload[row] = at
            length[row] = end - at
            present[row] = max(0, min(end, stop) - at)
    return done, flows


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
