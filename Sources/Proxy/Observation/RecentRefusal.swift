package import Authentication
import Bytes
package import EventLoop

/// One refusal, as a status page shows it.
package struct RecentRefusal: Sendable {
    /// Seconds since 1970.
    package var time: Int64
    package var status: Int
    package var code: String
    package var reason: String
    package var client: SocketAddress
    /// Empty: none was found.
    package var route: String
    /// Of the token, where it had been verified and was refused all the same.
    package var token: Fingerprint?
    /// A proxy in front has asked.
    package var isAsked: Bool
    /// The method and, behind a space, the path as logs cut it.
    var request: [UInt8]

    package var method: String { String(decoding: request.prefix { $0 != 0x20 }, as: UTF8.self) }
    /// Without the query; long segments are cut, since they may be tokens.
    package var path: String { String(decoding: request.drop { $0 != 0x20 }.dropFirst(), as: UTF8.self) }
}

extension RecentRefusal {
    private static let methodBytesMax = 32

    init(
        _ refusal: Refusal, at time: Int64, method: Span<UInt8>, path: Span<UInt8>, client: SocketAddress, route: String,
        token: Fingerprint?, isAsked: Bool
    ) {
        var request = ByteBuffer(capacity: 64)
        request.append(method.extracting(0..<min(method.count, Self.methodBytesMax)))
        request.append(" ")
        request.append(cutPath: path)
        self.init(
            time: time, status: refusal.status, code: refusal.code, reason: refusal.reason, client: client, route: route,
            token: token, isAsked: isAsked, request: request.bytes())
    }
}

/// The latest refusals of one worker. Of a flood, the first ones of each second: to keep them all would cost as much as to refuse.
struct RefusalRing {
    static let capacity = 32

    private var places: [RecentRefusal] = []
    /// The place of the oldest one, once all are taken.
    private var next = 0
    private var second = Int64.min
    /// Of refusals in that second.
    private var count = 0

    mutating func add(
        _ refusal: Refusal, at time: Int64, method: Span<UInt8>, path: Span<UInt8>, client: SocketAddress, route: String, isAsked: Bool
    ) {
        if time != second {
            second = time
            count = 0
        }
        count += 1
        guard count <= Self.capacity else { return }
        let recent = RecentRefusal(
            refusal, at: time, method: method, path: path, client: client, route: route, token: refusal.token, isAsked: isAsked)
        if places.count < Self.capacity {
            places.append(recent)
        } else {
            places[next] = recent
            next = (next + 1) % Self.capacity
        }
    }

    /// The newest first.
    var latest: [RecentRefusal] { (places[next...] + places[..<next]).reversed() }
}

extension ByteBuffer {
    /// Appends a path as logs show it. Segments longer than any name or UUID are cut: they may be tokens.
    package mutating func append(cutPath path: Span<UInt8>) {
        var start = 0
        while start < min(path.count, 256) {
            let end = path.firstIndex(of: 0x2F, from: start + 1) ?? path.count
            if end - start > 1 + 40 {
                append(path.extracting(start..<start + 9))
                append("...")
            } else {
                append(path.extracting(start..<end))
            }
            start = end
        }
    }
}
