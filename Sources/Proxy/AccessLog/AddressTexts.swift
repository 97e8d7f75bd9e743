import Bytes
import EventLoop

/// Writes clients' addresses. The text of an IPv6 address takes longer than the rest of the line, and clients come again.
struct AddressTexts {
    private static let placeCount = 64

    private struct Place {
        var high: UInt64 = 0
        var low: UInt64 = 0
        /// Empty: none yet.
        var text: [UInt8] = []
    }

    private var places: [Place] = []

    mutating func put(_ client: SocketAddress, _ cursor: inout LineCursor) {
        switch client {
        case .ipv4(let address, _):
            cursor.put(decimal: Int(address >> 24))
            cursor.put(0x2E)
            cursor.put(decimal: Int(address >> 16 & 0xFF))
            cursor.put(0x2E)
            cursor.put(decimal: Int(address >> 8 & 0xFF))
            cursor.put(0x2E)
            cursor.put(decimal: Int(address & 0xFF))
        case .ipv6(let high, let low, _, _): put(high, low, client, &cursor)
        case .unix, .unnamed: cursor.put("unix")
        }
    }

    private mutating func put(_ high: UInt64, _ low: UInt64, _ client: SocketAddress, _ cursor: inout LineCursor) {
        if places.isEmpty { places = Array(repeating: Place(), count: Self.placeCount) }
        let index = Int(((high ^ low) &* 0x9E37_79B9_7F4A_7C15) >> 58)
        if places[index].text.isEmpty || places[index].high != high || places[index].low != low {
            var text = ByteBuffer()
            client.appendHost(to: &text)
            places[index] = Place(high: high, low: low, text: text.bytes())
        }
        cursor.put(places[index].text)
    }
}
