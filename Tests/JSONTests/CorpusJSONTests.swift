import Foundation
import JSON
import Testing

/// Public JSON texts: the folder `json-parsing` of `PORTCULLIS_CORPORA`, or of `../shared/corpora`.
enum Corpus {
  static let folder: String? = {
    let named = ProcessInfo.processInfo.environment["PORTCULLIS_CORPORA"]
    let folder = (named ?? FileManager.default.currentDirectoryPath + "/../shared/corpora") + "/json-parsing"
    if FileManager.default.fileExists(atPath: folder) { return folder }
    print("skipped: no public JSON texts at \(folder)")
    return nil
  }()

  struct Case: Decodable {
    struct Repetition: Decodable {
      let text: String
      let times: Int
    }

    let name: String
    let expect: String
    let bytes: Data?
    let `repeat`: Repetition?

    enum CodingKeys: String, CodingKey {
      case name, expect, `repeat`
      case bytes = "json_base64"
    }

    var text: [UInt8] {
      if let bytes { return Array(bytes) }
      return `repeat`.map { Array(String(repeating: $0.text, count: $0.times).utf8) } ?? []
    }
  }

  /// Texts of RFC 8259 that are refused on purpose: RFC 7519 §4 wants names once.
  static let repeatedNames = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"]
}

@Suite("Corpus of JSON texts", .enabled(if: Corpus.folder != nil))
struct CorpusJSONTests {
  @Test func agreesWithEveryVerdict() throws {
    let folder = try #require(Corpus.folder)
    let text = try String(contentsOfFile: folder + "/cases.jsonl", encoding: .utf8)
    let cases = try text.split(separator: "\n").map { try JSONDecoder().decode(Corpus.Case.self, from: Data($0.utf8)) }
    #expect(cases.count > 200)
    for test in cases {
      let result = Result { () throws(JSONError) in try JSON.parse(test.text.span, depthMax: 64) }
      let isParsed = (try? result.get()) != nil
      switch test.expect {
      case "accept" where Corpus.repeatedNames.contains { test.name.hasSuffix($0) }:
        #expect(result == .failure(.nameRepeated), "\(test.name)")
      case "accept": #expect(isParsed, "\(test.name)")
      case "reject": #expect(!isParsed, "\(test.name)")
      default: break
      }
    }
  }
}
