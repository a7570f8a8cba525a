"""Certificates for test relays: an authority of our own, and what it signs, right or wrong."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates; ``root`` is the file that a trusting client names in SSL_CERT_FILE."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "medsupply test authority")])
        built = self._builder(self.name, self.key, datetime.now(UTC), days=30)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = folder / "root.pem"
        self.root.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - timedelta(days=1))
            .not_valid_after(start + timedelta(days=days))
        )

    def context(self, name: str = "127.0.0.1", *, days: int = 7) -> ssl.SSLContext:
        """A server context with a certificate for ``name``; ``days`` below 0: it has run out."""
        key = ec.generate_private_key(ec.SECP256R1())
        told: x509.GeneralName = x509.DNSName(name)
        if name[0].isdigit():
            told = x509.IPAddress(ip_address(name))
        start = datetime.now(UTC) if days > 0 else datetime.now(UTC) - timedelta(days=30)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = self._builder(subject, key, start, abs(days)).add_extension(
            x509.SubjectAlternativeName([told]), critical=False
        )
        pem = self.folder / f"{name}-{days}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(pem)
        return made
