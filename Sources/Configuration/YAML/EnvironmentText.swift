/// `${NAME}` in a text stands for a variable of the environment; `$${` for `${` itself. What a variable holds is text:
/// it is never read as YAML, and never replaced again.
enum EnvironmentText {
  struct Fault: Error, Equatable {
    let message: String
  }

  static func replace(in text: String, from environment: [String: String]) throws(Fault) -> String {
    var output = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
      output += rest[..<dollar]
      rest = rest[dollar...]
      if rest.hasPrefix("$${") {
        output += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        guard let end = rest.firstIndex(of: "}") else {
          throw Fault(message: "\"${\" has no \"}\"; write $${ for the text itself")
        }
        let name = rest[..<end].dropFirst(2)
        output += try value(of: name, in: environment)
        rest = rest[rest.index(after: end)...]
      } else {
        output += "$"
        rest = rest.dropFirst()
      }
    }
    return output + rest
  }

  private static func value(of name: Substring, in environment: [String: String]) throws(Fault) -> String {
    guard isName(name) else {
      throw Fault(message: "\"${\(name)}\" names no environment variable; write $${ for the text itself")
    }
    guard let value = environment[String(name)] else {
      throw Fault(message: "environment variable \"\(name)\" is not set\(cure(for: name))")
    }
    return value
  }

  /// systemd sets the folder of credentials (systemd.exec(5)) inside the service alone. Commands beside it find the same
  /// files where the service manager keeps them.
  private static func cure(for name: Substring) -> String {
    guard name == "CREDENTIALS_DIRECTORY" else { return "" }
    return "; systemd sets it for the service alone: beside it, as root and while the service runs, export "
      + "CREDENTIALS_DIRECTORY=/run/credentials/portcullis.service"
  }

  private static func isName(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
