import Bytes
import COpenSSL
import Glibc

/// The `BIO` through which OpenSSL reaches a stream's socket: `recv` in, the stream's own way of sending out.
enum TLSTransport {
    /// Made once and never freed; OpenSSL only reads it.
    nonisolated(unsafe) static let method: OpaquePointer = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "slidegate stream") else {
            preconditionFailure("out of memory")
        }
        BIO_meth_set_read_ex(method, transportRead)
        BIO_meth_set_write_ex(method, transportWrite)
        BIO_meth_set_ctrl(method, transportControl)
        return method
    }()
}

private func stream(of bio: OpaquePointer?) -> ByteStream {
    Unmanaged<ByteStream>.fromOpaque(BIO_get_data(bio)!).takeUnretainedValue()
}

private func transportRead(
    _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ room: Int, _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    guard let got = stream(of: bio).transportRead(into: UnsafeMutableRawBufferPointer(start: bytes, count: room)) else {
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return 0
    }
    count?.pointee = got
    return got > 0 ? 1 : 0
}

private func transportWrite(
    _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ size: Int, _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    count?.pointee = size
    return stream(of: bio).transportWrite(UnsafeRawBufferPointer(start: bytes, count: size)) ? 1 : 0
}

private func transportControl(_ bio: OpaquePointer?, _ command: CInt, _: Int, _: UnsafeMutableRawPointer?) -> Int {
    switch command {
    case BIO_CTRL_FLUSH: 1  // nothing is held back
    case BIO_CTRL_EOF: stream(of: bio).hasTransportEnded ? 1 : 0
    default: 0
    }
}
