"""Contents with their secrets overwritten, each byte where it was: the redactor's view of text, on bytes."""

from dataclasses import replace

from analyzer.model.redact import Secrets, redact_message

FILLER = ord("x")
"""As a byte of a stream it begins no frame: its reserved bits are set, and its opcode is not that of a message."""
_KEPT = bytes(one if one in b"\r\n" else FILLER for one in range(256))


def overwritten(content: bytes) -> bytes:
    """Nothing but line ends stays."""
    return content.translate(_KEPT)


def covered(content: bytes, secrets: Secrets) -> bytes:
    """Text, JSON or not, without its secrets. What is no UTF-8 is overwritten but for what makes it none."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return overwritten(content[: error.start]) + content[error.start : error.end] + overwritten(content[error.end :])
    clean = redact_message(text, secrets if secrets.cover else replace(secrets, cover=True))
    if clean == text:
        return content
    if len(clean) != len(text):  # rather nothing than something at another place
        return overwritten(content)
    if text.isascii():
        return clean.encode()
    return b"".join(
        one.encode("utf-8", "surrogatepass") * (1 if one == old else len(old.encode("utf-8", "surrogatepass")))
        for old, one in zip(text, clean, strict=True)
    )
