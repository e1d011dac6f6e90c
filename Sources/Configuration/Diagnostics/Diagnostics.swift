/// All faults of a `gateway.conf`, in the order of the file. Never empty.
public struct Diagnostics: Error, Sendable, Hashable, CustomStringConvertible {
  /// Faults of the file as a whole first, then by position, then those of other files.
  public let list: [Diagnostic]
  /// The files that were read, or were to be: once one of them is corrected there may be no fault.
  public var filesNamed: [String] = []

  /// Whether all of them may be over the next time although nobody has changed anything.
  public var mayPass: Bool { list.allSatisfy(\.mayPass) }

  /// At least one altogether.
  ///
  /// - Parameter others: Of other files that the file names, in their own order.
  public init(_ list: [Diagnostic], others: [Diagnostic] = []) {
    precondition(!list.isEmpty || !others.isEmpty, "no fault, no failure")
    let sorted = list.sorted { left, right in
      switch (left.position, right.position) {
      case (nil, .some): true
      case (.some, nil), (nil, nil): false
      case (let left?, let right?): left < right
      }
    }
    self.list = sorted + others
  }

  /// One line for each.
  public var description: String { list.map(\.description).joined(separator: "\n") }
}
