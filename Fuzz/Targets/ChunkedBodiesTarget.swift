import HTTP
import Reason

/// SECURITY H-11 to H-13: a chunked body is decoded alike however it arrives, and its end is found.
enum ChunkedBodiesTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let whole = try decode(input, piece: max(input.count, 1), dataMax: .max)
    for (piece, dataMax) in [(1, Int.max), (3, 2), (max(input.count, 1), 1)] {
      let inPieces = try decode(input, piece: piece, dataMax: dataMax)
      try require(inPieces == whole, "pieces of \(piece) bytes make no difference")
    }
    guard whole.isComplete else { return .refused }
    // What is said to be the body ends there, and is one without what follows.
    let alone = try decode(input.extracting(0..<whole.consumed), piece: input.count, dataMax: .max)
    try require(alone == whole, "what follows a body makes no difference")
    if whole.consumed > 0 {
      let cut = try decode(input.extracting(0..<(whole.consumed - 1)), piece: input.count, dataMax: .max)
      try require(!cut.isComplete && cut.fault == nil, "a body without its last byte is not complete")
    }
    return .accepted
  }

  private struct Body: Equatable {
    var data: [UInt8] = []
    var consumed = 0
    var isComplete = false
    var fault: Reason?
  }

  /// - Parameter piece: How many bytes arrive at a time.
  private static func decode(_ input: Span<UInt8>, piece: Int, dataMax: Int) throws(Violation) -> Body {
    var decoder = BodyDecoder(.chunked)
    var body = Body()
    var available = 0
    while body.fault == nil {
      let step: BodyDecoder.Step
      do throws(BodyError) {
        step = try decoder.next(input.extracting(0..<available), from: body.consumed, dataMax: dataMax)
      } catch {
        body.fault = error.reason
        break
      }
      try require((0...(available - body.consumed)).contains(step.consumed), "only what is there is used")
      try require(step.data.count <= step.consumed && step.data.count <= dataMax, "data are among what was used")
      if step.data.count > 0 {
        try require(
          step.data.lowerBound >= body.consumed && step.data.upperBound <= body.consumed + step.consumed,
          "data are among what was used")
        for index in step.data.lowerBound..<step.data.upperBound { body.data.append(input[index]) }
      }
      body.consumed += step.consumed
      if step.consumed > 0 { continue }
      if decoder.isComplete || available == input.count { break }
      available = min(available + piece, input.count)
    }
    body.isComplete = decoder.isComplete && body.fault == nil
    try require(decoder.decodedBytes == UInt64(body.data.count), "data are counted")
    return body
  }
}
