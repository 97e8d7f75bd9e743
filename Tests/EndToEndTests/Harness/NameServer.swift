import Foundation
import Glibc
import Synchronization

/// A scripted DNS server on a free UDP port of 127.0.0.1.
final class NameServer: Sendable {
    struct Question: Sendable, Equatable {
        enum Kind: UInt16, Sendable { case a = 1, cname = 5, aaaa = 28 }
        /// In lower case.
        var name: String
        var kind: Kind
    }

    struct Record: Sendable {
        var name: String
        var kind: Question.Kind
        var secondsToLive: UInt32
        var content: [UInt8]

        static func a(_ name: String, _ address: String, ttl: UInt32 = 60) -> Record {
            Record(name: name, kind: .a, secondsToLive: ttl, content: address.split(separator: ".").map { UInt8($0)! })
        }

        static func aaaa(_ name: String, _ address: String, ttl: UInt32 = 60) -> Record {
            var bytes = in6_addr()
            precondition(inet_pton(AF_INET6, address, &bytes) == 1)
            return Record(name: name, kind: .aaaa, secondsToLive: ttl, content: withUnsafeBytes(of: bytes) { Array($0) })
        }

        static func cname(_ name: String, _ target: String, ttl: UInt32 = 60) -> Record {
            Record(name: name, kind: .cname, secondsToLive: ttl, content: NameServer.encoded(target))
        }
    }

    enum Answer: Sendable {
        case records([Record])
        /// RCODE: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
        case code(UInt8)
        case truncated
        case silence
        /// The header of a good answer with these bytes in place of its records.
        case garbage([UInt8])
        /// These very bytes.
        case verbatim([UInt8])

        static let noSuchName = Answer.code(3)
        static let serverFailure = Answer.code(2)
        static let nothing = Answer.records([])
    }

    let port: UInt16
    private let descriptor: Int32
    private let script: Mutex<@Sendable (Question) -> Answer>
    private let log = Mutex<[Question]>([])

    init(_ script: @escaping @Sendable (Question) -> Answer) throws {
        self.script = Mutex(script)
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        precondition(isBound)
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 2048)
            while true {
                var peer = sockaddr_storage()
                var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
                let count = withUnsafeMutablePointer(to: &peer) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length) }
                }
                guard count > 0, let answer = self?.answer(to: Array(buffer[..<count])) else {
                    if self == nil || count <= 0 { break }
                    continue
                }
                _ = withUnsafePointer(to: peer) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(descriptor, answer, answer.count, 0, $0, length) }
                }
            }
            close(descriptor)
        }
        thread.start()
    }

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// One set of records for every question; those of another name or kind are left out of each answer.
    convenience init(_ records: [Record]) throws { try self.init(Self.script(for: records)) }

    func become(_ script: @escaping @Sendable (Question) -> Answer) { self.script.withLock { $0 = script } }
    func become(_ records: [Record]) { become(Self.script(for: records)) }

    /// In the order asked, repetitions included.
    var questions: [Question] { log.withLock { $0 } }

    private static func script(for records: [Record]) -> @Sendable (Question) -> Answer {
        { question in
            guard records.contains(where: { $0.name == question.name }) else { return .noSuchName }
            return .records(records.filter { $0.name == question.name && $0.kind == question.kind })
        }
    }

    private func answer(to query: [UInt8]) -> [UInt8]? {
        guard query.count > 16 else { return nil }
        var labels: [String] = []
        var offset = 12
        while offset < query.count, query[offset] > 0 {
            let end = offset + 1 + Int(query[offset])
            guard end < query.count else { return nil }
            labels.append(String(decoding: query[(offset + 1)..<end], as: UTF8.self).lowercased())
            offset = end
        }
        guard offset + 5 <= query.count,
            let kind = Question.Kind(rawValue: UInt16(query[offset + 1]) << 8 | UInt16(query[offset + 2]))
        else { return nil }
        let question = Question(name: labels.joined(separator: "."), kind: kind)
        log.withLock { $0.append(question) }
        let questionBytes = Array(query[12..<(offset + 5)])
        func message(flags: UInt16, count: Int, _ rest: [UInt8]) -> [UInt8] {
            let header: [UInt8] = [query[0], query[1], UInt8(flags >> 8), UInt8(flags & 0xFF), 0, 1, 0, UInt8(count), 0, 0, 0, 0]
            return header + questionBytes + rest
        }
        switch script.withLock({ $0 })(question) {
        case .records(let records):
            var body: [UInt8] = []
            for record in records {
                body += Self.encoded(record.name)
                body += [0, UInt8(record.kind.rawValue), 0, 1]
                withUnsafeBytes(of: record.secondsToLive.bigEndian) { body += Array($0) }
                withUnsafeBytes(of: UInt16(record.content.count).bigEndian) { body += Array($0) }
                body += record.content
            }
            return message(flags: 0x8180, count: records.count, body)
        case .code(let code): return message(flags: 0x8180 | UInt16(code), count: 0, [])
        case .truncated: return message(flags: 0x8380, count: 0, [])
        case .silence: return nil
        case .garbage(let bytes): return message(flags: 0x8180, count: 3, bytes)
        case .verbatim(let bytes): return bytes
        }
    }

    fileprivate static func encoded(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
