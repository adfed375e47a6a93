"""A certificate authority of this checkout, for the local edge's HTTPS.

Released functions call their own site over https, for example for OpenNext's revalidation. They trust this
authority through `NODE_EXTRA_CA_CERTS`. No other program on the machine trusts it. Browsers use plain http.
"""

import datetime as dt
import re
import ssl
from collections import OrderedDict
from pathlib import Path

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 30
# An authority that expires within this time is replaced at the start of the edge. Running processes would not
# trust a new authority, so the authority must not expire while they run.
RENEWAL_DAYS = 60
MAXIMUM_CONTEXTS = 256
NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE)

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@define(eq=False)
class LocalAuthority:
    """A certificate authority with its key in `directory`. It provides TLS settings for any host name.

    Each host name gets its own certificate on first use, because clients refuse a wildcard directly below a
    top-level name (`*.localhost`).

    Attributes:
        directory: The folder of the authority's files. It is created if it is missing.
        now: The current time. Certificates are valid from one hour before this time.
    """

    directory: Path
    now: dt.datetime
    _key: ec.EllipticCurvePrivateKey = field(init=False)
    _certificate: x509.Certificate = field(init=False)
    _contexts: OrderedDict[str, ssl.SSLContext] = field(factory=OrderedDict, init=False)

    def __attrs_post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self._load():
            self._create()

    @property
    def certificate_file(self) -> Path:
        """The authority's certificate file (PEM), for clients that must trust it."""
        return self.directory / "authority.pem"

    def create_server_context(self) -> ssl.SSLContext:
        """Return the TLS settings of a server for every host name."""
        context = self._get_context("localhost")

        def choose_context(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            if name and NAME.fullmatch(name):
                connection.context = self._get_context(name.lower())

        # The type stubs declare this callback only for sockets, but asyncio passes an SSLObject.
        context.sni_callback = choose_context  # pyright: ignore[reportAttributeAccessIssue]
        return context

    def _get_context(self, name: str) -> ssl.SSLContext:
        context = self._contexts.get(name)
        if context is None:
            key, certificate = self._issue_certificate(name)
            file = self.directory / "server.pem"
            file.touch(mode=0o600)
            file.write_bytes(_encode_key(key) + certificate.public_bytes(serialization.Encoding.PEM))
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            # The ssl module can load a key only from a file. Therefore the key is in a file for a moment.
            context.load_cert_chain(file)
            file.unlink()
            self._contexts[name] = context
            while len(self._contexts) > MAXIMUM_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(name)
        return context

    def _issue_certificate(self, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._create_builder(f"anchor-deploy local edge: {name}"[:64], key, SERVER_DAYS)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .issuer_name(self._certificate.subject)
            .sign(self._key, hashes.SHA256())
        )
        return key, certificate

    def _load(self) -> bool:
        try:
            key = serialization.load_pem_private_key((self.directory / "authority.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            return False
        if certificate.not_valid_after_utc < self.now + dt.timedelta(days=RENEWAL_DAYS):
            return False
        self._key, self._certificate = key, certificate
        return True

    def _create(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = "anchor-deploy local authority"
        self._certificate = (
            self._create_builder(name, self._key, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .sign(self._key, hashes.SHA256())
        )
        key_file = self.directory / "authority.key"
        key_file.touch(mode=0o600)
        key_file.write_bytes(_encode_key(self._key))
        self.certificate_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def _create_builder(
        self, name: str, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # Start one hour before now, so that the certificate is valid even if the clock is set back.
            .not_valid_before(self.now - dt.timedelta(hours=1))
            .not_valid_after(self.now + dt.timedelta(days=days))
        )


def _encode_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
