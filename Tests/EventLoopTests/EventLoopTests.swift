import Bytes
import Glibc
import Testing

@testable import EventLoop

/// Keeps what happened to a stream.
final class Recorder: ByteStreamHandler {
    var received: [UInt8] = []
    var isEnded = false
    var drains = 0
    var isConnected = false
    var failure: SocketError?
    var onEvent: () -> Void = {}

    func streamReceived(_ bytes: Span<UInt8>) {
        received += Array(copying: bytes)
        onEvent()
    }
    func streamEnded() {
        isEnded = true
        onEvent()
    }
    func streamDrained() {
        drains += 1
        onEvent()
    }
    func streamConnected() {
        isConnected = true
        onEvent()
    }
    func streamFailed(_ error: SocketError) {
        failure = error
        onEvent()
    }
}

extension EventLoop {
    /// Runs until `condition` holds; a loop that stays behind fails the test instead of hanging it.
    func run(
        until condition: @escaping () -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let overdue = try LoopTimer(on: self) { [unowned self] in stop() }
        overdue.schedule(afterMilliseconds: 10_000)
        turnEnded = { [unowned self] in if condition() { stop() } }
        if !condition() { run() }
        turnEnded = {}
        try #require(condition(), "the loop waited in vain", sourceLocation: sourceLocation)
    }
}

/// Two connected sockets.
func makeSocketPair() -> (AcceptedSocket, AcceptedSocket) {
    var descriptors: [CInt] = [0, 0]
    socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &descriptors)
    return (
        AcceptedSocket(descriptor: descriptors[0], peer: .unnamed), AcceptedSocket(descriptor: descriptors[1], peer: .unnamed)
    )
}

@Suite("A byte stream")
struct ByteStreamTests {
    let loop: EventLoop
    let near = Recorder()
    let far = Recorder()

    init() throws { loop = try EventLoop() }

    func accept(_ socket: AcceptedSocket, _ stream: inout ByteStream?) {
        stream = ByteStream(socket, on: loop)
        stream?.start(for: far)
    }

    @Test func `delivers head and body in one piece`() throws {
        let (left, right) = makeSocketPair()
        let sender = ByteStream(left, on: loop)
        sender.start(for: near)
        let receiver = ByteStream(right, on: loop)
        receiver.start(for: far)
        let result = sender.write(Array("head ".utf8).span, Array("body".utf8).span)
        #expect(result == .written)
        try loop.run { far.received.count == 9 }
        #expect(String(decoding: far.received, as: UTF8.self) == "head body")
        #expect(receiver.isOpen)
    }

    @Test func `queues what the socket does not take, sends it in order and says when it has`() throws {
        let (left, right) = makeSocketPair()
        let sender = ByteStream(left, on: loop)
        sender.start(for: near)
        let receiver = ByteStream(right, on: loop)
        receiver.start(for: far)
        receiver.pauseReading()
        var expected: [UInt8] = []
        var wasQueued = false
        for round in 0..<40 {
            let piece = [UInt8](repeating: UInt8(round), count: 50_000)
            expected += piece
            let result = sender.write(piece.span, [UInt8(round)].span)
            expected.append(UInt8(round))
            if result == .queued { wasQueued = true }
        }
        #expect(wasQueued)
        #expect(sender.queuedBytes > 0)
        receiver.resumeReading()
        try loop.run { far.received.count == expected.count }
        #expect(far.received == expected)
        #expect(near.drains == 1)
        #expect(sender.queuedBytes == 0)
    }

    @Test func `reads nothing while paused`() throws {
        let (left, right) = makeSocketPair()
        let sender = ByteStream(left, on: loop)
        sender.start(for: near)
        let receiver = ByteStream(right, on: loop)
        receiver.start(for: far)
        receiver.pauseReading()
        _ = sender.write(Array("x".utf8).span)
        var turnIsOver = false
        let timer = try LoopTimer(on: loop) { turnIsOver = true }
        timer.schedule(afterMilliseconds: 20)
        try loop.run { turnIsOver }
        #expect(far.received.isEmpty)
        receiver.resumeReading()
        try loop.run { !far.received.isEmpty }
    }

    @Test func `tells the end of input once and can still write`() throws {
        let (left, right) = makeSocketPair()
        let sender = ByteStream(left, on: loop)
        sender.start(for: near)
        let receiver = ByteStream(right, on: loop)
        receiver.start(for: far)
        sender.shutdownOutput()
        try loop.run { far.isEnded }
        let result = receiver.write(Array("still here".utf8).span)
        #expect(result == .written)
        try loop.run { near.received.count == 10 }
    }

    @Test func `refuses writing after close, and closing twice does nothing`() {
        let (left, _) = makeSocketPair()
        let stream = ByteStream(left, on: loop)
        stream.start(for: near)
        stream.close()
        stream.close()
        let result = stream.write([1].span)
        #expect(result == .failed(SocketError("send", EPIPE)))
    }

    @Test func `may be closed within its own callback`() throws {
        let (left, right) = makeSocketPair()
        let sender = ByteStream(left, on: loop)
        sender.start(for: near)
        let receiver = ByteStream(right, on: loop)
        receiver.start(for: far)
        far.onEvent = { receiver.close() }
        _ = sender.write([1].span)
        try loop.run { !receiver.isOpen }
        try loop.run { near.isEnded }
    }

    @Test func `connects, and sends what was written before it was connected`() throws {
        let socket = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        var accepted: ByteStream?
        let listener = try Listener(socket, on: loop) { event in
            if case .accepted(let socket) = event { self.accept(socket, &accepted) }
        }
        let stream = try ByteStream(connectingTo: listener.address, on: loop)
        stream.start(for: near)
        let result = stream.write(Array("early".utf8).span)
        #expect(result == .queued)
        try loop.run { far.received.count == 5 }
        #expect(near.isConnected)
        #expect(accepted?.isOpen == true)
    }

    @Test func `tells a refused connection`() throws {
        let address = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0)).address  // closed at once
        let stream = try ByteStream(connectingTo: address, on: loop)
        stream.start(for: near)
        try loop.run { near.failure != nil }
        #expect(near.failure == SocketError("connect", ECONNREFUSED))
        #expect(stream.isOpen)  // until its owner closes it
    }

    @Test func `an abort reaches the peer as a reset`() throws {
        let socket = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        var accepted: ByteStream?
        let listener = try Listener(socket, on: loop) { event in
            if case .accepted(let socket) = event { self.accept(socket, &accepted) }
        }
        let stream = try ByteStream(connectingTo: listener.address, on: loop)
        stream.start(for: near)
        try loop.run { accepted != nil && near.isConnected }
        accepted?.abort()
        try loop.run { near.failure != nil }
        #expect(near.failure?.code == ECONNRESET)
        stream.close()
    }
}

@Suite("Deadlines")
struct DeadlinesTests {
    let loop: EventLoop
    init() throws { loop = try EventLoop() }

    @Test func `expire once each, the moved and the cancelled ones not at their old time`() throws {
        var expired: [Int] = []
        let deadlines = try Deadlines(on: loop) { expired.append($0) }
        deadlines.reserve(4)
        deadlines[0] = loop.now.advanced(byMilliseconds: 60)
        deadlines[1] = loop.now.advanced(byMilliseconds: 20)
        deadlines[2] = loop.now.advanced(byMilliseconds: 20)
        deadlines[3] = loop.now.advanced(byMilliseconds: 30)
        deadlines[2] = .never
        deadlines[3] = loop.now.advanced(byMilliseconds: 60_000)
        try loop.run { expired.count >= 2 }
        #expect(expired == [1, 0])
        #expect(deadlines[0] == .never)
    }

    @Test func `never expire early`() throws {
        var isExpired = false
        let deadlines = try Deadlines(on: loop) { _ in isExpired = true }
        deadlines.reserve(1)
        let deadline = loop.now.advanced(byMilliseconds: 50)
        deadlines[0] = deadline
        try loop.run { isExpired }
        #expect(Instant.current() >= deadline)
    }

    @Test func `may be set again while they expire`() throws {
        var count = 0
        var deadlines: Deadlines!
        deadlines = try Deadlines(on: loop) { slot in
            count += 1
            if count < 3 { deadlines[slot] = self.loop.now.advanced(byMilliseconds: 5) }
        }
        deadlines.reserve(1)
        deadlines[0] = loop.now.advanced(byMilliseconds: 5)
        try loop.run { count == 3 }
    }

    @Test func `an instant saturates instead of overflowing`() {
        #expect(Instant(milliseconds: .max - 1).advanced(byMilliseconds: 5) == .never)
    }
}

@Suite("A mailbox")
struct MailboxTests {
    @Test func `delivers on the receiving loop, in the order sent`() throws {
        let loop = try EventLoop()
        let mailbox = try Mailbox<Int>()
        var received: [Int] = []
        let inbox = try Inbox(mailbox, on: loop) { received.append($0) }
        let sender = try LoopThread(named: "sender") { for number in 0..<1000 { mailbox.send(number) } }
        try loop.run { received.count == 1000 }
        sender.join()
        #expect(received == Array(0..<1000))
        withExtendedLifetime(inbox) {}
    }
}

@Suite("Socket addresses")
struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "0.0.0.0:80"), ("::1", "[::1]:80"), ("2001:db8::a", "[2001:db8::a]:80"),
        ("::ffff:192.0.2.1", "192.0.2.1:80"),
    ])
    func `an IP literal resolves to itself`(_ host: String, _ description: String) throws {
        #expect(try SocketAddress.resolve(host: host, port: 80).map(\.description) == [description])
    }

    @Test func `a name without an address says so`() {
        #expect(throws: ResolutionError.self) { try SocketAddress.resolve(host: "no-such-host.invalid", port: 80) }
    }

    @Test func `two sockets may listen on one address, as two workers do`() throws {
        let first = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        let second = try ListeningSocket(boundTo: first.address)
        #expect(first.address == second.address)
        #expect(first.address.port != 0)
    }
}

@Suite("Unix sockets")
struct UnixSocketTests {
    let folder = "/tmp/slidegate-\(getpid())-\(UInt32.random(in: .min ... .max))"
    var path: String { folder + "/a.sock" }

    init() { mkdir(folder, 0o700) }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test func `are bound, connected to, and their peers have no name`() throws {
        let loop = try EventLoop()
        let socket = try ListeningSocket(boundTo: .unix(path: path))
        #expect(socket.address == .unix(path: path))
        #expect(socket.address.description == "unix:\(path)")
        var accepted: AcceptedSocket?
        let listener = try Listener(socket, on: loop) { if case .accepted(let socket) = $0 { accepted = socket } }
        let recorder = Recorder()
        let stream = try ByteStream(connectingTo: .unix(path: path), on: loop)
        stream.start(for: recorder)
        try loop.run { accepted != nil && recorder.isConnected }
        #expect(accepted?.peer == .unnamed)
        #expect(accepted.map { "\($0.peer)" } == "unix")
        stream.close()
        withExtendedLifetime(listener) {}
        socket.file?.remove()
        #expect(!exists(path))
        rmdir(folder)
    }

    @Test func `are open to their owner alone until told otherwise`() throws {
        let socket = try ListeningSocket(boundTo: .unix(path: path))
        #expect(mode(path) & 0o077 == 0)
        try socket.file?.setMode(0o660)
        #expect(mode(path) == 0o660)
        socket.file?.remove()
        rmdir(folder)
    }

    @Test func `that nobody listens on any more are replaced`() throws {
        do { _ = try ListeningSocket(boundTo: .unix(path: path)) }
        #expect(exists(path))
        // A program that another test starts just now has a copy of the socket until it is there.
        var second: ListeningSocket?
        for _ in 0..<1_000 where second == nil {
            second = try? ListeningSocket(boundTo: .unix(path: path))
            if second == nil { usleep(10_000) }
        }
        try #require(second).file?.remove()
        #expect(!exists(path))
        rmdir(folder)
    }

    @Test func `that are in use are left alone, and so is any other file`() throws {
        let socket = try ListeningSocket(boundTo: .unix(path: path))
        #expect(throws: SocketError("bind unix:\(path)", EADDRINUSE)) { try ListeningSocket(boundTo: .unix(path: path)) }
        #expect(exists(path))
        let file = folder + "/file"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: SocketError("bind unix:\(file)", EEXIST)) { try ListeningSocket(boundTo: .unix(path: file)) }
        #expect(exists(file))
        unlink(file)
        socket.file?.remove()
        rmdir(folder)
    }

    @Test func `are removed only by whoever they belong to`() throws {
        let first = try ListeningSocket(boundTo: .unix(path: path))
        unlink(path)
        let second = try ListeningSocket(boundTo: .unix(path: path))
        first.file?.remove()
        #expect(exists(path))
        second.file?.remove()
        #expect(!exists(path))
        rmdir(folder)
    }
}

@Suite("What is registered on a loop")
struct RegistrationTests {
    @Test func `keeps the loop: its end would leave the event behind without a base`() throws {
        weak var loop: EventLoop?
        func makeTimer() throws -> LoopTimer {
            let made = try EventLoop()
            loop = made
            return try LoopTimer(on: made) {}
        }
        func makeSignal() throws -> LoopSignal {
            let made = try EventLoop()
            loop = made
            return try LoopSignal(SIGUSR2, on: made) {}
        }
        func makeInbox() throws -> Inbox<Int> {
            let made = try EventLoop()
            loop = made
            return try Inbox(try Mailbox<Int>(), on: made) { _ in }
        }
        let timer = try makeTimer()
        #expect(loop != nil)
        withExtendedLifetime(timer) {}
        let signal = try makeSignal()
        #expect(loop != nil)
        withExtendedLifetime(signal) {}
        let inbox = try makeInbox()
        #expect(loop != nil)
        withExtendedLifetime(inbox) {}
    }

    @Test func `ends with the last of them`() throws {
        weak var loop: EventLoop?
        do {
            let made = try EventLoop()
            loop = made
            let timer = try LoopTimer(on: made) {}
            withExtendedLifetime(timer) {}
        }
        #expect(loop == nil)
    }
}
