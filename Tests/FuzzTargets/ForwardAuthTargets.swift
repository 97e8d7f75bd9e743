import Authentication
import Bytes
import HTTP1

extension FuzzTarget {
    /// A request for a decision: the head of the request that it asks about is one, whole, and the one that was named.
    static let decision = FuzzTarget(name: "decision", seeds: { DecisionSeeds.heads }) { (input) throws(Violation) in
        for frontProxy in DecisionPoint.FrontProxy.allCases {
            let point = DecisionPoint(path: "/d", frontProxy: frontProxy)
            var asked = RequestHead()
            let isWhole = Result { () throws(MessageError) in try asked.parse(input.span) }
            guard case .success(true) = isWhole else { return }
            guard point.question(at: input.span.extracting(asked.path.bounds)) == .decision else { continue }
            var buffer = ByteBuffer()
            let composed = Result { () throws(DecisionFault) in try point.appendOriginalHead(&asked, input.span, to: &buffer) }
            guard case .success = composed else { continue }
            let bytes = buffer.bytes()
            var original = RequestHead()
            switch Result(catching: { () throws(MessageError) in try original.parse(bytes.span) }) {
            case .failure: continue  // the client's own mistake, and refused as such
            case .success(let isWhole):
                try promise("a part of a head, or more than one", isWhole && original.length == bytes.count)
            }
            try promise("content appears", !original.framing.hasContent)
            try promise("a target with a host of its own", original.targetForm == .origin || original.targetForm == .asterisk)
            for name in [FieldName.xForwardedFor, .xForwardedHost, .xForwardedProto, .forwarded, .xRealIP] {
                try promise("\(name) of the decision request is left", original.fields.firstIndex(of: name) == nil)
            }
            // What is asked about is said by one field or by the request line, and by nothing else.
            let method = Array(copying: bytes.span.extracting(original.methodName.bounds))
            let target = Array(copying: bytes.span.extracting(original.target.bounds))
            switch frontProxy {
            case .pathBehindPrefix:
                try promise("another method", input.span.extracting(asked.methodName.bounds).elementsEqual(method.span))
                try promise("another target", input.containsSubsequence("/d" + String(decoding: target, as: UTF8.self)))
            case .originalFields:
                try promise("another method", values("x-original-method", asked, input) == [method])
                try promise("another target", values("x-original-uri", asked, input) == [target])
            case .forwardedFields:
                try promise("another method", values("x-forwarded-method", asked, input) == [method])
                try promise("another target", values("x-forwarded-uri", asked, input) == [target])
            }
        }
    }

    private static func values(_ name: String, _ head: borrowing RequestHead, _ input: [UInt8]) -> [[UInt8]] {
        let spelling = Array(name.utf8)
        var values: [[UInt8]] = []
        for line in head.fields.lines where input.span.extracting(line.name.bounds).equalsIgnoringCase(spelling.span) {
            values.append(Array(copying: input.span.extracting(line.value.bounds)))
        }
        return values
    }
}

private enum DecisionSeeds {
    static let heads = [
        "GET /d HTTP/1.1\r\nHost: g\r\nX-Original-Method: GET\r\nX-Original-URI: /a?b\r\nX-Original-Host: a\r\nAuthorization: Bearer t\r\n\r\n",
        "GET /d HTTP/1.0\r\nHost: g\r\nX-Forwarded-Method: OPTIONS\r\nX-Forwarded-Uri: *\r\nX-Forwarded-Host: a:1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
        "POST /d//a/../b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nSec-WebSocket-Key: a\r\n\r\nabc",
        "OPTIONS /d* HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x-a\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n",
        "GET /d HTTP/1.1\r\nHost: g\r\nX-Original-Method: GET / HTTP/1.1\r\nX-Original-URI: http://a/b\r\nX-Original-Host: a b\r\n\r\n",
        "GET /d HTTP/1.1\r\nHost: g\r\nx-original-method: PUT\r\nX_Original_URI: /\r\nX-Original-URI: //%2e%2e/%zz#\r\nX-Original-Host: [::1]\r\n\r\n",
    ].map { Array($0.utf8) }
}
