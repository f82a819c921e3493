"""Every bound of the analysis, by name and with its reason. All of them are on by default."""

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20
SECOND = 1_000_000_000
"""Nanoseconds in a second; every time in this package is an integer in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is kept in memory and on what hostile input may cost. Sizes are in bytes, times in ns."""

    batch: int = 20 * MIB
    """Raw capture bytes read at once. Large enough that Python's share per batch vanishes, small enough to stay in memory."""
    record: int = 64 * MIB
    """The longest record believed. libpcap refuses above 256 KiB to 128 MiB by link type; a longer one means damage."""
    block_options: int = 16 * MIB
    """The longest pcapng block that holds no packet (interfaces, names, secrets)."""
    disorder: int = SECOND // 10
    """How far times may fall back within a file that is in order: several interfaces and queues are written side by side, and
    TCP copes with that. Captures behind one another fall back further.
    """
    reorder: int = 12 * MIB
    """Bytes of a stream (a pipe, a compressed file) held back to put packets in order of time. A file itself needs none."""
    sorted_whole: int = 64 * MIB
    """The largest file that is sorted in memory when it is in order in no stretch worth the name."""
    runs: int = 1024
    """Stretches of a larger file that are merged by time: each one that overlaps others needs a buffer."""
    boundary: int = 2000
    """Packets looked at on either side of a place where times fall back, to tell a clock set back from packets out of place."""
    part: int = 256 * KIB
    """The smallest buffer for one of many stretches or files that are merged."""
    compressed_ratio: int = 2000
    """A compressed capture that grows beyond this times its size (and 1 GiB) is a decompression bomb."""
    fragment_bytes: int = 16 * MIB
    """Bytes kept of IP packets whose fragments are not all there: some ten thousand packets of a tunnel, moments of a fast link."""
    fragmented: int = 16_384
    """IP packets kept that wait for fragments, a quarter of all identifications that IPv4 has."""
    fragment_age: int = 30 * SECOND
    """How long fragments wait in capture time. As long as Linux has them wait: later ones belong to another packet."""
    spooled: int = 8192 * MIB
    """Bytes of standard input kept in a temporary file, where a capture is read twice. Disks for such files are seldom larger."""
    section_comment: int = 512 * KIB
    """Bytes of comments on one section of a copy, some thousand sessions: readers refuse blocks of more than 16 MiB."""
    xz_memory: int = 256 * MIB
    """Memory that an xz file may ask for to be unpacked; `xz -9` asks for 65 MiB, a hostile file for 4 GiB."""
    held: int = 8 * MIB
    """Stream bytes kept per direction while a hole in front of them may still be filled by a retransmission."""
    hole_patience: int = 3 * SECOND
    """A hole that the peer acknowledged this long ago was received, so that it is missing from the capture for good."""
    undecided: int = 256 * KIB
    """Stream bytes kept per direction until it is known what the connection carries."""
    tls_message: int = 128 * KIB
    """The longest TLS handshake message that is read: chains of certificates have some KiB, OpenSSL takes 100 KiB."""
    key_log: int = 64 * MIB
    """Bytes read of a key log, the last ones of a longer file: connections in tens of thousands."""
    tls_secrets: int = 500_000
    """Secrets kept, about 250 bytes each."""
    http_head: int = 64 * KIB
    """The longest HTTP head. Servers refuse above 8 to 32 KiB."""
    http_body: int = 64 * KIB
    """Bytes kept of the body of a rejection, and bytes that it may inflate to; the rest is passed over."""
    whole: int = 1 * MIB
    """Frames and messages up to this size are kept until they are whole; longer ones go on in parts. Text beyond it is not read
    as JSON.
    """
    inflated_message: int = 64 * MIB
    """What one compressed message may inflate to (RFC 7692 sets no bound; 100 KB can become 100 MB)."""
    compressed_message: int = 64 * MIB
    """Bytes kept of one compressed message until its last frame arrived."""
    audio_in_memory: int = 8 * MIB
    """Bytes of a container kept in memory per track; beyond it they are spilled to a temporary file."""
    audio_head: int = 256 * KIB
    """First bytes of a track kept to tell what they really are: enough seconds of a voice to hear a wrong rate."""
    audio_container: int = 2048 * MIB
    """Bytes of a container spilled per track; a longer one is decoded as far as this."""
    codec_message: int = 16 * MIB
    """Bytes taken of one message of codec packets: hours in the slowest codec. What lies beyond counts as lost."""
    chained_files: int = 100_000
    """Containers that one track holds one after the other: seven hours of a WAV every quarter of a second."""
    codec_floor: int = 16
    """Bytes per second below which no codec goes, silence included: what decodes to more (and to over 10 minutes) is a bomb."""
    timeline_silence: int = 6 * 3600 * SECOND
    """Silence put between audio in all on a time line. An hour of it takes 110 MB at 16 kHz, and clocks are set by years."""
    transcripts: int = 10_000
    """Results of the service kept per session to be shown beside its audio: a result every other second for five hours."""
    transcript: int = 200
    """Characters kept of one."""
    marks: int = 10_000
    """Marks on a time line; beyond it the last ones are left out."""
    silent_spans: int = 10_000
    """Spans of digital silence kept per track; beyond it they are only summed."""
    page_listed: int = 2000
    """Sessions in the table of an HTML page, those with findings first; the others are counted."""
    page_sessions: int = 200
    """Sessions that it tells in full."""
    page_detailed: int = 40
    """Of these such with their frames, messages and audio: a page that holds more is sent to nobody."""
    page_frames: int = 500_000
    """Frames in one page, 20 to 40 bytes each; a session with more than what is left is shown without a table of them."""
    page_text: int = 4000
    """Characters of one message in a page."""
    page_texts: int = 8 * MIB
    """Characters of all messages in a page."""
    page_audio: int = 24 * MIB
    """Compressed audio in a page: two hours of 16 kHz, or with base64 on top what the largest mailboxes take."""
    page_lossless: int = 6 * MIB
    """Compressed audio up to here loses nothing (FLAC, a minute of 16 kHz takes one); longer audio becomes MP3."""
    reports: int = 256
    """Reports of finished sessions kept as they are (10 KB each); further ones are packed (1.5 KB each)."""
    table_in_memory: int = 64 * MIB
    """Bytes of one table kept in memory; beyond it its chunks are spilled to a temporary file."""
    har: int = 512 * MIB
    """The largest HAR: JSON is read at once and takes several times its size in memory. Four hours of 16 kHz audio fit in."""
    contents: int = 4096 * MIB
    """Bytes of messages kept per direction where a report shows them, in a temporary file; beyond it they are listed without."""
    contents_in_memory: int = 16 * MIB
    """Of these in memory: nine minutes of 16 kHz audio."""
    holes: int = 10_000
    """Places kept per direction where bytes are missing; beyond it neighbours are joined."""
    gaps: int = 10_000
    """Spans without audio kept per session: at the usual 10 s more than a day of nothing else."""
    copied_stream: int = 16 * MIB
    """Bytes of one direction kept in memory while a copy of its connection is made; beyond it all are in a temporary file."""
    copied_headers: int = 1 * MIB
    """Bytes of headers kept of one stream of HTTP/2 while it is copied: a request, an answer and trailers of the longest, and room
    for more. A few bytes can stand for 64 KiB of them.
    """
    labels: int = 256
    """Different control words and event types told apart per direction; services have a few dozen."""
    notable_texts: int = 64
    """Text messages kept per direction because a rule may quote them (malformed, error, warning)."""
    text_excerpt: int = 2000
    """Characters kept of such a message."""
    anomalies: int = 20
    """Places kept per kind of anomaly and direction; beyond it they are counted."""
    finding_packets: int = 20
    """Packet numbers that a finding cites (contract: the first ones that show it)."""
    tunnels: int = 8
    """Tunnels inside one another that are followed on one connection: a chain of proxies has two or three."""
    hpack_table: int = 64 * KIB
    """The largest table of HTTP/2 headers per direction (RFC 7541 section 4.2): browsers allow that much, servers 4 KiB."""
    http2_streams: int = 1024
    """WebSockets followed at once on one HTTP/2 connection. Servers allow some hundred streams."""
    exchanges: int = 10_000
    """HTTP exchanges followed on one connection before it is let go."""
    candidates: int = 10_000
    """Refused, unanswered and encrypted connections remembered until it is known whether they are attempts; more are only
    counted.
    """
    sealed_records: int = 1 << 21
    """TLS records of such connections of which sizes and times are kept (21 bytes each); beyond it nothing is estimated."""
    live: int = 50_000
    """Connections followed at once; floods open millions, at 6 KiB each (in TLS 18 KiB). Those that carry a WebSocket are not let
    go.
    """
    idle_flow: int = 3600 * SECOND
    """A connection quiet for this long is finished. Longer than any service timer (2 h sessions are never quiet that long)."""


DEFAULT = Limits()
