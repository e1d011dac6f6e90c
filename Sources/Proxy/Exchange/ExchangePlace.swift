/// Where an exchange is found again by what comes back to it from elsewhere.
struct ExchangePlace: Sendable, Equatable {
  /// The loop.
  let worker: Int
  let slot: Int
  /// The exchange of the slot: what is for an earlier one is dropped.
  let exchange: UInt64
}
