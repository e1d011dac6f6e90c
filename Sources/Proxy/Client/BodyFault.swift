import Reason

/// What is wrong with a body.
struct BodyFault: Error {
  let reason: Reason
}
