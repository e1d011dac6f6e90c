/// Identifies an exchange to what later returns to it from outside its loop.
struct ExchangePlace: Sendable, Equatable {
  /// The index of the loop.
  let worker: Int
  let slot: Int
  /// The generation of the slot's exchange: what is meant for an earlier one is dropped.
  let exchange: UInt64
}
