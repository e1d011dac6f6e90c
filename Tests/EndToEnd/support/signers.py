"""Keys that sign as no honest issuer does: any bytes, with any algorithm that the key has, honestly or not."""
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

# Bytes of r and of s, and the order of the curve.
CURVES = {
    "ES256": (32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "ES384": (48, 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D),
}
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


class Signer:
    """A key of one algorithm: `private` signs, `jwk` is public; or a secret."""

    def __init__(self, algorithm, kid, private=None, secret=None, jwk=None):
        self.algorithm, self.kid, self.private, self.secret, self.jwk = algorithm, kid, private, secret, jwk

    def sign(self, data, algorithm=None):
        algorithm = algorithm or self.algorithm
        digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(algorithm[2:])
        if algorithm.startswith("RS"):
            return self.private.sign(data, padding.PKCS1v15(), digest())
        if algorithm.startswith("PS"):
            return self.salted(data, digest, digest.digest_size)
        if algorithm.startswith("ES"):
            size = CURVES[self.algorithm][0]
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest())))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if algorithm == "EdDSA":
            return self.private.sign(data)
        return hmac.new(self.secret, data, f"sha{algorithm[2:]}").digest()

    def salted(self, data, digest, salt):
        return self.private.sign(data, padding.PSS(padding.MGF1(digest()), salt), digest())

    def public_forms(self):
        """What a careless verifier would take for a secret."""
        public = self.private.public_key()
        encoding, form = serialization.Encoding, serialization.PublicFormat
        pem = public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo)
        return [pem, pem.rstrip(b"\n"), public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo),
                json.dumps(self.jwk).encode(), b""]
