/// What a store tells of itself, unasked. Comes on the store's thread, or from its `init`: whoever hears it must not wait there.
package enum StoreEvent: Sendable, Equatable {
    /// It can no longer be read or written; the reason is for people. Told once, until it is back.
    case away(String)
    /// It answers again, and the revocations of the meantime are known.
    case back
    /// It works, and has done something on the way that an operator wants to know of.
    case remark(String)
}
