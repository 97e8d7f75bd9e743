package import Bytes

/// Why a path cannot be given one meaning. Answered with 400.
package enum PathError: Error, Equatable, Sendable {
    /// Does not begin with `/`.
    case notAbsolute
    /// `%` without two hexadecimal digits.
    case invalidEscape
    /// `%00`.
    case nul
    /// `%2F` or `%5C`: some servers decode it into a separator, others do not.
    case encodedSlash
    /// More `..` than segments before it.
    case aboveRoot
    /// `.;…` or `..;…`, escaped or not: some servers drop the parameter and then resolve the dots, others do not.
    case dotSegmentWithParameter
    /// An escaped octet sequence that only lenient UTF-8 decoders take for an ASCII character (RFC 3629 §10).
    case overlongEncoding

    /// Stable, for problem details and logs.
    package var code: String {
        switch self {
        case .notAbsolute: "path_not_absolute"
        case .invalidEscape: "path_invalid_escape"
        case .nul: "path_nul"
        case .encodedSlash: "path_encoded_slash"
        case .aboveRoot: "path_above_root"
        case .dotSegmentWithParameter: "path_dot_segment_with_parameter"
        case .overlongEncoding: "path_overlong_encoding"
        }
    }
}

/// Brings a path into the one form that serves both policy and forwarding: what the policy saw is what the upstream
/// gets.
///
/// Normal form (RFC 3986 §6.2.2): escapes of unreserved characters are decoded, other escapes have upper-case digits, dot
/// segments are resolved, empty segments are removed. Forms that servers are known to read differently are refused.
package struct PathNormalizer: Sendable {
    package enum EncodedSlashes: Sendable {
        case refuse
        /// `%2F` and `%5C` stay as they are, as part of a segment.
        case keep
    }

    package var encodedSlashes: EncodedSlashes

    package init(encodedSlashes: EncodedSlashes = .refuse) { self.encodedSlashes = encodedSlashes }

    /// Whether `path` has its normal form already.
    ///
    /// False: `normalize` must be asked. It may still find nothing to change. No allocation.
    package func isNormal(_ path: Span<UInt8>) -> Bool {
        guard !path.isEmpty, path[0] == 0x2F else { return false }
        guard path.count >= 8 else { return Self.isNormalBytewise(path) }
        // Eight bytes at a time. Windows overlap by a byte, and the last one by more, so that each pair is inside one.
        var index = 0
        while index &+ 8 < path.count {
            if !Self.isNormal(path.word(at: index)) { return false }
            index &+= 7
        }
        return Self.isNormal(path.word(at: path.count &- 8))
    }

    private static func isNormalBytewise(_ path: Span<UInt8>) -> Bool {
        var afterSlash = false
        for index in 0..<path.count {
            let byte = path[index]
            if byte == 0x25 || afterSlash && (byte == 0x2F || byte == 0x2E) { return false }
            afterSlash = byte == 0x2F
        }
        return true
    }

    /// Whether eight bytes of a path, the first one lowest, hold neither `%` nor a slash with a slash or dot behind it.
    @inline(__always)
    private static func isNormal(_ word: UInt64) -> Bool {
        let slashes = bytes(of: word, equalTo: 0x2F)
        let dots = bytes(of: word, equalTo: 0x2E)
        return bytes(of: word, equalTo: 0x25) | (slashes << 8) & (slashes | dots) == 0
    }

    /// The top bit of each byte that is `byte`; exact, unlike the shorter test for a zero byte.
    @inline(__always)
    private static func bytes(of word: UInt64, equalTo byte: UInt8) -> UInt64 {
        let difference = word ^ (0x0101_0101_0101_0101 &* UInt64(byte))
        let sevenBits: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        return ~(((difference & sevenBits) &+ sevenBits) | difference | sevenBits)
    }

    /// Appends the normal form of `path` to `buffer` and tells whether it did: false means that `path` is normal as it
    /// is, and `buffer` is untouched. An empty path becomes `/` (RFC 9110 §4.2.3). Never longer than `path`, but for that.
    ///
    /// - Throws: `PathError` for a path that has no single meaning; `buffer` is as it was.
    package func normalize(_ path: Span<UInt8>, into buffer: inout ByteBuffer) throws(PathError) -> Bool {
        if isNormal(path) { return false }
        guard !path.isEmpty else {
            buffer.append(0x2F)
            return true
        }
        guard path[0] == 0x2F else { throw .notAbsolute }
        let start = buffer.count
        do {
            try appendSegments(of: path, to: &buffer, start: start)
        } catch {
            buffer.truncate(to: start)
            throw error
        }
        return true
    }

    /// `path[0]` is a slash; so is the first byte appended, and the output ends with one wherever a segment begins.
    private func appendSegments(
        of path: Span<UInt8>, to buffer: inout ByteBuffer, start: Int
    ) throws(PathError) {
        buffer.append(0x2F)
        var segmentStart = buffer.count
        var index = 1
        while true {
            if index == path.count || path[index] == 0x2F {
                try endSegment(from: segmentStart, isLast: index == path.count, start: start, in: &buffer)
                if index == path.count { return }
                index &+= 1
                segmentStart = buffer.count
                continue
            }
            if path[index] == 0x25 {
                try appendEscape(path, at: index, to: &buffer)
                index &+= 3
            } else {
                buffer.append(path[index])
                index &+= 1
            }
        }
    }

    /// Resolves the segment that ends here; afterwards the output ends with a slash, unless a segment of substance was
    /// the last one.
    private func endSegment(
        from segmentStart: Int, isLast: Bool, start: Int, in buffer: inout ByteBuffer
    ) throws(PathError) {
        let dots = buffer.withSpan { output in Self.dots(in: output.extracting(segmentStart..<output.count)) }
        switch dots {
        case .none:
            let isEmpty = buffer.count == segmentStart
            if !isEmpty, !isLast { buffer.append(0x2F) }
        case .withParameter:
            throw .dotSegmentWithParameter
        case .one:
            buffer.truncate(to: segmentStart)
        case .two:
            guard segmentStart - start > 1 else { throw .aboveRoot }
            let parentEnd = segmentStart - 1  // the slash before this segment
            let parentStart = buffer.withSpan { output in
                var index = parentEnd - 1
                while output[index] != 0x2F { index -= 1 }
                return index + 1
            }
            buffer.truncate(to: parentStart)
        }
    }

    private enum Dots { case none, one, two, withParameter }

    private static func dots(in segment: Span<UInt8>) -> Dots {
        guard !segment.isEmpty, segment[0] == 0x2E else { return .none }
        let length = segment.count > 1 && segment[1] == 0x2E ? 2 : 1
        if segment.count == length { return length == 2 ? .two : .one }
        let rest = segment.extracting(length...)
        return rest[0] == 0x3B || rest.count >= 3 && rest.extracting(0..<3).elementsEqual("%3B") ? .withParameter : .none
    }

    private func appendEscape(_ path: Span<UInt8>, at index: Int, to buffer: inout ByteBuffer) throws(PathError) {
        guard let octet = Self.escape(in: path, at: index) else { throw .invalidEscape }
        switch octet {
        case 0:
            throw .nul
        case 0x2F, 0x5C:
            if encodedSlashes == .refuse { throw .encodedSlash }
        case 0xC0, 0xC1:
            if let next = Self.escape(in: path, at: index &+ 3), next & 0xC0 == 0x80 { throw .overlongEncoding }
        case 0xE0:
            if let next = Self.escape(in: path, at: index &+ 3), next & 0xE0 == 0x80 { throw .overlongEncoding }
        case 0xF0:
            if let next = Self.escape(in: path, at: index &+ 3), next & 0xF0 == 0x80 { throw .overlongEncoding }
        case _ where octet.isUnreserved:
            buffer.append(octet)
            return
        default:
            break
        }
        buffer.append(0x25)
        buffer.append(Self.upperCaseDigit(octet >> 4))
        buffer.append(Self.upperCaseDigit(octet & 0xF))
    }

    /// The octet that `%XX` at `index` stands for.
    private static func escape(in path: Span<UInt8>, at index: Int) -> UInt8? {
        guard index + 2 < path.count, path[index] == 0x25, let high = path[index + 1].hexadecimalValue,
            let low = path[index + 2].hexadecimalValue
        else { return nil }
        return high << 4 | low
    }

    private static func upperCaseDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x37 &+ value }
}

extension UInt8 {
    /// RFC 3986 §2.3.
    fileprivate var isUnreserved: Bool {
        isASCIILetter || isASCIIDigit || self == 0x2D || self == 0x2E || self == 0x5F || self == 0x7E
    }
}
