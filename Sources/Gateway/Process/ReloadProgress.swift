/// The reload that goes on, and the one that is asked for meanwhile.
struct ReloadProgress {
  /// Who asked for one, and for what.
  struct Order {
    /// Called once, with what is wrong; with nothing, where the configuration was taken.
    var completions: [([String]) -> Void] = []
    /// How long it is on trial; nil: as the configuration says, or was asked for before.
    var canary: Duration?
    /// Whether an operator asked for it: then all files are taken as they are, and none is half-written.
    var isByOperator = false

    mutating func takeCompletions() -> [([String]) -> Void] {
      defer { completions = [] }
      return completions
    }
  }

  /// Of the one that goes on, or was the last.
  var current = Order()
  /// Of one that has not begun yet.
  var next = Order()
  var isGoingOn = false
  /// Whether another was asked for, while one goes on.
  var isWanted = false
  /// Whether it waits for keys to be fetched.
  var waitsForKeys = false
  /// Keys of it that take effect with SIGUSR2 or a restart.
  var pending: [String] = []

  mutating func begin() {
    isGoingOn = true
    current = next
    next = Order()
  }

  /// Leaves what the one that goes on was asked for to the next one.
  mutating func giveWay() {
    next.completions = current.takeCompletions() + next.completions
    next.isByOperator = next.isByOperator || current.isByOperator
    isWanted = false
    waitsForKeys = false
    isGoingOn = false
  }
}
