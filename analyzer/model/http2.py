"""The numbers of HTTP/2 frames (RFC 9113 sections 3.4, 4 and 6): what it is read by, and what a copy of it is written in."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (section 3.4)."""
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
FIXED = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
"""Types whose payload has one length (sections 6.3 to 6.9)."""
END_STREAM, ACK, END_HEADERS, PADDED = 0x01, 0x01, 0x04, 0x08
"""Flags."""
SETTING = 6
"""Bytes of a setting."""
USUAL_SIZE = 1 << 14
"""The longest payload, unless the receiver allows more (section 6.5.2). Hardly any does."""
