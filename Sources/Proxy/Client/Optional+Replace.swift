extension Optional where Wrapped: ~Copyable {
  /// Sets `value`, and gives what was there before.
  ///
  /// To be preferred to an assignment where a class holds it: an assignment lets go of the old value while it has access to
  /// the property, and then every use of that property is checked for exclusivity.
  @discardableResult
  @inline(__always)
  mutating func replace(with value: consuming Wrapped) -> Wrapped? {
    var other: Wrapped? = consume value
    swap(&self, &other)
    return other
  }
}
