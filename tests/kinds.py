"""Which captures are alike, for tests that start a program for each, or analyse hundreds of variants of each."""

from collections import defaultdict
from pathlib import Path

from analyzer.model.settings import Settings
from analyzer.sources import open_source

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*/capture.pcap*"))
ENCODINGS = {
    *("healthy-aac", "healthy-aiff", "healthy-alaw", "healthy-amr-nb", "healthy-amr-wb", "healthy-au", "healthy-caf"),
    *("healthy-flac", "healthy-g729", "healthy-linear32", "healthy-mp3", "healthy-mp4-fragmented", "healthy-mulaw"),
    *("healthy-ogg-vorbis", "healthy-opus-packets", "healthy-speex-ogg", "healthy-speex-packets", "healthy-wav-streamed"),
    *("healthy-webm-opus", "wav-per-chunk"),
}
"""They differ from others in the audio that the messages hold, and not in how they are sent."""
CONTENTS = ENCODINGS | {
    *("audio-after-close-stream", "base64-audio", "control-as-binary", "digital-silence", "empty-binary-frame-last"),
    *("encoding-not-declared", "format-mismatch-wav-as-mulaw", "healthy-gap-with-keepalive", "keepalive-as-binary"),
    *("keepalive-without-audio", "malformed-control", "net-0000", "no-audio", "no-close-stream", "ogg-without-start"),
    *("pacing-fast", "pacing-slow", "silence-gap-before-audio", "webm-without-start"),
}
"""They differ in what messages hold and in when they come: their frames and packets are like those of others."""
WRAPPED = {
    *("geneve-mpls", "gre-erspan", "ieee80211-radiotap", "linux-cooked-v2", "nanosecond-big-endian", "nflog"),
    *("pcapng-sections", "pppoe", "vlan-qinq", "vxlan"),
}
"""They differ in what is around IP: their TCP is like that of others."""
_EACH = 4


def of_each_file() -> list[Path]:
    """Some of the captures that a reader of files cannot tell apart, spread over the alphabet."""
    found: dict[object, list[Path]] = defaultdict(list)
    for path in CAPTURES:
        found[_file(path)].append(path)
    return sorted(path for paths in found.values() for path in paths[:: -(-len(paths) // _EACH)])


def _file(path: Path) -> tuple[object, ...]:
    """Format, byte order and clock, links, and whether packets are cut or out of order and secrets come with them."""
    cut = disordered = False
    with open_source(str(path), Settings()) as source:
        for batch in source.batches():
            records = batch.records
            cut |= bool((records["captured"] < records["on_wire"]).any())
            disordered |= bool((records["time"][1:] < records["time"][:-1]).any())
        log = source.log
    links = tuple(sorted(log.link_packets))
    return log.format, path.read_bytes()[:4], links, len(log.interfaces), cut, disordered, bool(log.secrets)
