/// Looks for parts of secrets: a secret that is cut somewhere is not less of a leak.
struct SecretTraces {
  /// Of each secret, pieces of eight bytes: as many as fit.
  private var pieces: Set<UInt64> = []
  /// Whether a piece ends with a byte, for most bytes a quick answer.
  private var isLast = [Bool](repeating: false, count: 256)

  init(of secrets: [[UInt8]]) {
    for secret in secrets {
      var piece: UInt64 = 0
      for (index, byte) in secret.enumerated() {
        piece = piece << 8 | UInt64(byte)
        guard index % 8 == 7 else { continue }
        pieces.insert(piece)
        isLast[Int(byte)] = true
      }
    }
  }

  /// Whether one stands in the text; 15 bytes of a secret, wherever they are of it, always do.
  func stand(in text: [UInt8]) -> Bool {
    var window: UInt64 = 0
    for byte in text {
      window = window << 8 | UInt64(byte)
      if isLast[Int(byte)], pieces.contains(window) { return true }
    }
    return false
  }
}
