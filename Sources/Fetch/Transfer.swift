internal import CCurl
internal import Sockets

/// One exchange of a fetcher: libcurl's easy handle, and what has come so far. Owns the handle.
@safe final class Transfer {
  let handle: UnsafeMutableRawPointer
  private let request: FetchRequest
  private let completion: (Result<FetchResponse, FetchError>) -> Void
  private var fields: UnsafeMutablePointer<curl_slist>?
  private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var body: [UInt8] = []
  private var headBytes = 0
  private var entityTag: String?
  private var freshness = FreshnessFields()
  private var contentType: String?
  private var date: Int64?
  private var retryAfter: Duration?
  private var fault: FetchError?

  private static let headBytesMax = 64 * 1024

  init(
    _ request: FetchRequest, completion: @escaping (Result<FetchResponse, FetchError>) -> Void
  ) throws(FetchError) {
    guard let handle = unsafe curl_easy_init() else { throw .failed("curl_easy_init") }
    unsafe self.handle = unsafe handle
    self.request = request
    self.completion = completion
    unsafe message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    guard Transfer.isSound(request) else { throw .requestRefused }
    guard configure() else { throw .failed("libcurl refuses an option") }
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(fields)
    unsafe message.deallocate()
  }

  /// Tells what came of it.
  func end(_ code: CURLcode) {
    completion(result(code))
  }

  func stop() {
    completion(.failure(.stopped))
  }

  private func result(_ code: CURLcode) -> Result<FetchResponse, FetchError> {
    if let fault { return .failure(fault) }
    switch code {
    case CURLE_OK:
      return .success(
        FetchResponse(
          status: unsafe portcullis_curl_status(handle), body: body, entityTag: entityTag,
          freshness: freshness.freshness, contentType: contentType,
          serverTime: date.map { $0 + freshness.age }, retryAfter: retryAfter, certificateEnd: certificateEnd))
    case CURLE_OPERATION_TIMEDOUT: return .failure(.timedOut(request.timeout))
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: return .failure(.certificateRefused(text(code)))
    case CURLE_FILESIZE_EXCEEDED: return .failure(.bodyTooLarge(bytesMax: request.bodyBytesMax))
    default: return .failure(.failed(text(code)))
    }
  }

  /// The first end of those that the server showed.
  private var certificateEnd: Int64? {
    guard request.readsCertificates else { return nil }
    var first: Int64?
    var index: Int32 = 0
    while let text = unsafe portcullis_curl_certificate_end(handle, index) {
      if let end = Transfer.time(unsafe String(cString: text)) { first = min(first ?? end, end) }
      index += 1
    }
    return first
  }

  private func text(_ code: CURLcode) -> String {
    let detail = unsafe String(cString: message)
    return detail.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : detail
  }

  // MARK: What arrives

  /// - Returns: False to end the transfer.
  private func take(body bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count <= request.bodyBytesMax - body.count else {
      fault = .bodyTooLarge(bytesMax: request.bodyBytesMax)
      return false
    }
    unsafe body.append(contentsOf: bytes)
    return true
  }

  private func take(fieldLine bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    headBytes += bytes.count
    guard headBytes <= Transfer.headBytesMax else {
      fault = .headTooLarge
      return false
    }
    let line = unsafe String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // What an interim response said is not of the final one (RFC 9110 §15.2).
      entityTag = nil
      freshness = FreshnessFields()
      date = nil
      retryAfter = nil
      return true
    }
    guard let colon = line.firstIndex(of: ":") else { return true }
    let value = line[line.index(after: colon)...].filter { $0 != "\r\n" && $0 != "\r" && $0 != "\n" }
      .drop { $0 == " " || $0 == "\t" }
    switch line[..<colon].lowercased() {
    case "etag" where value.utf8.count <= 256: entityTag = String(value)
    case "cache-control": freshness.add(cacheControl: String(value))
    case "age": freshness.add(age: String(value))
    case "content-type" where value.utf8.count <= 256: contentType = String(value)
    case "date" where value.utf8.count <= 64: date = Transfer.time(String(value))
    case "retry-after" where value.utf8.count <= 64: retryAfter = Transfer.pause(String(value))
    case "content-encoding" where !Transfer.isIdentity(value):
      fault = .contentCoded
      return false
    default: break
    }
    return true
  }

  /// The seconds since 1970 that a date means (RFC 9110 §5.6.7); nil: it is none, or from before 1970.
  private static func time(_ date: String) -> Int64? {
    let seconds = unsafe curl_getdate(date, nil)
    // What is further away is no clock, and sums with it are none.
    return (0...1 << 40).contains(seconds) ? Int64(seconds) : nil
  }

  /// What a Retry-After asks for (RFC 9110 §10.2.3): seconds, or a moment; nil: it is neither.
  private static func pause(_ value: String) -> Duration? {
    let text = value.prefix { $0 != " " && $0 != "\t" }
    if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      return text.isEmpty ? nil : .seconds(min(Int64(text) ?? pauseSecondsMax, pauseSecondsMax))
    }
    return time(value).map { .seconds(max($0 - WallClock.seconds, 0)) }
  }

  private static let pauseSecondsMax: Int64 = 1 << 31

  /// Whether a Content-Encoding says that there is none (RFC 9110 §8.4.1).
  private static func isIdentity(_ coding: some StringProtocol) -> Bool {
    let words = coding.split { $0 == " " || $0 == "\t" }
    return words.isEmpty || (words.count == 1 && words[0].lowercased() == "identity")
  }

  // MARK: Options

  private func configure() -> Bool {
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    let milliseconds = request.timeout.wholeNanoseconds / 1_000_000
    var isDone = true
    // QUICK_EXIT: a thread that waits for a name server is left to itself when the time is over. libcurl would wait for
    // it on this loop, up to a minute.
    for (option, value) in [
      (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
      (CURLOPT_TIMEOUT_MS, Int(milliseconds)), (CURLOPT_MAXFILESIZE, request.bodyBytesMax),
      (CURLOPT_FORBID_REUSE, request.connection == .closed ? 1 : 0),
      (CURLOPT_NETRC, 0), (CURLOPT_QUICK_EXIT, 1), (CURLOPT_DISALLOW_USERNAME_IN_URL, 1),
      (CURLOPT_CERTINFO, request.readsCertificates ? 1 : 0),
      (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
    ] {
      isDone = unsafe isDone && portcullis_curl_set_long(handle, option, value) == CURLE_OK
    }
    var texts = [
      (CURLOPT_URL, request.url), (CURLOPT_PROTOCOLS_STR, "http,https"), (CURLOPT_REDIR_PROTOCOLS_STR, "https"),
      // What the environment says of proxies is no part of the configuration.
      (CURLOPT_PROXY, ""), (CURLOPT_USERAGENT, "portcullis"),
    ]
    if let file = request.certificateAuthorityFile { texts.append((CURLOPT_CAINFO, file)) }
    if let path = request.unixSocket { texts.append((CURLOPT_UNIX_SOCKET_PATH, path)) }
    for (option, value) in texts {
      isDone = unsafe isDone && portcullis_curl_set_text(handle, option, value) == CURLE_OK
    }
    // libcurl would keep the file's authorities for a day, and not see that it holds others.
    if request.certificateAuthorityFile != nil {
      isDone = unsafe isDone && portcullis_curl_set_long(handle, CURLOPT_CA_CACHE_TIMEOUT, 0) == CURLE_OK
    }
    // libcurl would go on to believe the system's folder of certificates beside the file.
    if request.certificateAuthorityFile != nil {
      isDone = unsafe isDone && portcullis_curl_set_text(handle, CURLOPT_CAPATH, nil) == CURLE_OK
    }
    var lines = ["Accept: \(request.accept)"]
    if let tag = request.ifNoneMatch { lines.append("If-None-Match: \(tag)") }
    for field in request.fields { lines.append("\(field.name): \(field.value)") }
    if case .post(let contentType, let content) = request.method {
      // A server that answers no 100 would cost a second each time (RFC 9110 §10.1.1).
      lines += ["Content-Type: \(contentType)", "Expect:"]
      isDone = unsafe isDone && setContent(content)
    }
    for line in lines { unsafe fields = curl_slist_append(fields, line) }
    unsafe isDone =
      isDone
      && portcullis_curl_set_pointer(handle, CURLOPT_HTTPHEADER, UnsafeMutableRawPointer(fields)) == CURLE_OK
      && portcullis_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(message)) == CURLE_OK
      && portcullis_curl_set_pointer(handle, CURLOPT_WRITEDATA, context) == CURLE_OK
      && portcullis_curl_set_pointer(handle, CURLOPT_HEADERDATA, context) == CURLE_OK
    // SAFETY: libcurl calls these only while the fetcher holds the transfer, with as many bytes as it says.
    unsafe isDone =
      isDone
      && portcullis_curl_set_data(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
        unsafe Transfer.received(bytes, size * count, context) { unsafe $0.take(body: $1) }
      } == CURLE_OK
      && portcullis_curl_set_data(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
        unsafe Transfer.received(bytes, size * count, context) { unsafe $0.take(fieldLine: $1) }
      } == CURLE_OK
    return isDone
  }

  /// libcurl copies the bytes. It is told the count before: they may hold a NUL.
  @unsafe private func setContent(_ content: [UInt8]) -> Bool {
    guard unsafe portcullis_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, content.count) == CURLE_OK else {
      return false
    }
    // SAFETY: the array lives for the call, and libcurl reads as many bytes of it as it was told.
    return unsafe content.withUnsafeBytes { bytes in
      unsafe portcullis_curl_set_pointer(
        handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress)) == CURLE_OK
    }
  }

  /// Whether each field is one line, and the content within its bound.
  private static func isSound(_ request: FetchRequest) -> Bool {
    var texts = request.fields.flatMap { [$0.name, $0.value] }
    if case .post(let contentType, let content) = request.method {
      guard content.count <= FetchRequest.contentBytesMax else { return false }
      texts.append(contentType)
    }
    return texts.allSatisfy { text in text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
  }

  @unsafe private static func received(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ take: (Transfer, UnsafeBufferPointer<UInt8>) -> Bool
  ) -> Int {
    guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return unsafe bytes.withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
      unsafe take(transfer, UnsafeBufferPointer(start: bytes, count: count)) ? count : 0
    }
  }
}
