public import HTTP
public import Sockets
public import Tokens

/// Why keys cannot be had. No secret is in it.
public enum KeyFault: Error, Sendable {
  case fetch(FetchFault)
  /// Another status than 200.
  case status(Int)
  case keySet(KeySetError)
  /// The secret cannot be one.
  case secret(UnusedKey)
  /// The secret has so few bytes, and would sign with that algorithm (SECURITY T-2).
  case secretTooShort(bytes: Int, SignatureAlgorithm)
  /// No discovery document: not JSON, or without `issuer` or `jwks_uri`.
  case discoveryMalformed
  /// The discovery document is another issuer's (OpenID Connect Discovery §4.3).
  case issuerDiffers(found: String)
  /// The discovery document names an address of so many bytes.
  case keysAddressTooLong(Int)
  /// The issuer is at https and its keys are not.
  case keysInPlainText(address: ShownURL)
  case file(SystemError)
  /// Whoever is not the owner can read a private key (SECURITY K-8).
  case fileIsOpen(String, mode: UInt32)
  /// Whoever is not the owner can put another private key in the folder.
  case folderIsOpen(String, mode: UInt32)
  /// Everyone can read, or change, a shared secret (SECURITY L-3).
  case secretIsOpen(String, mode: UInt32)
  /// Everybody may write into a file of keys that are believed.
  case keysAreOpen(String, mode: UInt32)
  case foreignFile(String, FileOwner)
  /// The file holds no private key for the algorithm in its name.
  case signingKeyUnusable(String)
  /// The file holds an RSA key that is too short or too long to sign with.
  case signingKeySize(String, bits: Int)
  case keyNotGenerated
  /// The file of certificate authorities holds none.
  case noCertificate(String)
  /// The folder has no key, and none is to be made.
  case noSigningKey(String)
  /// The keys that were in use are not in the folder any more.
  case signingKeysGone(String)
}
