import Glibc

/// Tells the time of day at instants of the loop's clock, and writes it; what is the same for a second is made once a second.
struct LogClock {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// What the monotonic clock lacks, in nanoseconds.
    private var offset: Int64 = 0
    /// When `offset` was found.
    private var comparedAt = Int64.min / 2
    private var second = Int64.min
    private var text: [UInt8] = []

    /// RFC 3339 with milliseconds: `2026-11-21T20:45:17.123Z`.
    mutating func putInternetTime(_ instant: Int64, _ cursor: inout LineCursor) {
        let time = time(at: instant)
        if time.second != second {
            second = time.second
            text = Array(CivilDate(secondsSince1970: second).internetDateTime.utf8.dropLast())
        }
        cursor.put(text)
        cursor.put(0x2E)
        cursor.put(decimal: time.milliseconds, digits: 3)
        cursor.put(0x5A)
    }

    /// `21/Nov/2026:20:45:17 +0000`.
    mutating func putCommonTime(_ instant: Int64, _ cursor: inout LineCursor) {
        let time = time(at: instant)
        if time.second != second {
            second = time.second
            let date = CivilDate(secondsSince1970: second)
            let clock = date.internetDateTime.dropFirst("1994-11-06T".count).dropLast()
            let day = date.day < 10 ? "0\(date.day)" : "\(date.day)"
            text = Array("\(day)/\(Self.months[date.month - 1])/\(date.year):\(clock) +0000".utf8)
        }
        cursor.put(text)
    }

    private mutating func time(at instant: Int64) -> (second: Int64, milliseconds: Int) {
        if instant &- comparedAt >= 1_000_000_000 || instant < comparedAt {
            offset = Self.nanoseconds(CLOCK_REALTIME) &- Self.nanoseconds(CLOCK_MONOTONIC)
            comparedAt = instant
        }
        let time = instant &+ offset
        return (time / 1_000_000_000, Int(time / 1_000_000 % 1_000))
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
