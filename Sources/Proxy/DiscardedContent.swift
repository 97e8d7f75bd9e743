import HTTP1

/// Content that nobody wants, read to keep its connection. An object of its own: few connections ever have one, and the idle
/// ones pay for every field.
final class DiscardedContent {
    /// It is read up to this size, and cut off beyond it.
    private static let bytesMax = 256 * 1024

    enum Progress {
        case needsMore
        /// The message ends behind so many of the bytes.
        case ended(at: Int)
        /// It is malformed, or too long.
        case isHopeless
    }

    private var decoder: ContentDecoder
    private var left = DiscardedContent.bytesMax

    init(_ decoder: consuming ContentDecoder) { self.decoder = decoder }

    func receive(_ bytes: Span<UInt8>) -> Progress {
        var offset = 0
        do throws(MessageError) {
            while true {
                switch try decoder.next(bytes, from: &offset) {
                case .content: continue
                case .end: return .ended(at: offset)
                case .needsMore:
                    left -= offset
                    return left >= 0 ? .needsMore : .isHopeless
                }
            }
        } catch {
            return .isHopeless
        }
    }
}
