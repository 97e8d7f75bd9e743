/// The protocol version that a message is processed as (RFC 9110 §2.5): a minor version above 1 counts as 1.1.
package enum Version: UInt8, Comparable, Sendable {
    case http10, http11

    package static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
}
