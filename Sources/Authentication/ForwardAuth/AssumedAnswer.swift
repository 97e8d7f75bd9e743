internal import Bytes
package import HTTP1

/// Stands for the answer that an API will give to a request which only a decision is asked about: a success that may be read by
/// pages of any origin.
///
/// The answer itself is seen by the proxy in front alone. What the gateway would add to this one, that proxy adds to the
/// real one; what depends on status and fields of the real one is its business too.
package struct AssumedAnswer {
    package let head: ResponseHead
    /// What `head` was parsed from.
    package let bytes: [UInt8]

    package init() {
        // Without CORS rules of the gateway's own, it names its fields to scripts where the API lets them read the answer.
        let bytes = Array("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\r\n".utf8)
        var head = ResponseHead()
        let isWhole = try? head.parse(bytes.span, answering: .get)
        precondition(isWhole == true)
        self.bytes = bytes
        self.head = head
    }
}
