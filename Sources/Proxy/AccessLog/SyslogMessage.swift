/// The messages that a syslog gets, one for each line.
struct SyslogMessage {
    /// Beyond it a message is cut: what syslogs take as they come (rsyslog's maxMessageSize), and a datagram in any case.
    static let bytesMax = 8 * 1024
    /// Facility `daemon`, severity `info` (RFC 5424 §6.2.1).
    private static let priority = 3 * 8 + 6
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    enum Form {
        /// As C libraries write to `/dev/log`: the old form (RFC 3164) without the host, by local time.
        case local
        /// RFC 5424.
        case standard
    }

    /// Up to the line.
    let header: [UInt8]

    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - offset: seconds that local time is ahead.
    ///   - host: the machine's name.
    init(_ form: Form, seconds: Int64, milliseconds: Int, offset: Int, host: String, process: Int) {
        switch form {
        case .local:
            let date = CivilDate(secondsSince1970: seconds + Int64(offset))
            let day = date.day < 10 ? " \(date.day)" : "\(date.day)"
            let time = [date.hour, date.minute, date.second].map(Self.two).joined(separator: ":")
            header = Array("<\(Self.priority)>\(Self.months[date.month - 1]) \(day) \(time) slidegate[\(process)]: ".utf8)
        case .standard:
            let time = CivilDate(secondsSince1970: seconds).internetDateTime.dropLast()
            let thousandths = String(String(1000 + milliseconds % 1000).dropFirst())
            let isName = !host.isEmpty && host.utf8.count <= 255 && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            let name = isName ? host : "-"
            header = Array("<\(Self.priority)>1 \(time).\(thousandths)Z \(name) slidegate \(process) access - ".utf8)
        }
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The message about a line, which comes without its line feed. One that is too long is cut between two characters.
    func bytes(about line: ArraySlice<UInt8>) -> [UInt8] {
        let room = Self.bytesMax - header.count
        guard line.count > room else { return header + line }
        var end = line.startIndex + room
        while end > line.startIndex, line[end] & 0xC0 == 0x80 { end -= 1 }
        return header + line[..<end]
    }
}
