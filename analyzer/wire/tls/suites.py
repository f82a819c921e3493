"""Cipher suites: their names in the IANA registry, and how those that can be read here protect records."""

from analyzer.model.dataclass import dataclass

TAG, SHORT_TAG = 16, 8
EXPLICIT, BLOCK = 8, 16
"""Bytes of the nonce that a record of TLS 1.2 carries (RFC 5288 section 3), and of a block of AES."""


@dataclass(frozen=True, slots=True)
class Suite:
    """How a cipher suite protects records. `cipher` is `gcm`, `ccm`, `chacha20` or `cbc`, sizes are bytes, `hash` names that of the
    key schedule, `mac` that of the records (CBC).
    """

    name: str
    cipher: str
    key: int
    hash: str
    tls13: bool = False
    mac: str = ""
    tag: int = TAG

    @property
    def lead(self) -> int:
        """Bytes that each record carries in front of its ciphertext: part of the nonce, or an initialisation vector."""
        return 0 if self.tls13 or self.cipher == "chacha20" else BLOCK if self.cipher == "cbc" else EXPLICIT

    @property
    def overhead(self) -> int | None:
        """Bytes of a record that are no plaintext, its header left out; None where that varies."""
        return None if self.cipher == "cbc" else self.lead + self.tag + self.tls13


def _tls13() -> dict[int, Suite]:
    """RFC 8446 appendix B.4."""
    return {
        0x1301: Suite("TLS_AES_128_GCM_SHA256", "gcm", 16, "sha256", tls13=True),
        0x1302: Suite("TLS_AES_256_GCM_SHA384", "gcm", 32, "sha384", tls13=True),
        0x1303: Suite("TLS_CHACHA20_POLY1305_SHA256", "chacha20", 32, "sha256", tls13=True),
        0x1304: Suite("TLS_AES_128_CCM_SHA256", "ccm", 16, "sha256", tls13=True),
        0x1305: Suite("TLS_AES_128_CCM_8_SHA256", "ccm", 16, "sha256", tls13=True, tag=SHORT_TAG),
    }


GCM = {0x9C: "RSA", 0x9E: "DHE_RSA", 0xA2: "DHE_DSS", 0xA6: "DH_anon", 0xA8: "PSK", 0xAA: "DHE_PSK"} | {
    0xC02B: "ECDHE_ECDSA",
    0xC02D: "ECDH_ECDSA",
    0xC02F: "ECDHE_RSA",
    0xC031: "ECDH_RSA",
    0xD001: "ECDHE_PSK",
}
"""With AES-128-GCM and SHA-256; the next number is AES-256-GCM with SHA-384 (RFC 5288, RFC 5289, RFC 5487, RFC 8442)."""
CHACHA20 = {0xCCA8: "ECDHE_RSA", 0xCCA9: "ECDHE_ECDSA", 0xCCAA: "DHE_RSA", 0xCCAB: "PSK", 0xCCAC: "ECDHE_PSK", 0xCCAD: "DHE_PSK"}
"""RFC 7905."""
CCM = {0xC09C: "RSA", 0xC09E: "DHE_RSA", 0xC0AC: "ECDHE_ECDSA"}
"""With AES-128; the next number is AES-256 (RFC 6655, RFC 7251)."""
CCM_8 = {0xC0A0: "RSA", 0xC0A2: "DHE_RSA", 0xC0AE: "ECDHE_ECDSA"}
CBC = {  # number: key exchange, bits of the key, hash of the MAC (RFC 5246 appendix A.5, RFC 4492, RFC 5289)
    0x2F: ("RSA", 128, "SHA"),
    0x35: ("RSA", 256, "SHA"),
    0x3C: ("RSA", 128, "SHA256"),
    0x3D: ("RSA", 256, "SHA256"),
    0x33: ("DHE_RSA", 128, "SHA"),
    0x39: ("DHE_RSA", 256, "SHA"),
    0x67: ("DHE_RSA", 128, "SHA256"),
    0x6B: ("DHE_RSA", 256, "SHA256"),
    0x32: ("DHE_DSS", 128, "SHA"),
    0x38: ("DHE_DSS", 256, "SHA"),
    0xC009: ("ECDHE_ECDSA", 128, "SHA"),
    0xC00A: ("ECDHE_ECDSA", 256, "SHA"),
    0xC013: ("ECDHE_RSA", 128, "SHA"),
    0xC014: ("ECDHE_RSA", 256, "SHA"),
    0xC023: ("ECDHE_ECDSA", 128, "SHA256"),
    0xC024: ("ECDHE_ECDSA", 256, "SHA384"),
    0xC027: ("ECDHE_RSA", 128, "SHA256"),
    0xC028: ("ECDHE_RSA", 256, "SHA384"),
}
MACS = {"SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}


def _tls12() -> dict[int, Suite]:
    """Those of TLS 1.2. The pseudorandom function takes SHA-256 unless the name says SHA-384 (RFC 5246 section 5, RFC 5289)."""
    found: dict[int, Suite] = {}
    for number, exchange in GCM.items():
        found[number] = Suite(f"TLS_{exchange}_WITH_AES_128_GCM_SHA256", "gcm", 16, "sha256")
        found[number + 1] = Suite(f"TLS_{exchange}_WITH_AES_256_GCM_SHA384", "gcm", 32, "sha384")
    for number, exchange in CHACHA20.items():
        found[number] = Suite(f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256", "chacha20", 32, "sha256")
    for numbers, ending, tag in ((CCM, "CCM", TAG), (CCM_8, "CCM_8", SHORT_TAG)):
        for number, exchange in numbers.items():
            found[number] = Suite(f"TLS_{exchange}_WITH_AES_128_{ending}", "ccm", 16, "sha256", tag=tag)
            found[number + 1] = Suite(f"TLS_{exchange}_WITH_AES_256_{ending}", "ccm", 32, "sha256", tag=tag)
    for number, (exchange, bits, mac) in CBC.items():
        key_schedule = "sha384" if mac == "SHA384" else "sha256"
        found[number] = Suite(f"TLS_{exchange}_WITH_AES_{bits}_CBC_{mac}", "cbc", bits // 8, key_schedule, mac=MACS[mac])
    return found


SUITES = _tls13() | _tls12()


def suite_name(number: int) -> str:
    """The name of a cipher suite, its number for one that is not known here."""
    return SUITES[number].name if number in SUITES else f"0x{number:04X}"
