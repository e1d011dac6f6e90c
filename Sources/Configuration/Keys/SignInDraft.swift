/// `providers.<name>.sign_in` as written.
struct SignInDraft: Sendable {
  var usersFile: Located<String>?
  var path = "/auth"
  var hosts: [Located<String>]?
  var lifetime = Duration.seconds(600)
  var refresh = Duration.seconds(30 * 86_400)
  var idle: Duration?
  var title = "Sign in"
  var logo: Located<String>?
  var accent: String?

  static let keys = KeyTable<SignInDraft>(
    "Users sign in here, and get tokens of this provider: [sign-in](sign-in.md). It needs `signing`.",
    defaults: SignInDraft(),
    keys: [
      Key(
        "users_file", ifWritten: \.usersFile, ValueKind.path("a users file", .followed).located, presence: .required,
        "Who may sign in, made by `portcullis user add`; not readable by others. It is checked every second."),
      Key(
        "path", \.path, .ownPath,
        """
        The prefix of its pages: the gateway itself answers everything under it, and no route can be there.
        """),
      Key(
        "hosts", ifWritten: \.hosts, .list(of: ValueKind.hostName.located, "hosts"),
        """
        The hosts that have these pages, without ports; if omitted, the issuer's. Browsers send the cookies only to \
        the host that set them, so users sign in on each separately.
        """),
      Key(
        "lifetime", \.lifetime, .wholeSeconds(.seconds(1) ... .seconds(86_400)), "How long an access token is valid."),
      Key(
        "refresh", \.refresh, .wholeSeconds(.seconds(60) ... .seconds(400 * 86_400)),
        "How long a sign-in lasts, however often it is used; then users sign in again."),
      Key(
        "idle", ifWritten: \.idle, .wholeSeconds(.seconds(60) ... .seconds(400 * 86_400)),
        "How long a sign-in lasts without being used; if omitted, as long as `refresh` says."),
      Key("title", \.title, .text("a title"), "The heading of the login page."),
      Key(
        "logo", ifWritten: \.logo, ValueKind.path("a picture's path").located,
        "An image above it: a file of at most 64 KiB that ends in .svg, .png, .jpg, .webp or .gif."),
      Key("accent", ifWritten: \.accent, .color, "The colour of its button, as `#rrggbb`."),
    ])
}

extension ValueKind where Value == String {
  /// The canonical form is the only one that can be written, so that nothing has two names.
  static var ownPath: ValueKind {
    .scalar(noun: "a path", reference: "path, such as `/auth`", text: \.self) { scalar throws(ValueFault) in
      let segments = scalar.text.split(separator: "/", omittingEmptySubsequences: false)
      let isSound = segments.dropFirst().allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(mayStandInOwnPath) }
      guard segments.count > 1, segments[0].isEmpty, isSound, scalar.text.utf8.count <= 128 else {
        throw ValueFault(
          "is not a path for sign-in; write segments of lower-case letters, digits, - and _, such as /auth")
      }
      return scalar.text
    }
  }

  private static func mayStandInOwnPath(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  static var hostName: ValueKind {
    .scalar(noun: "a host", reference: "host", text: \.self) { scalar throws(ValueFault) in
      let text = scalar.text.lowercased()
      guard let address = WebAddress("https://" + text), address.path.isEmpty,
        address.host == text || "[\(address.host)]" == text
      else { throw ValueFault("is not a host; write a name or an address without a port") }
      return text
    }
  }

  fileprivate static var color: ValueKind {
    .scalar(noun: "a colour", reference: "colour, `#rrggbb`", text: \.self) { scalar throws(ValueFault) in
      let digits = scalar.text.utf8.dropFirst()
      guard scalar.text.utf8.first == UInt8(ascii: "#"), digits.count == 6, digits.allSatisfy(isHexadecimal)
      else { throw ValueFault("is not a colour; write it as #1f6feb, in quotes") }
      return scalar.text.lowercased()
    }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
