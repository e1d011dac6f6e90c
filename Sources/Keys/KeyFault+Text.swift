internal import Crypto
public import Fetch
internal import HTTP
internal import JSON
internal import Sockets
internal import Tokens

/// What `Fetch` says of a failure.
public typealias FetchFault = FetchError

extension KeyFault: CustomStringConvertible {
  /// In words, for a log, with the command that mends it where there is one.
  public var description: String {
    switch self {
    case .fetch(let fault): fault.description
    case .status(let status): "the response has status \(status), not 200"
    case .keySet(let error): error.description
    case .secret(let cause): "the secret cannot be used: \(cause)"
    case .secretTooShort(let bytes, let algorithm):
      "the secret cannot be used: it has \(bytes) bytes, too few for \(algorithm.rawValue) (RFC 7518 §3.2)"
    case .discoveryMalformed: "no discovery document: a JSON object with \"issuer\" and \"jwks_uri\" is needed"
    case .issuerDiffers(let found): "the discovery document is for the issuer \(JSONValue.quotedExcerpt(found))"
    case .keysAddressTooLong(let count):
      "the discovery document has keys at an address of \(count) bytes; at most \(DiscoveryDocument.addressBytesMax) are accepted"
    case .keysInPlainText(let address):
      "the discovery document of an https issuer has keys at \(JSONValue.quotedExcerpt(address.description)), which is not https"
    case .file(let error): "\(error)"
    case .fileIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner may read it: run chmod go= \(path)"
    case .folderIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner may write in it: run chmod go-w \(path)"
    case .secretIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner and group may use it: run chmod o= \(path)"
    case .keysAreOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); whoever can write into it can make tokens that are accepted: run chmod o-w \(path)"
    case .foreignFile(let path, let owner): "\(path) \(owner.distrust)"
    case .signingKeyUnusable(let path): "\(path) contains no private key for the algorithm in its name"
    case .signingKeySize(let path, let bits):
      "\(path) holds \(PublicKeyError.modulusSize(bits: bits).description)"
    case .noCertificate(let path): "\(path) contains no certificate in PEM"
    case .keyNotGenerated: "a key could not be made"
    case .noSigningKey(let path): "\(path) holds no key of it; portcullis keys generate makes one"
    case .signingKeysGone(let path):
      "\(path) no longer holds the keys in use: bring them back, or make a new one with portcullis keys generate"
    }
  }
}
