"""Names of link types (tcpdump.org/linktypes) as reports show them."""

LINK_NAMES = {
    0: "null",
    1: "ethernet",
    9: "ppp",
    12: "raw-ip",
    14: "raw-ip",
    50: "ppp-hdlc",
    51: "pppoe",
    101: "raw-ip",
    104: "cisco-hdlc",
    105: "ieee802.11",
    108: "loop",
    109: "openbsd-enc",
    113: "linux-sll",
    117: "openbsd-pflog",
    119: "ieee802.11-prism",
    127: "ieee802.11-radiotap",
    163: "ieee802.11-avs",
    192: "ppi",
    204: "ppp-with-direction",
    226: "ipnet",
    228: "ipv4",
    229: "ipv6",
    239: "nflog",
    249: "usbpcap",
    258: "pktap",
    276: "linux-sll2",
}


def link_name(link_type: int) -> str:
    """The name, or `linktype-N` for one without."""
    return LINK_NAMES.get(link_type, f"linktype-{link_type}")
