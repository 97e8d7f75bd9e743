import EventLoop
import Testing

@Suite("Ticket keys on their way to the process that takes over")
struct TicketKeysTests {
    @Test func `arrive as they were`() throws {
        let keys = try TicketKeys { 100_000 }
        let heir = try TicketKeys { 100_000 }
        let message = keys.message()
        #expect(message == keys.message(), "a key seals for a while")
        #expect(heir.message() != message)
        heir.take(message: message)
        #expect(heir.message() == message)
        #expect(message.count <= TicketKeys.messageBytesMax)
    }

    @Test func `in a message that is cut, too long or another's change nothing`() throws {
        let message = try TicketKeys { 5 }.message()
        let keys = try TicketKeys { 5 }
        let before = keys.message()
        let tooLong = message + [UInt8](repeating: 7, count: TicketKeys.messageBytesMax)
        for bad in [[], Array(message.dropLast()), message + [0], Array(message.dropFirst()), Array(message.prefix(24)), tooLong] {
            keys.take(message: bad)
            #expect(keys.message() == before)
        }
    }
}
