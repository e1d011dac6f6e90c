internal import CCurl
public import Sockets

/// Fetches on a loop: libcurl says which descriptors and which timer it waits for, and the loop's epoll set watches them.
///
/// Bound to its loop, as is every completion.
@safe public final class Fetcher {
  private let loop: EventLoop
  private let multi: UnsafeMutableRawPointer
  private var transfers: [UnsafeMutableRawPointer: Transfer] = unsafe [:]
  private var watches: [Int32: Watch] = [:]
  private var timer: LoopTimer?

  /// libcurl's own set-up, which wants to run before any other thread uses it.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// - Parameter loop: What completions are called on.
  /// - Throws: `FetchError.failed` if libcurl has no memory, or cannot be set up.
  public init(loop: EventLoop) throws(FetchError) {
    guard Fetcher.isReady, let multi = unsafe curl_multi_init() else { throw .failed("curl_multi_init") }
    self.loop = loop
    unsafe self.multi = unsafe multi
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    // SAFETY: the callbacks run inside calls of this object alone, so the context is alive.
    let code = unsafe portcullis_curl_set_callbacks(
      multi, { _, descriptor, what, context, _ in unsafe Fetcher.of(context)?.watch(descriptor, what) ?? 0 },
      { _, milliseconds, context in unsafe Fetcher.of(context)?.setTimer(milliseconds) ?? 0 }, context)
    guard code == CURLM_OK else { throw .failed("curl_multi_setopt") }
  }

  deinit {
    timer?.cancel()
    // What libcurl would say while it cleans up has nobody to listen any more.
    _ = unsafe portcullis_curl_set_callbacks(multi, nil, nil, nil)
    while let transfer = unsafe transfers.popFirst()?.value {
      withExtendedLifetime(transfer) { _ = unsafe curl_multi_remove_handle(multi, transfer.handle) }
    }
    for watch in watches.values { loop.unregister(watch) }
    unsafe curl_multi_cleanup(multi)
  }

  /// Fetches; `completion` is called once, later, on the loop.
  public func fetch(_ request: FetchRequest, completion: @escaping (Result<FetchResponse, FetchError>) -> Void) {
    loop.assertIsCurrent()
    do throws(FetchError) {
      guard FetchAddress.isAllowed(request.url, inClear: request.isInClear) else { throw .addressRefused }
      let transfer = try Transfer(request, completion: completion)
      guard unsafe curl_multi_add_handle(multi, transfer.handle) == CURLM_OK else {
        throw .failed("curl_multi_add_handle")
      }
      unsafe transfers[transfer.handle] = transfer
    } catch {
      loop.schedule(after: .zero) { completion(.failure(error)) }
    }
  }

  /// Ends every exchange; their completions are told so.
  public func stop() {
    timer?.cancel()
    let ended = unsafe Array(transfers.values)
    unsafe transfers = unsafe [:]
    for transfer in ended {
      unsafe curl_multi_remove_handle(multi, transfer.handle)
      transfer.stop()
    }
  }

  @unsafe private static func of(_ context: UnsafeMutableRawPointer?) -> Fetcher? {
    unsafe context.map { unsafe Unmanaged<Fetcher>.fromOpaque($0).takeUnretainedValue() }
  }

  private func setTimer(_ milliseconds: Int) -> Int32 {
    timer?.cancel()
    timer = nil
    guard milliseconds >= 0 else { return 0 }
    // Also with 0 milliseconds it is too early: libcurl must not be called from its own callback.
    timer = loop.schedule(after: .milliseconds(milliseconds)) { [unowned self] in act(CURL_SOCKET_TIMEOUT, 0) }
    return 0
  }

  private func watch(_ descriptor: Int32, _ what: Int32) -> Int32 {
    if what == CURL_POLL_REMOVE {
      if let watch = watches.removeValue(forKey: descriptor) { loop.unregister(watch) }
      return 0
    }
    let interest: Interest =
      switch what {
      case CURL_POLL_IN: .readableLevel
      case CURL_POLL_OUT: .writableLevel
      default: .bothLevel
      }
    do throws(SystemError) {
      if let watch = watches[descriptor] {
        try loop.modify(watch, interest: interest)
      } else {
        let watch = Watch(self, descriptor)
        try loop.register(watch, descriptor: descriptor, interest: interest)
        watches[descriptor] = watch
      }
      return 0
    } catch {
      return -1
    }
  }

  fileprivate func act(_ descriptor: Int32, _ events: Int32) {
    var running: Int32 = 0
    unsafe curl_multi_socket_action(multi, descriptor, events, &running)
    var code = CURLE_OK
    while let handle = unsafe portcullis_curl_next_ended(multi, &code) {
      guard let transfer = unsafe transfers.removeValue(forKey: handle) else { continue }
      unsafe curl_multi_remove_handle(multi, handle)
      transfer.end(code)
    }
  }
}

/// A descriptor that libcurl waits for.
private final class Watch: Pollable {
  private unowned let fetcher: Fetcher
  private let descriptor: Int32

  init(_ fetcher: Fetcher, _ descriptor: Int32) {
    self.fetcher = fetcher
    self.descriptor = descriptor
  }

  override func ready(_ events: ReadyEvents) {
    var mask: Int32 = 0
    if events.contains(.readable) || events.contains(.peerClosed) || events.contains(.hangup) {
      mask |= CURL_CSELECT_IN
    }
    if events.contains(.writable) { mask |= CURL_CSELECT_OUT }
    if events.contains(.error) { mask |= CURL_CSELECT_ERR }
    fetcher.act(descriptor, mask)
  }
}
