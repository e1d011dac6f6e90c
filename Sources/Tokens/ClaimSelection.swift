internal import JSON

/// Some claims out of all: what stands at the paths that it is made of.
public struct ClaimSelection: Sendable, Hashable {
  /// A claim, by its name in the object around it.
  struct Member: Sendable, Hashable {
    let name: String
    /// What of it is selected, where it is an object; nil: all.
    let inner: ClaimSelection?
  }

  let members: [Member]

  /// Selects what is at one of `paths`. A path that leads into a claim which is selected as a whole adds nothing.
  public init(_ paths: [ClaimPath]) { self.init(paths.map { $0.names[...] }) }

  private init(_ paths: [ArraySlice<String>]) {
    var members: [Member] = []
    var taken: Set<String> = []
    for path in paths {
      guard let name = path.first, taken.insert(name).inserted else { continue }
      let rest = paths.filter { $0.first == name }.map { $0.dropFirst() }
      members.append(Member(name: name, inner: rest.contains(where: \.isEmpty) ? nil : ClaimSelection(rest)))
    }
    self.members = members
  }
}

extension ClaimsSet {
  /// Appends the claims that are selected as a JSON object, each where it stands in the token. One that is not there is
  /// null, which rules take for the same: so it can be told from one that was not selected.
  public func append(_ selection: ClaimSelection, to text: inout [UInt8]) {
    append(selection, of: claims.root, to: &text)
  }

  private func append(_ selection: ClaimSelection, of object: JSONDocument.Place, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "{"))
    for index in selection.members.indices {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      JSONString.append(selection.members[index].name.utf8Span.span, to: &text)
      text.append(UInt8(ascii: ":"))
      if let place = claims.member(selection.members[index].name, of: object) {
        if let inner = selection.members[index].inner, claims.kind(place) == .object {
          append(inner, of: place, to: &text)
        } else {
          claims.append(place, to: &text)
        }
      } else {
        text += "null".utf8
      }
    }
    text.append(UInt8(ascii: "}"))
  }
}
