internal import Fetch
internal import Sockets

/// Where traces and metrics are sent, and what with.
public struct OTLPEndpoint: Sendable {
  /// Without `/v1/traces` and `/v1/metrics`.
  let url: String
  private let certificateAuthorityFile: String?
  private let fields: [FetchRequest.Field]

  private static let fileBytesMax = 64 * 1024
  /// What the request says itself.
  private static let ownNames = ["content-type", "content-length", "accept", "host", "expect", "transfer-encoding"]

  /// Reads the fields of requests from their file. Blocks.
  ///
  /// - Parameters:
  ///   - headersFile: A field line each; empty lines and those that begin with `#` are passed over.
  ///   - certificateAuthorityFile: A PEM file; nil: the system's.
  public init(url: String, headersFile: String?, certificateAuthorityFile: String?) throws(OTLPError) {
    self.url = url
    self.certificateAuthorityFile = certificateAuthorityFile
    fields = try headersFile.map(OTLPEndpoint.fields) ?? []
  }

  private static func fields(_ path: String) throws(OTLPError) -> [FetchRequest.Field] {
    let contents: FileAccess.Contents
    do throws(SystemError) {
      contents = try FileAccess.read(path, bytesMax: fileBytesMax)
    } catch {
      throw .file("\(error)")
    }
    // The group may read it: that is how secrets are mounted for a service.
    guard contents.mode & 0o007 == 0 else { throw .fileIsOpen(path, mode: contents.mode) }
    var fields: [FetchRequest.Field] = []
    let lines = contents.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      guard let field = try field(bytes, path, index + 1) else { continue }
      fields.append(field)
    }
    return fields
  }

  /// nil where the line is empty.
  private static func field(
    _ bytes: ArraySlice<UInt8>, _ path: String, _ number: Int
  ) throws(OTLPError) -> FetchRequest.Field? {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var line = bytes
    while let last = line.last, isBlank(last) { line.removeLast() }
    guard let first = line.first, first != UInt8(ascii: "#") else { return nil }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      line[..<colon].allSatisfy(isOfToken), line.allSatisfy({ $0 == 0x09 || (0x20..<0x7F).contains($0) })
    else { throw .line(path, number) }
    let name = String(decoding: line[..<colon], as: UTF8.self)
    let value = line[(colon + 1)...].drop(while: isBlank)
    guard !value.isEmpty, !value.contains(0x09), !ownNames.contains(name.lowercased()) else {
      throw .line(path, number)
    }
    return FetchRequest.Field(name: name, value: String(decoding: value, as: UTF8.self))
  }

  /// RFC 9110 §5.6.2.
  private static func isOfToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// Without what may be a secret.
  func address(of signal: OTLPSignal) -> String { "\(url)/v1/\(signal.rawValue)" }

  func request(_ signal: OTLPSignal, _ content: [UInt8]) -> FetchRequest {
    var request = FetchRequest(url: address(of: signal), certificateAuthorityFile: certificateAuthorityFile)
    request.method = .post(contentType: "application/json", content: content)
    request.fields = fields
    request.connection = .kept
    request.bodyBytesMax = 64 * 1024
    return request
  }
}
