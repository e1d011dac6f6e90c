import Access
import Testing

@testable import Proxy
@testable import Tokens

@Suite("What tunnels stand on")
struct TunnelIdentitiesTests {
  private let table = TunnelIdentities()

  /// A tunnel of `subject`, in its sign-in `id`.
  private func open(
    _ id: String, subject: String, _ slot: ExchangeSlot = ExchangeSlot(index: 0)
  ) throws -> ExchangeSlot {
    let policy = TokenPolicy(provider: "company", issuer: "https://id.example", audiences: .any)
    let token = try IntrospectedToken(
      response: Array("{\"active\":true,\"sub\":\"\(subject)\",\"sid\":\"\(id)\"}".utf8), policy, now: 1,
      cacheSeconds: 1)
    slot.exchange.generation += 1
    slot.exchange.log.keep(.introspected(token))
    slot.exchange.state = .tunnelling
    table.add(slot)
    return slot
  }

  private func close(_ slot: ExchangeSlot) {
    slot.exchange.tunnelEnded()
    slot.clear()
    if slot.tunnelNames > 0 { table.ended(slot) }
  }

  private func found(_ names: RevokedName...) -> [ObjectIdentifier] {
    table.tunnels(standingOn: names).map { ObjectIdentifier($0) }
  }

  @Test("A name finds the tunnels that stand on it, and no others")
  func names() throws {
    let (a, b, c) = (try open("a", subject: "u"), try open("b", subject: "u"), try open("c", subject: "v"))
    #expect(found(RevokedName(.signInID, "b")) == [ObjectIdentifier(b)])
    #expect(Set(found(RevokedName(.subject, "u"))) == [ObjectIdentifier(a), ObjectIdentifier(b)])
    #expect(found(RevokedName(.signInID, "u"), RevokedName(.subject, "a"), RevokedName(.tokenID, "c")).isEmpty)
    #expect(found().isEmpty)
    let all = Set(table.tunnels(standingOn: nil).map { ObjectIdentifier($0) })
    #expect(all == [ObjectIdentifier(a), ObjectIdentifier(b), ObjectIdentifier(c)])
  }

  @Test("Whoever is nobody stands on nothing")
  func anonymous() {
    let slot = ExchangeSlot(index: 0)
    slot.exchange.state = .tunnelling
    table.add(slot)
    #expect(table.count == 0 && table.tunnels(standingOn: nil).isEmpty)
  }

  @Test("A tunnel that has ended is not found, nor is what its slot is used for next")
  func ended() throws {
    let a = try open("a", subject: "u")
    let b = try open("b", subject: "u")
    close(a)
    #expect(found(RevokedName(.subject, "u")) == [ObjectIdentifier(b)])
    let again = try open("c", subject: "v", a)
    #expect(found(RevokedName(.signInID, "a")).isEmpty)
    #expect(found(RevokedName(.signInID, "c")) == [ObjectIdentifier(again)])
  }

  @Test("Entries go with their tunnels")
  func swept() throws {
    var open = try (0..<500).map { try self.open("s\($0)", subject: "u\($0 % 3)") }
    #expect(table.count == 1000)
    while let slot = open.popLast() {
      close(slot)
      #expect(table.count <= max(64, open.count * 2 * 4))
      guard open.count % 100 == 0, let last = open.last else { continue }
      #expect(found(RevokedName(.signInID, "s\(open.count - 1)")) == [ObjectIdentifier(last)])
      #expect(found(RevokedName(.subject, "u0")).count == (open.count + 2) / 3)
    }
    #expect(table.count == 0)
    // One at a time, beside one that stays.
    let stays = try self.open("stays", subject: "u")
    for number in 0..<1000 { close(try self.open("t\(number)", subject: "u")) }
    #expect(table.count <= 64)
    #expect(found(RevokedName(.subject, "u")) == [ObjectIdentifier(stays)])
  }
}
