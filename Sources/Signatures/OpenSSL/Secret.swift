import COpenSSL

/// Bytes that nobody may see: they have no description, and are overwritten before their memory is given back.
package final class Secret: @unchecked Sendable {
    // Written in `init` only, so that threads may share it.
    private let base: UnsafeMutableRawPointer?
    package let count: Int

    package convenience init(_ bytes: [UInt8]) { self.init(copying: bytes.span) }

    package init(copying bytes: Span<UInt8>) {
        count = bytes.count
        base = count > 0 ? shim_OPENSSL_malloc(count) : nil
        precondition(count == 0 || base != nil, "out of memory")
        bytes.withUnsafeBytes { source in
            if let base, let start = source.baseAddress { base.copyMemory(from: start, byteCount: source.count) }
        }
    }

    deinit { shim_OPENSSL_clear_free(base, count) }

    package func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(UnsafeRawBufferPointer(start: base, count: count).assumingMemoryBound(to: UInt8.self).span)
    }
}

extension Secret: CustomStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
