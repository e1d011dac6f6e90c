/// A mapping that was decoded: its values, and where each key stands, for checks that need several keys.
struct Decoded<Target: Sendable>: Sendable {
  var value: Target
  fileprivate(set) var places: KeyPlaces

  /// What a mapping that is left out stands for.
  init(_ defaults: Target) {
    value = defaults
    places = KeyPlaces(mapping: Position(line: 1, column: 1))
  }

  init(_ value: Target, _ places: KeyPlaces) {
    self.value = value
    self.places = places
  }
}

/// Where the keys of one mapping stand, and which of them decoded.
struct KeyPlaces: Sendable {
  private struct Place {
    let name: String
    let key: Position
    let value: Position
    let soundness: Soundness
  }

  /// Where the mapping begins.
  let mapping: Position
  private var places: [Place] = []
  private var unknownNames: [String] = []

  init(mapping: Position) {
    self.mapping = mapping
  }

  mutating func record(_ entry: Node.Entry, _ soundness: Soundness) {
    places.append(
      Place(name: entry.key, key: entry.keyPosition, value: entry.value.position, soundness: soundness))
  }

  mutating func recordUnknown(_ name: String) { unknownNames.append(name) }

  /// Whether the key is left out, and not only misspelled: "isuer" has been reported, with a hint, and that "issuer" is
  /// missing is the same fault.
  func isMissing(_ name: String) -> Bool {
    !isWritten(name) && !unknownNames.contains { NearestWord.find($0, in: [name]) != nil }
  }

  func isWritten(_ name: String) -> Bool { places.contains { $0.name == name } }

  /// Whether none of the keys has been reported: checks that compare values stay silent otherwise.
  func areSound(_ names: String...) -> Bool {
    !places.contains { $0.soundness == .faulty && names.contains($0.name) }
  }

  /// Where the key's value stands; the mapping's place where the key is left out.
  func value(_ name: String) -> Position { places.first { $0.name == name }?.value ?? mapping }

  /// Where the key stands; the mapping's place where it is left out.
  func key(_ name: String) -> Position { places.first { $0.name == name }?.key ?? mapping }
}

/// Whether a key's value could be decoded.
enum Soundness: Sendable { case sound, faulty }
