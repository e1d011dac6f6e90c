/// All faults of a `gateway.conf`, in the order of the file. Never empty.
public struct Diagnostics: Error, Sendable, Hashable, CustomStringConvertible {
  public let list: [Diagnostic]

  /// - Parameter list: At least one.
  public init(_ list: [Diagnostic]) {
    precondition(!list.isEmpty, "no fault, no failure")
    self.list = list.sorted { left, right in
      switch (left.position, right.position) {
      case (nil, .some): true
      case (.some, nil), (nil, nil): false
      case (let left?, let right?): left < right
      }
    }
  }

  /// One line for each.
  public var description: String { list.map(\.description).joined(separator: "\n") }
}
