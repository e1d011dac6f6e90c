/// What a line of nine fields says of how long its account may be used (shadow(5)): days, counted from 1970.
struct ShadowAging {
  /// From when on nobody may sign in; nil: no date is set.
  private let expiresOn: Int64?
  /// After how many days without another password nobody may sign in with the old one; nil: it stays good.
  private let passwordEndsOn: Int64?

  /// nil where the line has not nine fields.
  ///
  /// - Throws: Where a number is none: it might have been what keeps the user out.
  init?(_ fields: [Substring]) throws(ShadowAgingFault) {
    guard fields.count == 9 else { return nil }
    expiresOn = try ShadowAging.days(fields, 7)
    let changedOn = try ShadowAging.days(fields, 2)
    let most = try ShadowAging.days(fields, 4)
    let grace = try ShadowAging.days(fields, 6)
    // A password that has to be changed at the next sign-in (0) is good until then.
    if let changedOn, changedOn != 0, let most, let grace {
      passwordEndsOn = changedOn + max(most, grace, most + grace) + 1
    } else {
      passwordEndsOn = nil
    }
  }

  /// Why the system lets nobody in today; nil: it does.
  func refusal(today: Int64) -> String? {
    if let expiresOn, today >= expiresOn { return "expired on \(ShadowAging.date(expiresOn))" }
    if let passwordEndsOn, today >= passwordEndsOn {
      return "has been locked since \(ShadowAging.date(passwordEndsOn)), as its password was not changed"
    }
    return nil
  }

  /// The day from which on the system will let nobody in, as it is written; nil: it sets none.
  var end: String? { expiresOn.map { ShadowAging.date($0) } }

  /// nil where none is set: the field is empty, or -1.
  private static func days(_ fields: [Substring], _ index: Int) throws(ShadowAgingFault) -> Int64? {
    if fields[index].isEmpty { return nil }
    guard let days = Int32(fields[index]) else { throw ShadowAgingFault(field: index + 1) }
    return days == -1 ? nil : Int64(days)
  }

  private static func date(_ day: Int64) -> String {
    let text = TimeText.text(day * 86_400)
    return text.contains("T") ? String(text.prefix { $0 != "T" }) : "day \(day)"
  }
}

struct ShadowAgingFault: Error, CustomStringConvertible {
  let field: Int

  var description: String { "field \(field) is not a number of days as in shadow(5)" }
}
