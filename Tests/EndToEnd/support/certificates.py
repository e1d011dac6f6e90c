"""Certificates that the tests make, and clients that speak TLS to the gateway."""
import datetime
import hashlib
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from .ports import PATIENCE
from .wire import Client


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


class Authority:
    """A certificate authority with files of its own in `folder`."""

    def __init__(self, folder, name="an authority"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._build(self.subject, self.key, [], 3650, 0, is_authority=True)
        self.path = folder / (name.replace(" ", "-") + ".pem")
        self.path.write_bytes(pem(self.certificate))

    def issue(self, file, names=("localhost", "example.test"), days=30, since=-1, bits=None, use=None):
        """Writes `file`.pem and `file`.key, over what is there; the certificate and the two paths. `use`: what its key is
        for, where that is said."""
        key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)]), key, names, days, since, use=use)
        chain, private = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        chain.write_bytes(pem(certificate) + pem(self.certificate))
        private.touch(0o600)
        private.write_bytes(key_pem(key))
        return certificate, chain, private

    def staple(self, certificate, days=1):
        """Writes an OCSP response that calls `certificate` good for so many days from now; its path."""
        now = datetime.datetime.now(datetime.timezone.utc)
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate, issuer=self.certificate, algorithm=hashes.SHA1(),
                cert_status=ocsp.OCSPCertStatus.GOOD, this_update=now - datetime.timedelta(days=9),
                next_update=now + datetime.timedelta(days=days),
                revocation_time=None, revocation_reason=None)
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate).sign(self.key, hashes.SHA256()))
        path = self.folder / "staple.der"
        path.write_bytes(response.public_bytes(serialization.Encoding.DER))
        return path

    def _build(self, subject, key, names, days, since, is_authority=False, use=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=since))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
        if use:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), False)
        return builder.sign(self.key, hashes.SHA256())


def general_name(text):
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def thumbprint(certificate):
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()


def client_context(authority=None, protocols=("http/1.1",), version=None, shows=None):
    """What a client wants; without an authority it believes anyone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority.path)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if version:
        context.minimum_version = context.maximum_version = version
    if shows:
        context.load_cert_chain(*shows)
    return context


def server_context(issued, clients=None, version=None, protocols=()):
    """What a server shows, to clients of the authority `clients` alone where there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # It is for the gateway to refuse what is weak.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*issued[1:])
    if clients:
        context.load_verify_locations(clients.path)
        context.verify_mode = ssl.CERT_REQUIRED
    if version:
        context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class SecureClient(Client):
    """A raw connection to a TLS listener."""

    def __init__(self, gateway, context, name="example.test", session=None, seconds=PATIENCE, address=None):
        super().__init__(gateway, seconds, address)
        try:
            self.sock = context.wrap_socket(
                self.sock, server_hostname=name, session=session, suppress_ragged_eofs=False)
        except Exception:
            self.sock.close()
            raise

    @property
    def shown(self):
        """The SHA-256 digest of the gateway's certificate."""
        return hashlib.sha256(self.sock.getpeercert(binary_form=True)).digest()

    def ended_with_notice(self, seconds=PATIENCE):
        """Whether the gateway ends the connection with close_notify, with nothing more said before."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b"" and not self.data
        except ssl.SSLError:
            return False


def reachable(gateway):
    """A plain connection to the gateway's port."""
    sock = socket.create_connection((gateway.host, gateway.port), timeout=PATIENCE)
    sock.settimeout(PATIENCE)
    return sock


@pytest.fixture(name="authority")
def authority_fixture(tmp_path):
    """For the tests of a file that imports it."""
    return Authority(tmp_path)
