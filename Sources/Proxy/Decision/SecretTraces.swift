/// Looks for parts of secrets: a truncated secret is no less of a leak.
struct SecretTraces {
  /// The consecutive pieces of eight bytes of each secret, as many as fit.
  private var pieces: Set<UInt64> = []
  /// Whether a piece ends with two bytes: for nearly all of them a quick answer.
  private var areLast = [Bool](repeating: false, count: 1 << 16)

  init(of secrets: [[UInt8]]) {
    for secret in secrets {
      var piece: UInt64 = 0
      for (index, byte) in secret.enumerated() {
        piece = piece << 8 | UInt64(byte)
        guard index % 8 == 7 else { continue }
        pieces.insert(piece)
        areLast[Int(piece & 0xFFFF)] = true
      }
    }
  }

  /// Whether the text contains one; any 15 consecutive bytes of a secret are always found.
  func stand(in text: [UInt8]) -> Bool {
    var window: UInt64 = 0
    for byte in text {
      window = window << 8 | UInt64(byte)
      if areLast[Int(window & 0xFFFF)], pieces.contains(window) { return true }
    }
    return false
  }
}
