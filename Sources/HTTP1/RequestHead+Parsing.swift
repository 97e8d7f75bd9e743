extension RequestHead {
    /// Reads a head from the start of `bytes`.
    ///
    /// A wrong byte is refused when it is seen, a limit when it is passed; neither waits for the end of the head.
    /// - Parameter unchanged: how many of the first bytes an earlier call has answered false for. A peer that sends its head
    ///   in crumbs then costs a pass over the crumb and not over the head.
    /// - Returns: false when more bytes are needed; the properties then mean nothing.
    package mutating func parse(_ bytes: Span<UInt8>, unchanged: Int = 0) throws(MessageError) -> Bool { false }
}
extension ResponseHead {
    package mutating func parse(_ bytes: Span<UInt8>, unchanged: Int = 0, answering method: Method) throws(MessageError) -> Bool { false }
}
