import ArgumentParser

/// A configuration that is named without its option, so that the error can say how to name it.
struct MisplacedConfiguration: ParsableArguments {
  @Argument(help: .hidden)
  var unexpected: String?

  func validate() throws {
    if let unexpected { throw ValidationError("Unexpected argument '\(unexpected)'; write --config \(unexpected)") }
  }
}
