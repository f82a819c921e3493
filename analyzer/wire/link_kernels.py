"""From link header to TCP header, through every wrapping on the way: links, tags, tunnels, IP in IP.

Compiled like `kernels.py`, under the same rules; types are in `link_kernels.pxd`. Nothing here knows of connections: what a packet
holds depends on its bytes alone. Only the innermost IP packet counts. What follows a header is named by a number, its layer: the
EtherType where there is one, otherwise

    1 Ethernet   2 LLC   3 PPP   4 IP of the version in its first byte   5 IEEE 802.11   17 UDP   47 GRE

Functions of one header take `data`, where it starts and where the captured bytes stop; they set `found` to where the next one
starts, where the packet ends on the wire, and where the last IP header starts, and return the next layer. Below zero is an end:
-1 - kind. `found[1]` never grows, so that padding and trailers of outer layers are left out.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False

try:
    import cython  # for the compiler, see kernels.py
except ImportError:
    from analyzer.wire import uncompiled as cython

KINDS = NOT_TCP, TCP, FRAGMENT, TUNNEL, UNKNOWN_LINK, CUT, ENCRYPTED, DATAGRAM_PART = 0, 1, 2, 3, 4, 5, 6, 7
"""What `locate` saw in a packet. FRAGMENT: part of an IP packet that carries TCP or a tunnel. CUT: the snap length cut its headers.
ENCRYPTED: an IEEE 802.11 frame. DATAGRAM_PART: of a UDP datagram, which may turn out to be a tunnel.
"""

LAYERS = 48
"""Headers walked in one packet. Four tunnels with tags and labels in each need some thirty; more are an attack."""


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


def little32(data, at):
    """Little-endian 32 bits."""
    highest = data[at + 3]
    return highest << 24 | data[at + 2] << 16 | data[at + 1] << 8 | data[at]


def from_link(data, at, stop, link, found):
    """The header of a link type (tcpdump.org/linktypes)."""
    if link == 1:
        return 1
    if link == 101 or link == 12 or link == 14 or link == 228 or link == 229:  # raw IP
        return 4
    if link == 113 or link == 276:  # Linux cooked: the EtherType last, or first
        size = 16 if link == 113 else 20
        if at + size > stop:
            return -6
        ether = u16(data, at + 14) if link == 113 else u16(data, at)
        found[0] = at + size
        return typed(ether, 2 if ether == 4 else -1)
    if link == 0 or link == 108:  # BSD loopback: the family in the byte order of the capturing machine, or of the network
        if at + 4 > stop:
            return -6
        family = data[at] | data[at + 3]  # all values fit one byte
        found[0] = at + 4
        if data[at + 1] | data[at + 2] or not (family == 2 or family == 10 or family == 24 or family == 28 or family == 30):
            return -1
        return 4
    if link == 105:
        return 5
    if link == 127 or link == 119 or link == 163:
        return from_radio(data, at, stop, link, found)
    if link == 239:
        return from_nflog(data, at, stop, found)
    if link == 9 or link == 50 or link == 104:
        if at + 4 > stop:
            return -6
        if link == 104 or data[at + 1] == 0 and (data[at] == 0x0F or data[at] == 0x8F):
            found[0] = at + 4  # Cisco HDLC, RFC 1547 section 4.3
            return typed(u16(data, at + 2), -1)
        return 3
    if link == 51:
        return 0x8864
    if link == 204:  # PPP behind a byte that says who sent it
        found[0] = at + 1
        return 3
    if link == 117:  # OpenBSD pflog: its own length first, padded to 4
        if at + 4 > stop:
            return -6
        found[0] = at + ((data[at] + 3) & ~3)
        return 4 if data[at] >= 28 else -1
    if link == 109 or link == 226:  # OpenBSD enc; Solaris ipnet
        found[0] = at + (12 if link == 109 else 24)
        return 4
    return -5


def inner_link(data, at, stop, link, found):
    """Behind a header that names the link type of what follows (PPI, PKTAP): that link type, 0x10000 + link, or an end."""
    if at + 12 > stop:
        return -6
    if link == 192:  # PPI: version, flags, length, link type
        size = data[at + 2] | data[at + 3] << 8
        inner = little32(data, at + 4)
        least = 8
    else:  # PKTAP: length, record type, link type
        size = little32(data, at)
        inner = little32(data, at + 8)
        least = 12
    if size < least or size > 65535 or inner > 65535:
        return -1
    found[0] = at + size
    return 0x10000 + inner


def from_radio(data, at, stop, link, found):
    """What a capturing radio puts before an 802.11 frame: radiotap, Prism or AVS."""
    if at + 8 > stop:
        return -6
    if link == 127:
        size = data[at + 2] | data[at + 3] << 8
        if data[at] != 0 or size < 8:
            return -1
        if at + size > stop:
            return -6
        spot = at + 4  # presence words, each of which may announce another
        while data[spot + 3] & 0x80 and spot + 8 <= at + size:
            spot += 4
        spot += 4
        if data[at + 4] & 1:  # the time stamp, aligned to 8
            spot = at + ((spot - at + 7) & ~7) + 8
        if data[at + 4] & 2 and spot < at + size and data[spot] & 0x40:
            return -1  # its checksum failed: what it says is not what was sent
    else:
        size = u32(data, at + 4)
        if u32(data, at) >> 12 != 0x80211:  # AVS is in network order, Prism in that of the capturing machine
            if link == 163:
                return -1
            size = little32(data, at + 4)
        if size < 8 or size > 65535:
            return -1
    found[0] = at + size
    return 5


def from_nflog(data, at, stop, found):
    """Netfilter log: family, version, resource, then values with length and type; type 9 is the packet."""
    at += 4
    while at + 4 <= stop:
        size = data[at] | data[at + 1] << 8
        if size < 4:
            return -1
        if data[at + 2] == 9 and data[at + 3] & 0x3F == 0:
            found[0] = at + 4
            found[1] = min(found[1], at + size)
            return 4
        at += (size + 3) & ~3
    return -6


def typed(ether, other):
    """The layer of an EtherType that is read here, otherwise `other`."""
    if ether == 0x0800 or ether == 0x86DD:
        return ether
    if ether == 0x8100 or ether == 0x88A8 or ether == 0x9100 or ether == 0x9200:
        return 0x8100
    if ether == 0x8847 or ether == 0x8848:
        return 0x8847
    if ether == 0x8864 or ether == 0x6558:
        return 1 if ether == 0x6558 else ether
    return other


def from_type(data, at, stop, found):
    """An EtherType, or in its place the length of an 802.3 frame."""
    if at + 2 > stop:
        return -6
    ether = u16(data, at)
    found[0] = at + 2
    if ether >= 0x0600:
        return typed(ether, -1)
    found[1] = min(found[1], at + 2 + ether)
    return 2


def from_llc(data, at, stop, found):
    """IEEE 802.2 with SNAP (RFC 1042), or with the service access point of IP."""
    if at + 3 > stop:
        return -6
    if data[at] == 6 and data[at + 1] == 6 and data[at + 2] == 3:
        found[0] = at + 3
        return 4
    if not (data[at] == 0xAA and data[at + 1] == 0xAA and data[at + 2] == 3):
        return -1
    if at + 8 > stop:
        return -6
    found[0] = at + 8
    if data[at + 3] or data[at + 4] or not (data[at + 5] == 0 or data[at + 5] == 0xF8):
        return -1
    return typed(u16(data, at + 6), -1)


def snap(data, at, stop):
    """Whether a SNAP header of an EtherType begins here."""
    return at + 6 <= stop and data[at] == 0xAA and data[at + 1] == 0xAA and data[at + 2] == 3 and data[at + 3] | data[at + 4] == 0


def from_80211(data, at, stop, found):
    """An IEEE 802.11 frame (section 9.2.4): its data, if it has any that can be read."""
    if at + 2 > stop:
        return -6
    control = data[at]
    bits = data[at + 1]
    if control & 0x0F != 8 or control & 0x40:  # no data frame of version 0, or one without data
        return -1
    size = 30 if bits & 3 == 3 else 24
    if at + size + 2 > stop:
        return -6
    if data[at + 22] & 15 or bits & 4:  # a part of a longer unit
        return -5
    several = False
    if control & 0x80:  # quality of service
        several = data[at + size] & 0x80 != 0
        size += 2
        if bits & 0x80:
            size += 4  # HT control
    at += size
    if several and not bits & 0x40:  # units in one frame, each with addresses and length; the first is read
        if at + 14 > stop:
            return -6
        length = u16(data, at + 12)
        at += 14
        found[1] = min(found[1], at + length)
    elif not snap(data, at, stop):
        if snap(data, at + 2, stop):  # some radios pad the header to a multiple of four
            at += 2
        elif bits & 0x40:
            return -7
    found[0] = at  # a protected frame with SNAP in the clear was decrypted by who captured it
    return 2


def from_ppp(data, at, stop, found):
    """PPP with or without address and control, its protocol in one byte or two (RFC 1661 sections 2 and 6.5)."""
    if at + 4 > stop:
        return -6
    if data[at] == 0xFF and data[at + 1] == 3:
        at += 2
    if data[at] & 1:
        protocol = data[at]
        at += 1
    else:
        protocol = u16(data, at)
        at += 2
    found[0] = at
    if protocol == 0x21:
        return 0x0800
    if protocol == 0x57:
        return 0x86DD
    if protocol == 0x281:
        return 0x8847
    if protocol == 0xFD or protocol == 0x53 or protocol == 0x3D:  # compressed, encrypted, several links as one
        return -4
    return -1


def from_pppoe(data, at, stop, found):
    """A PPPoE session packet (RFC 2516 section 4)."""
    if at + 6 > stop:
        return -6
    if data[at] != 0x11 or data[at + 1] != 0:
        return -1
    length = u16(data, at + 4)
    found[0] = at + 6
    found[1] = min(found[1], at + 6 + length)
    return 3


def from_mpls(data, at, stop, found):
    """MPLS labels (RFC 3032) down to the bottom of the stack; nothing there says what follows."""
    while at + 4 <= stop and not data[at + 2] & 1:
        at += 4
    at += 4
    if at >= stop:
        return -6 if stop < found[1] else -4
    found[0] = at
    version = data[at] >> 4
    if version == 4 or version == 6:
        return 4
    if version == 0 and ethernet(data, at + 4, stop):  # a pseudowire with its control word, RFC 4448 section 4.6
        found[0] = at + 4
        return 1
    return 1 if ethernet(data, at, stop) else -4


def ethernet(data, at, stop):
    """Whether what begins here looks like Ethernet with something that is read here."""
    return at + 14 <= stop and typed(u16(data, at + 12), -1) > 0


def from_gre(data, at, stop, found):
    """GRE (RFC 2784, 2890), its version 1 of PPTP (RFC 2637), and the mirroring of ERSPAN in it."""
    if at + 4 > stop:
        return -6
    bits = u16(data, at)
    ether = u16(data, at + 2)
    at += 4
    if bits & 0xC000:
        at += 4
    if bits & 0x2000:
        at += 4
    if bits & 0x1000:
        at += 4
    if bits & 7 == 1:
        if bits & 0x80:
            at += 4
        if not bits & 0x1000:  # an acknowledgement alone
            return -1
    elif bits & 7:
        return -4
    if bits & 0x4000:  # source routes (RFC 1701): family, offset, length; the last has no length
        while at + 4 <= stop and data[at + 3]:
            at += 4 + data[at + 3]
        at += 4
    if ether == 0x88BE:
        if bits & 0x1000:
            at += 8  # ERSPAN II; type I has neither a sequence number nor a header
        ether = 0x6558
    elif ether == 0x22EB:  # ERSPAN III
        if at + 12 > stop:
            return -6
        mirrored = data[at + 10] >> 2 & 31
        at += 20 if data[at + 11] & 1 else 12
        if mirrored == 2:
            found[0] = at
            return 4
        ether = 0x6558
    found[0] = at
    if ether == 0x880B:
        return 3
    return typed(ether, -4)


def tunnel_port(port):
    """Whether tunnels in UDP are read on this port."""
    return port == 4789 or port == 8472 or port == 6081 or port == 4790 or port == 2152 or port == 6635


def from_udp(data, at, stop, found):
    """Tunnels in UDP by their port. What is not exactly as their headers say is ordinary UDP."""
    if at + 8 > stop:
        return -1
    port = u16(data, at + 2)
    if not tunnel_port(port):
        port = u16(data, at)
    if not tunnel_port(port):
        return -1
    at += 8
    if at + 8 > stop:
        return -6 if stop < found[1] else -1
    bits = data[at]
    found[0] = at + 8
    if port == 6635:  # MPLS, RFC 7510
        found[0] = at
        return 0x8847
    if port == 4789 or port == 8472:  # VXLAN, RFC 7348: its flag I must be set
        return 1 if bits & 8 else -1
    if port == 4790:  # VXLAN-GPE: its flag P tells that the last byte of the word names the protocol
        if bits & 0xC8 != 8:
            return -1
        following = data[at + 3] if bits & 4 else 3
        if following == 3:
            return 1
        return 4 if following == 1 or following == 2 else -4
    if port == 6081:  # GENEVE, RFC 8926
        if bits & 0xC0 or data[at + 7]:
            return -1
        found[0] = at + 8 + (bits & 0x3F) * 4
        return typed(u16(data, at + 2), -1)
    # GTP-U, 3GPP TS 29.281 section 5: a G-PDU of version 1, then its optional word, whose last byte names an extension header
    if bits & 0xF0 != 0x30 or data[at + 1] != 255:
        return -1
    at += 8
    if bits & 7:
        at += 4
        following = 4 if bits & 4 else 0
        while following and at <= stop and data[at - 1]:
            if at >= stop:
                return -6
            if data[at] == 0:
                return -1
            at += data[at] * 4
    found[0] = at
    return 4


def from_ip(data, at, stop, version, inside, found):
    """IPv4 (RFC 791) or IPv6 with its extension headers (RFC 8200 section 4). `inside` a tunnel its length must hold."""
    found[2] = at
    if at + (20 if version == 4 else 40) > stop:
        return -6
    if data[at] >> 4 != version:
        return -1
    part = 0  # 1 the first fragment, 2 a later one
    if version == 4:
        head = (data[at] & 15) * 4
        total = u16(data, at + 2)
        protocol = data[at + 9]
        if data[at + 6] & 0x1F or data[at + 7]:
            part = 2
        elif data[at + 6] & 0x20:
            part = 1
        if head < 20 or total and total < head:
            return -1
    else:
        head = 40
        total = u16(data, at + 4)
        if total:
            total += 40
        protocol = data[at + 6]
    end = at + total
    if inside and (total == 0 or end > found[1]):
        return -1
    if total and end < found[1]:  # 0 is segmentation offload: the length did not fit or was left to the network card
        found[1] = end
    at += head
    if version == 6:
        while (protocol == 0 or protocol == 43 or protocol == 60 or protocol == 44 or protocol == 51) and at + 8 <= stop:
            size = (data[at + 1] + 1) * 8
            if protocol == 44:
                size = 8
                if u16(data, at + 2) & 0xFFF9:
                    part = 2 if u16(data, at + 2) & 0xFFF8 else 1
            elif protocol == 51:
                size = (data[at + 1] + 2) * 4
            protocol = data[at]
            at += size
            if part:
                break
    found[0] = at
    if part and protocol == 17:
        if part == 1 and at + 4 <= stop:
            return -3 if tunnel_port(u16(data, at)) or tunnel_port(u16(data, at + 2)) else -1
        return -8
    if protocol == 6:
        return -3 if part else -2
    if protocol == 4 or protocol == 41 or protocol == 47 or protocol == 137:
        if part:
            return -3
        if protocol == 47:
            return 47
        return 0x8847 if protocol == 137 else 0x0800 if protocol == 4 else 0x86DD
    if part and version == 6 and (protocol == 0 or protocol == 43 or protocol == 51 or protocol == 60):
        return -3
    return 17 if protocol == 17 else -1


def innermost(data, at, stop, end, link, layers, found):
    """Walk down to the innermost IP packet; returns the kind. A TCP header then starts at `found[0]`, in a packet that ends at
    `found[1]` on the wire and whose IP header starts at `found[2]`; the same of a fragment, whose content starts at `found[0]`.
    """
    found[0] = at
    found[1] = end
    layer = 0x10000 + link
    inside = False
    while layer >= 0:
        at = found[0]
        if stop > found[1]:
            stop = found[1]
        if layers == 0:
            return 3
        layers -= 1
        if layer == 0x0800 or layer == 0x86DD or layer == 4:
            if at >= stop:
                return 5
            layer = from_ip(data, at, stop, data[at] >> 4 if layer == 4 else 4 if layer == 0x0800 else 6, inside, found)
        elif layer == 1:
            found[0] = at + 12
            layer = from_type(data, at + 12, stop, found)
        elif layer == 0x8100:
            found[0] = at + 2
            layer = from_type(data, at + 2, stop, found)
        elif layer == 17:
            inside = True
            layer = from_udp(data, at, stop, found)
        elif layer == 47:
            layer = from_gre(data, at, stop, found)
        elif layer == 0x8847:
            layer = from_mpls(data, at, stop, found)
        elif layer == 0x8864:
            layer = from_pppoe(data, at, stop, found)
        elif layer == 2:
            layer = from_llc(data, at, stop, found)
        elif layer == 3:
            layer = from_ppp(data, at, stop, found)
        elif layer == 5:
            layer = from_80211(data, at, stop, found)
        elif layer == 0x10000 + 192 or layer == 0x10000 + 258:
            layer = inner_link(data, at, stop, layer - 0x10000, found)
        elif layer >= 0x10000:
            layer = from_link(data, at, stop, layer - 0x10000, found)
        else:
            return 0
    return 0 if inside and layer == -6 and stop == found[1] else -1 - layer  # what is there in full was not cut: it is no tunnel


def locate(
    data, offset, captured, on_wire, interface, links, layers, found,
    kind, ends, seq, ack, flags, window, payload, present, length, ident,
):  # fmt: skip
    """Fill the columns of PACKETS that a packet's own bytes tell, `kind`, and `ends`: five words per row, two addresses of two
    words each, then IP version and ports.

    `links` is the LINKTYPE per interface, `layers` LAYERS, `found` three words of scratch. Of a FRAGMENT or DATAGRAM_PART `payload`
    is where its IP header starts, `present` the size of all IP headers, and `length` what follows them on the wire.
    """
    four = 4 << 32  # in variables: constants so large in an expression would be Python objects
    six = 6 << 32
    with cython.nogil:
        for row in range(len(kind)):
            at = offset[row]
            stop = at + captured[row]
            end = at + on_wire[row]
            what = 0
            if (
                links[interface[row]] == 1
                and at + 34 <= stop
                and data[at + 12] == 8
                and data[at + 13] == 0
                and data[at + 14] >> 4 == 4
                and data[at + 23] == 6
                and data[at + 20] & 0x3F | data[at + 21] == 0
            ):  # nearly always: Ethernet, IPv4 in one piece, TCP
                ip = at + 14
                total = data[ip + 2] << 8 | data[ip + 3]
                at = ip + (data[ip] & 15) * 4
                if total and ip + total < end:
                    end = ip + total
                if at >= ip + 20:
                    what = 1
            else:
                what = innermost(data, at, stop, end, links[interface[row]], layers, found)
                at = found[0]
                end = found[1]
                ip = found[2]
                if what == 2 or what == 7:
                    payload[row] = ip
                    present[row] = at - ip
                    length[row] = max(0, end - at)
            if what != 1:
                kind[row] = what
                continue
            if at + 20 > stop:
                kind[row] = 5
                continue
            head = (data[at + 12] >> 4) * 4
            if head < 20 or end < at + head:
                kind[row] = 0
                continue
            if end > at + 1073741823:  # no segment is that long; keeps the length within its column
                end = at + 1073741823
            k = row * 5
            top = data[at]
            ports = top << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
            if data[ip] >> 4 == 4:
                ends[k] = 0
                top = data[ip + 12]
                ends[k + 1] = top << 24 | data[ip + 13] << 16 | data[ip + 14] << 8 | data[ip + 15]
                ends[k + 2] = 0
                top = data[ip + 16]
                ends[k + 3] = top << 24 | data[ip + 17] << 16 | data[ip + 18] << 8 | data[ip + 19]
                ends[k + 4] = four | ports
                identification = data[ip + 4] << 8 | data[ip + 5]
            else:
                ends[k] = u64(data, ip + 8)
                ends[k + 1] = u64(data, ip + 16)
                ends[k + 2] = u64(data, ip + 24)
                ends[k + 3] = u64(data, ip + 32)
                ends[k + 4] = six | ports
                identification = 0
            kind[row] = 1
            top = data[at + 4]
            seq[row] = top << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
            bits = data[at + 13]
            answer = 0
            if bits & 16:
                top = data[at + 8]
                answer = top << 24 | data[at + 9] << 16 | data[at + 10] << 8 | data[at + 11]
            ack[row] = answer
            flags[row] = bits & 63
            window[row] = data[at + 14] << 8 | data[at + 15]
            ident[row] = identification << 16 | data[at + 16] << 8 | data[at + 17]
            at += head
            payload[row] = at
            length[row] = end - at
            present[row] = max(0, min(end, stop) - at)
