"""Two other verifiers of tokens, set up as the gateway is: PyJWT and joserfc."""
import warnings

import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt

from .tokens import AUDIENCE, ISSUER


class PyJWT:
    """Keys are found as PyJWT's own client does, by `kid`; a token without one is tried with each key that is for its
    algorithm."""

    def __init__(self, jwks, secret, leeway):
        self.keys, self.secret, self.leeway = jwt.PyJWKSet(jwks) if jwks else None, secret, leeway
        self.algorithms = ["HS256"] if secret else sorted({jwk["alg"] for jwk in jwks})

    def fault(self, token):
        """None where the token is good, else why not."""
        try:
            keys = [self.secret] if self.secret else self._candidates(jwt.get_unverified_header(token))
        except Exception as error:
            return error
        fault = LookupError("no key")
        for key in keys:
            try:
                jwt.decode(token, key, algorithms=self.algorithms, audience=AUDIENCE, issuer=ISSUER, leeway=self.leeway,
                           options={"require": ["exp", "iss", "aud"]})
                return None
            except Exception as error:
                fault = error
        return fault

    def _candidates(self, header):
        if "kid" in header:
            return [self.keys[header["kid"]]]
        return [key for key in self.keys if key.algorithm_name == header.get("alg")]


class Joserfc:
    """Set up as its guide says: a key set, the algorithms, and a registry of claims."""

    def __init__(self, jwks, secret, leeway):
        self.keys = [joserfc.jwk.OctKey.import_key(secret)] if secret else [joserfc.jwk.import_key(jwk) for jwk in jwks]
        self.secret = secret
        self.algorithms = ["HS256"] if secret else sorted({jwk["alg"] for jwk in jwks})
        self.registry = joserfc.jwt.JWTClaimsRegistry(
            leeway=leeway, iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True})

    def fault(self, token):
        """None where the token is good, else why not."""
        with warnings.catch_warnings():
            # It would rather see another name for EdDSA (RFC 9864).
            warnings.simplefilter("ignore")
            try:
                keys = self.keys
                if not self.secret:
                    keys = self._candidates(joserfc.jws.extract_compact(token.encode()).headers())
            except Exception as error:
                return error
            fault = LookupError("no key")
            for key in keys:
                try:
                    decoded = joserfc.jwt.decode(token, key, algorithms=self.algorithms)
                    self.registry.validate(decoded.claims)
                    return None
                except Exception as error:
                    fault = error
            return fault

    def _candidates(self, header):
        if "kid" in header:
            return [joserfc.jwk.KeySet(self.keys).get_by_kid(header["kid"], {"alg": header["alg"], "use": "sig"})]
        return [key for key in self.keys if key.alg == header.get("alg")]
