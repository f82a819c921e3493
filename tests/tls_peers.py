"""A talk of peers.py inside TLS as OpenSSL makes it, without sockets: what is said is known, and so are the secrets.

Python's `ssl` plays both sides through memory. The client says all its chunks, the server answers its own, each in the order of the
talk; the records are as OpenSSL cuts them.
"""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from peers import CLIENT, SERVER, Talk

NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET, NO_TICKET = 1 << 19, 1, 1 << 14
"""Options of OpenSSL that Python's `ssl` has no name for, or not in every version."""
HOST = "api.deepgram.com"


@cache
def certificate(kind: str = "ec", name: str = HOST, days: int = 30) -> tuple[str, str]:
    """A self-signed certificate for a name, and its key: paths of two PEM files."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1000).not_valid_before(end - dt.timedelta(days=400)).not_valid_after(end)
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    folder = Path(mkdtemp(prefix="certificate-"))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


@dataclass
class Secured:
    """What crossed the wire, the key log of it, and what OpenSSL says that was negotiated."""

    talk: Talk
    keys: bytes
    version: str
    cipher: str
    session: ssl.SSLSession | None = field(default=None, repr=False)


@dataclass
class Peers:
    """Both ends; may speak again, so that sessions are resumed. `keys_of` says whose contexts write the key log."""

    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = "ALL:@SECLEVEL=0"
    options: int = 0
    server_curve: str | None = None
    key: str = "ec"
    alpn: tuple[str, ...] = ()
    client: ssl.SSLContext = field(init=False)
    server: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.client, self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(*certificate(self.key))
        self.client.check_hostname, self.client.verify_mode = False, ssl.CERT_NONE
        for context in (self.client, self.server):
            context.minimum_version = context.maximum_version = self.version
            context.set_ciphers(self.ciphers)
            context.options |= self.options
            if self.alpn:
                context.set_alpn_protocols(list(self.alpn))
        if self.server_curve is not None:
            self.server.set_ecdh_curve(self.server_curve)

    def speak(self, said: Talk, session: ssl.SSLSession | None = None) -> Secured:
        """Say a talk through TLS."""
        log = Path(mkdtemp(prefix="keys-")) / "keys.log"
        self.client.keylog_filename = str(log)
        buffers = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in (CLIENT, SERVER)]
        client = self.client.wrap_bio(*buffers[CLIENT], server_hostname=HOST, session=session)
        ends = [client, self.server.wrap_bio(*buffers[SERVER], server_side=True)]
        talk = Talk()

        def carry() -> None:
            """Bring what either side has to send to the other."""
            for side in (CLIENT, SERVER):
                sent = buffers[side][1].read()
                if sent:
                    talk.chunks.append((side, sent))
                    buffers[1 - side][0].write(sent)

        done = [False, False]
        while not all(done):
            for side in (CLIENT, SERVER):
                try:
                    ends[side].do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                carry()
        for side, content in said.chunks:
            ends[side].write(content)
            carry()
            heard = b""
            while len(heard) < len(content):
                heard += ends[1 - side].read(1 << 16)
            assert heard == content
        used = ends[CLIENT].cipher()
        assert used is not None
        return Secured(talk, log.read_bytes(), client.version() or "", used[0], client.session)
