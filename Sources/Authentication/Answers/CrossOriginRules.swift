internal import Bytes

/// `CORSPolicy` made ready for requests.
struct CrossOriginRules: Sendable {
    let allowsAny: Bool
    private let origins: [[UInt8]]
    private let credentials: Bool
    private let methods: [UInt8]
    private let headers: [UInt8]
    private let exposed: [[UInt8]]
    private let maxAgeSeconds: Int

    init(_ policy: CORSPolicy) {
        switch policy.origins {
        case .any:
            (allowsAny, origins) = (true, [])
        case .listed(let list):
            // `null` is the origin of every sandboxed document: to allow it is to allow anyone.
            (allowsAny, origins) = (false, list.filter { $0 != "null" }.map { Array($0.utf8) })
        }
        credentials = policy.credentials && !allowsAny
        methods = Array(policy.methods.joined(separator: ", ").utf8)
        headers = Array(policy.headers.joined(separator: ", ").utf8)
        exposed = policy.exposed.map { Array($0.utf8) }
        maxAgeSeconds = policy.maxAgeSeconds
    }

    /// Origins are compared byte for byte: browsers serialize them in one way only (RFC 6454 §6.2).
    func match(_ origin: Span<UInt8>) -> Int32 {
        var index = 0
        while index < origins.count {
            let candidate = origins[index]
            if origin.elementsEqual(candidate.span) { return Int32(index) }
            index &+= 1
        }
        return -1
    }

    func allows(_ origin: CrossOrigin) -> Bool { origin.isPresent && (allowsAny || origin.listed >= 0) }

    /// The lines that open an answer to `origin`, and `Vary`, which even answers without `Origin` need: a cache must not
    /// hand them to another site.
    func appendFields(for origin: CrossOrigin, varies: Bool, to buffer: inout ByteBuffer) {
        if allows(origin) {
            buffer.append("Access-Control-Allow-Origin: ")
            if allowsAny { buffer.append(0x2A) } else { buffer.append(origins[Int(origin.listed)]) }
            buffer.append("\r\n")
            if credentials { buffer.append("Access-Control-Allow-Credentials: true\r\n") }
        }
        if varies, !allowsAny { buffer.append("Vary: Origin\r\n") }
    }

    /// The names that scripts may read beside those of the gateway's own.
    func appendExposedNames(to list: inout FieldNameList) {
        for name in exposed { list.append(name.span) }
    }

    var exposesNames: Bool { !exposed.isEmpty }

    func appendPreflightFields(_ preflight: Preflight, to buffer: inout ByteBuffer) {
        appendFields(for: preflight.origin, varies: false, to: &buffer)
        buffer.append("Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n")
        guard allows(preflight.origin) else { return }
        buffer.append("Access-Control-Allow-Methods: ")
        buffer.append(methods)
        buffer.append("\r\n")
        let granted = headers.isEmpty ? preflight.requestedHeaders : headers
        if !granted.isEmpty {
            buffer.append("Access-Control-Allow-Headers: ")
            buffer.append(granted)
            buffer.append("\r\n")
        }
        buffer.append("Access-Control-Max-Age: ")
        buffer.append(decimal: maxAgeSeconds)
        buffer.append("\r\n")
    }
}
