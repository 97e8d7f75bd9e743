/// Bounds on a message head. Each is far above what working clients send and far below what hurts.
package struct HeadLimits: Equatable, Sendable {
    /// The whole head, start line and blank line included. Bounds what one unfinished request can make the gateway keep;
    /// four times nginx's 8 KiB default buffer, as a JWT of 8 KiB must fit beside cookies.
    package var headBytesMax = 32 * 1024
    /// Field lines in one section. Browsers send some 20; Apache stops at 100 as well.
    package var fieldCountMax = 100
    /// The request-target; RFC 9112 §3 recommends to support at least 8000 bytes.
    package var targetBytesMax = 8 * 1024
    /// A field name; the longest registered one has 38 bytes.
    package var fieldNameBytesMax = 256
    /// A method; the longest registered one has 17 bytes.
    package var methodBytesMax = 32
    /// Empty lines tolerated before a request line (RFC 9112 §2.2 asks for at least one).
    package var leadingEmptyLinesMax = 2
    /// Options in `Connection`. Each one is compared with every field, so that their product is the cost.
    package var connectionOptionCountMax = 32

    package init() {}
}
