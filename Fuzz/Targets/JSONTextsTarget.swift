import JSON

/// SECURITY T-5: one text has one reading, or none.
enum JSONTextsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let reference = ReferenceJSON.read(input)
    guard let value = try? JSON.parse(input) else {
      try require(reference == nil, "what the grammar allows is accepted")
      return .refused
    }
    guard let reference else { throw Violation("what the grammar forbids is refused") }
    try require(value == reference && value.serialized() == reference.serialized(), "the value is the text's")
    guard let document = try? JSONDocument(input) else { throw Violation("the document is read like the value") }
    try checkDocument(document, document.root, reference)
    try require(value.depth <= 16, "nothing is nested deeper than 16 levels")
    // A smaller bound refuses exactly what is nested deeper.
    let isShallow = (try? JSON.parse(input, depthMax: 3)) != nil
    try require(isShallow == (value.depth <= 3), "depth is counted alike at every bound")

    let text = value.serialized()
    try require(String(validating: text, as: UTF8.self) != nil, "a serialized value is UTF-8")
    guard let again = try? JSON.parse(text.span) else { throw Violation("a serialized value can be parsed") }
    try require(again == value && again.serialized() == text, "a serialized value is parsed to the same value")
    return .accepted
  }

  /// A document that is read where it stands says the same.
  private static func checkDocument(
    _ document: JSONDocument, _ place: JSONDocument.Place, _ value: JSONValue
  ) throws(Violation) {
    switch value {
    case .null: try require(document.kind(place) == .null, "null stands there")
    case .bool: try require(document.kind(place) == .bool, "a truth value stands there")
    case .integer(let integer): try require(document.integer(place) == integer, "the integer stands there")
    case .number(let number): try require(document.number(place) == number, "the number stands there")
    case .string(let text):
      try require(document.isString(place, text) && document.string(place) == text, "the string stands there")
      try require(document.stringRange(place)?.count == text.utf8.count, "the string's bytes stand there")
      try require(!document.isString(place, text + "x"), "no other string stands there")
    case .array(let elements):
      try require(document.kind(place) == .array, "an array stands there")
      var next = document.firstElement(of: place)
      for element in elements {
        guard let found = next else { throw Violation("every element is found") }
        try checkDocument(document, found, element)
        next = document.element(after: found, of: place)
      }
      try require(next == nil, "no other element is found")
    case .object(let object):
      try require(document.kind(place) == .object, "an object stands there")
      var next = document.firstMember(of: place)
      for member in object.members {
        guard let found = next else { throw Violation("every member is found") }
        try require(document.name(of: found).utf8.elementsEqual(member.name.utf8), "it is named so")
        try require(document.member(member.name, of: place) == found.value, "it is found by its name")
        try checkDocument(document, found.value, member.value)
        next = document.member(after: found, of: place)
      }
      try require(next == nil, "no other member is found")
    }
  }
}

extension JSONValue {
  /// How many arrays and objects stand in each other.
  fileprivate var depth: Int {
    switch self {
    case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
    case .object(let object): 1 + (object.members.map(\.value.depth).max() ?? 0)
    default: 0
    }
  }
}
